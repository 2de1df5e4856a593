/**
 * File descriptors: every session takes some, and so does what must be done for those under way. A process keeps a part of what the
 * system allows it for that; clients that come beyond are sent away for now.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { PecError } from '../errors.js'

/** Of the descriptors that the system allows, those for work in hand: queue files, the spool, mailboxes, the ledger. */
const RESERVED_PART = 1 / 4
const RESERVED_MOST = 512
/** How long a count may be old. */
const COUNTED_MS = 100

export interface Descriptors {
  /** The soft limit; Infinity where the system does not tell. */
  readonly limit: number
  /** Those in use now. */
  readonly count: () => number
}

/** Of this process, by Linux's /proc. */
export function ownDescriptors(): Descriptors {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return { limit: Number(limit ?? Infinity), count: () => readdirSync('/proc/self/fd').length }
  } catch {
    return { limit: Infinity, count: () => 0 }
  }
}

/** Tells of each client that comes whether there is room for it; `report` is told of each that has none, and when there is room again. */
export function admission(
  { limit, count }: Descriptors,
  report: (trouble: PecError | undefined) => void,
  steady: () => number = () => performance.now(),
): () => boolean {
  const most = limit - Math.min(limit * RESERVED_PART, RESERVED_MOST)
  let used = 0
  let countedAt = -Infinity
  let isFull = false
  return () => {
    if (steady() - countedAt < COUNTED_MS) used++
    else {
      used = countOr(limit, count)
      countedAt = steady()
    }
    const wasFull = isFull
    isFull = used > most
    if (isFull) report(new PecError('descriptors', wordsFor(used, limit), { temporary: true }))
    else if (wasFull) report(undefined)
    return !isFull
  }
}

function wordsFor(used: number, limit: number): string {
  return (
    `too many file descriptors are in use (${used} of ${limit}): clients are sent away for now; ` +
    'raise the limit of open files (ulimit -n, LimitNOFILE of systemd) if this comes back'
  )
}

/** To count takes a descriptor: without any, all are in use. */
function countOr(limit: number, count: () => number): number {
  try {
    return count()
  } catch {
    return limit
  }
}
