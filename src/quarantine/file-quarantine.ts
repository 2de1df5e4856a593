/**
 * The special store for messages with a virus: a private directory, one file each, byte for byte. The ledger says what each is.
 * RFC 6109 §2.2.4
 *
 * A file is durable before the ledger commits to it. A crash in between leaves a file that no row of the ledger's table
 * `quarantine` names: nothing was certified, and it may go. Those are the files whose name (without `.eml`) is no `id` there.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PecError, reasonOf } from '../errors.js'
import type { KeptFile, Quarantine } from '../points/ports.js'
import { syncFolder, writeSource } from '../write-source.js'

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
        const sha256 = await writeSource(message, pathOf(id))
        await syncFolder(directory)
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

/** Where the month has no such day, some days later. */
function monthsLater(since: Date, months: number): Date {
  const until = new Date(since)
  until.setUTCMonth(until.getUTCMonth() + months)
  return until
}
