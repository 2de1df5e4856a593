/**
 * What a node does by itself, once a day: forgets the steps whose messages have long left the queue, and removes what dead
 * processes have left in the spool.
 */
import { reasonOf } from '../errors.js'
import { clearSpool } from './spool.js'
import type { Logger } from './types.js'

const DAY_MS = 86_400_000
/** Far beyond the day that a message may stay in the queue. */
const KEPT_DAYS = 30

interface Steps {
  purgeSteps(before: Date): Promise<number>
}

export interface Household {
  readonly ledger: Steps
  readonly spool: string
  readonly clock: () => Date
}

/** An hour after the start and then every day; a failure goes to the log. Returns what stops it. */
export function startHousekeeping({ ledger, spool, clock }: Household, log: Logger): () => void {
  const daysAgo = (days: number): Date => new Date(clock().getTime() - days * DAY_MS)
  const attempt = (what: string, work: () => Promise<unknown>): void => {
    work().catch((error: unknown) => log.logerror(`${what}: ${reasonOf(error)}`))
  }
  const run = (): void => {
    attempt('old steps could not be forgotten', async () => ledger.purgeSteps(daysAgo(KEPT_DAYS)))
    attempt('the spool could not be cleared', async () => clearSpool(spool, daysAgo(1)))
  }
  const first = setTimeout(run, DAY_MS / 24).unref()
  const daily = setInterval(run, DAY_MS).unref()
  return () => {
    clearTimeout(first)
    clearInterval(daily)
  }
}
