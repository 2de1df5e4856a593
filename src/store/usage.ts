/**
 * How many bytes a Maildir holds, sub-folders (Maildir++) included. Counting a large mailbox takes a while, so a count is kept for
 * some seconds and our own deliveries are added to it.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../errors.js'
import type { Clock } from '../points/ports.js'

interface Count {
  bytes: number
  readonly until: number
}

const LIFETIME = 30_000
const CAPACITY = 10_000
const SIZE_IN_NAME = /,S=(\d{1,15})(?:[,:]|$)/

export class MailboxUsage {
  private readonly clock: Clock
  private readonly counts = new Map<string, Count>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Bytes in the Maildir; 0 if there is none yet. */
  async bytesOf(maildir: string): Promise<number> {
    const now = this.clock().getTime()
    const known = this.counts.get(maildir)
    if (known !== undefined && now < known.until) return known.bytes
    const bytes = await count(maildir)
    this.counts.delete(maildir)
    this.counts.set(maildir, { bytes, until: now + LIFETIME })
    const [oldest] = this.counts.keys()
    if (this.counts.size > CAPACITY && oldest !== undefined) this.counts.delete(oldest)
    return bytes
  }

  /** Takes a delivery into account. */
  add(maildir: string, bytes: number): void {
    const known = this.counts.get(maildir)
    if (known !== undefined) known.bytes += bytes
  }
}

async function count(maildir: string): Promise<number> {
  const folders = (await namesIn(maildir)).filter((name) => name.startsWith('.')).map((name) => join(maildir, name))
  let bytes = 0
  for (const folder of [maildir, ...folders]) {
    for (const part of ['new', 'cur']) {
      for (const name of await namesIn(join(folder, part))) bytes += await sizeOf(join(folder, part), name)
    }
  }
  return bytes
}

async function sizeOf(folder: string, name: string): Promise<number> {
  const stated = SIZE_IN_NAME.exec(name)?.[1]
  if (stated !== undefined) return Number(stated)
  // A reader may rename or remove the message in this very moment.
  return stat(join(folder, name)).then(
    ({ size }) => size,
    () => 0,
  )
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
