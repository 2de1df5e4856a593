/** What a node does by itself, once a day: forgets the steps whose messages have long left the queue. */
import { reasonOf } from '../errors.js'
import type { Logger } from './types.js'

const DAY_MS = 86_400_000
/** Far beyond the day that a message may stay in the queue. */
const KEPT_DAYS = 30

interface Steps {
  purgeSteps(before: Date): Promise<number>
}

/** An hour after the start and then every day; a failure goes to the log. Returns what stops it. */
export function startHousekeeping(ledger: Steps, clock: () => Date, log: Logger): () => void {
  const run = (): void => {
    ledger.purgeSteps(new Date(clock().getTime() - KEPT_DAYS * DAY_MS)).catch((error: unknown) => {
      log.logerror(`old steps could not be forgotten: ${reasonOf(error)}`)
    })
  }
  const first = setTimeout(run, DAY_MS / 24).unref()
  const daily = setInterval(run, DAY_MS).unref()
  return () => {
    clearTimeout(first)
    clearInterval(daily)
  }
}
