/**
 * File descriptors: every session takes some, and so does what must be done for those under way. A process keeps a part of what the
 * system allows it for that; clients that come beyond are sent away for now.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { Logger } from './types.js'

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

/** Tells of each client that comes whether there is room for it. */
export function admission(
  { limit, count }: Descriptors,
  log: Logger,
  steady: () => number = () => performance.now(),
): () => boolean {
  const most = limit - Math.min(limit * RESERVED_PART, RESERVED_MOST)
  let used = 0
  let countedAt = -Infinity
  let sentAway = 0
  return () => {
    if (steady() - countedAt < COUNTED_MS) used++
    else {
      used = countOr(limit, count)
      countedAt = steady()
    }
    if (used <= most) {
      if (sentAway > 0) log.lognotice(`there are file descriptors again: ${sentAway} clients were sent away meanwhile`)
      sentAway = 0
      return true
    }
    if (sentAway++ === 0)
      log.logerror(
        `too many file descriptors are in use (${used} of ${limit}): clients are sent away for now; ` +
          'raise the limit of open files (ulimit -n, LimitNOFILE of systemd) if this comes back',
      )
    return false
  }
}

/** To count takes a descriptor: without any, all are in use. */
function countOr(limit: number, count: () => number): number {
  try {
    return count()
  } catch {
    return limit
  }
}
