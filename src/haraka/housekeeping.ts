/**
 * What a node does by itself, once a day: forgets the steps whose messages have long left the queue, purges the quarantined messages whose
 * time is over, and removes what dead processes have left unfinished. All go by the wall clock, and what they take for old must be old: a step
 * that is forgotten too early would have its message dropped. So nothing is done on a day on which the clock was set, or by one that nothing
 * bears out, and what the queue still names stays.
 */
import { cautionOf, type TimeWitness } from '../clock/borne-out.js'
import { reasonOf } from '../errors.js'
import type { Clock } from '../points/ports.js'
import { watchForSteps, type SteadyClock } from './clock-steps.js'
import { stepsInQueue } from './queued-steps.js'
import { clearSpool } from './spool.js'
import type { Logger } from './types.js'

const DAY_MS = 86_400_000
/** Far beyond the day that a message may stay in the queue. */
const KEPT_DAYS = 30

interface Steps extends TimeWitness {
  purgeSteps(before: Date, kept: ReadonlySet<string>): Promise<number>
}

export interface Household {
  readonly ledger: Steps
  /** Purges what this node keeps whose time is over then; resolves to how many. */
  readonly purgeQuarantine: (now: Date) => Promise<number>
  /** Haraka's folder. */
  readonly queue: string
  /** Folders of files that are worked on. */
  readonly spools: readonly string[]
  readonly clock: Clock
  readonly steady?: SteadyClock
}

/** An hour after the start and then every day; a failure goes to the log. Returns what stops it. */
export function startHousekeeping(household: Household, log: Logger): () => void {
  const { ledger, purgeQuarantine, queue, spools, clock, steady = () => performance.now() } = household
  const stepSince = watchForSteps(clock, steady)
  const mayActOn = cautionOf(ledger, (line) => log.logwarn(line), steady)
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      log.logerror(`${what}: ${reasonOf(error)}`)
    }
  }
  const look = async (): Promise<void> => {
    const step = stepSince()
    if (step !== 0) {
      log.logwarn(`the clock was set by ${Math.round(step / 1000)} s: nothing is forgotten or cleared today`)
      return
    }
    const now = clock().getTime()
    if (!(await mayActOn(new Date(now)))) return
    await attempt('old steps could not be forgotten', async () =>
      ledger.purgeSteps(new Date(now - KEPT_DAYS * DAY_MS), await stepsInQueue(queue)),
    )
    await attempt('quarantine could not be purged', () => purgeQuarantine(new Date(now)))
    for (const spool of spools) await attempt(`${spool} could not be cleared`, () => clearSpool(spool, new Date(now - DAY_MS)))
  }
  const run = (): void => void attempt('the house could not be kept', look)
  void attempt('the clock could not be looked at', () => Promise.resolve(stepSince()))
  const first = setTimeout(run, DAY_MS / 24).unref()
  const daily = setInterval(run, DAY_MS).unref()
  return () => {
    clearTimeout(first)
    clearInterval(daily)
  }
}
