/**
 * The special store for messages with a virus: a private directory, one file each, byte for byte. The ledger says what each is.
 * RFC 6109 §2.2.4
 *
 * A file is durable before the ledger commits to it. A crash in between leaves a file that no row of the ledger's table
 * `quarantine` names: nothing was certified, and it may go. Those are the files whose name (without `.eml`) is no `id` there.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { PecError, reasonOf } from '../errors.js'
import type { Source } from '../mail/source.js'
import type { KeptFile, Quarantine } from '../points/ports.js'

export interface QuarantineSettings {
  readonly directory: string
  /** How long a message is kept. */
  readonly months: number
}

/** Opens the store, making its directory. Rejects with PecError 'configuration' if it is none, or not private. */
export async function openFileQuarantine({ directory, months }: QuarantineSettings): Promise<Quarantine> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new PecError('configuration', `the quarantine ${directory} cannot be made: ${reasonOf(cause)}`, { cause })
  }
  const { mode } = await stat(directory)
  if ((mode & 0o077) !== 0)
    throw new PecError('configuration', `the quarantine ${directory} may be read by others than its owner: make it 700`)
  // The name is ours alone: nothing of the message is in it.
  const pathOf = (id: string): string => join(directory, `${id}.eml`)
  return {
    async keep(message, since) {
      const id = randomUUID()
      try {
        const sha256 = await write(message, pathOf(id))
        await syncDirectory(directory)
        return { id, sha256, size: message.size, until: monthsLater(since, months) }
      } catch (cause) {
        await rm(pathOf(id), { force: true }).catch(() => undefined)
        throw new PecError('quarantine', `the quarantine ${directory} did not take a message: ${reasonOf(cause)}`, {
          temporary: true,
          cause,
        })
      }
    },
    async discard({ id }: KeptFile) {
      await rm(pathOf(id), { force: true })
    },
  }
}

/** Writes the file to the disk and resolves with its SHA-256. */
async function write(message: Source, path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of message.chunks()) {
      hash.update(chunk)
      await writeWhole(file, chunk)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

async function writeWhole(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Where the month has no such day, some days later. */
function monthsLater(since: Date, months: number): Date {
  const until = new Date(since)
  until.setUTCMonth(until.getUTCMonth() + months)
  return until
}
