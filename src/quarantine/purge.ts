/** What leaves quarantine, and when: after its time, or sooner with a reason; never while it is held. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PecError, reasonOf } from '../errors.js'
import type { QuarantinedMessage } from '../points/ports.js'

export interface PurgeMeans {
  /** Where the files are. */
  readonly directory: string
  /** Other machines have files of their own: what is not here may be there. */
  readonly shared: boolean
  readonly now: Date
  /** Identifiers of the messages that are held. */
  readonly held: ReadonlySet<string>
  /** Makes the purge an event of the register; durable when it resolves. */
  readonly record: (kept: QuarantinedMessage, outcome: string) => Promise<void>
  /** Takes the row out. */
  readonly forget: (id: string) => Promise<void>
}

/** early: its time is not over, and nobody gave a reason. elsewhere: its file is on another machine. */
export type PurgeVerdict = 'purged' | 'held' | 'early' | 'elsewhere'

/**
 * Purges a message; with a reason also before its time. The file goes first, the row last: what a crash leaves is purged again. Rejects
 * with PecError 'quarantine' if the file cannot be removed, or as `record` and `forget` do.
 */
export async function purgeKept(kept: QuarantinedMessage, means: PurgeMeans, reason?: string): Promise<PurgeVerdict> {
  const { id, identifier, signature, sha256, until } = kept
  if (means.held.has(identifier)) return 'held'
  const isOver = until <= means.now
  if (!isOver && reason === undefined) return 'early'
  const path = join(means.directory, `${id}.eml`)
  if (means.shared && !(await isFile(path))) return 'elsewhere'
  await remove(path)
  const why = reason === undefined ? 'its time was over' : `${isOver ? '' : 'before its time: '}${reason}`
  await means.record(kept, `purged from quarantine (${signature}, SHA-256 ${sha256}), ${why}`)
  await means.forget(id)
  return 'purged'
}

/** Purges all whose time is over; they come with the first to go first. Each verdict is told; resolves to how many went. Rejects as above. */
export async function purgeOver(
  all: AsyncIterable<QuarantinedMessage>,
  means: PurgeMeans,
  tell: (kept: QuarantinedMessage, verdict: PurgeVerdict) => void = () => undefined,
): Promise<number> {
  let purged = 0
  for await (const kept of all) {
    if (kept.until > means.now) break
    const verdict = await purgeKept(kept, means)
    if (verdict === 'purged') purged++
    tell(kept, verdict)
  }
  return purged
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw new PecError('quarantine', `${path} cannot be removed: ${reasonOf(cause)}`, { cause })
  })
}
