/** The troubles that have been told, kept over a restart: they are not told again, and their end is. */
import { readFileSync } from 'node:fs'
import { hasCode, PecError, reasonOf } from '../errors.js'
import { replaceFile } from '../replace-file.js'
import type { Told } from './node-troubles.js'

export class ToldFile {
  private readonly path: string
  private readonly onEvent: (line: string) => void
  private writing: Promise<void> = Promise.resolve()

  /** `onEvent` gets lines for the log. */
  constructor(path: string, onEvent: (line: string) => void) {
    this.path = path
    this.onEvent = onEvent
  }

  /** None if there is no file, or none that can be read. */
  read(): readonly Told[] {
    try {
      return parse(readFileSync(this.path, 'utf8'))
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) this.onEvent(`${this.path} cannot be read: ${reasonOf(error)}`)
      return []
    }
  }

  /** Resolves when it is kept, or cannot be. */
  write(told: readonly Told[]): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(told))
    return (this.writing = this.writing.then(() =>
      replaceFile(this.path, bytes, 0o600).catch((error: unknown) =>
        this.onEvent(`${this.path} cannot be written: ${reasonOf(error)}`),
      ),
    ))
  }
}

function parse(text: string): readonly Told[] {
  const told = JSON.parse(text, (key, value: unknown) =>
    key === 'since' || key === 'toldAt' ? new Date(String(value)) : value,
  ) as unknown
  const isTold = (each: unknown): each is Told =>
    typeof each === 'object' && each !== null && 'part' in each && 'since' in each && 'toldAt' in each
  if (!Array.isArray(told) || !told.every(isTold)) throw new PecError('malformed', 'it is no list of troubles')
  return told
}
