/**
 * Runs the time limits, on one node at a time. Notices go by the wall clock, so a clock that has just been set is not believed at
 * once, nor one that is far beyond the register's last event at the start: a step ahead would tell users that messages on their way are
 * late. One that is not that of the ledger's server is not believed at all.
 */
import { reasonOf } from '../errors.js'
import { compareWithServer, hasGapBefore } from '../clock/borne-out.js'
import { oneAtATime } from '../one-at-a-time.js'
import { giveDueNotices, type DeadlineHouse } from '../points/deadlines.js'
import { watchForSteps, type SteadyClock } from './clock-steps.js'
import type { Logger } from './types.js'

/** More often than that only where a trial has a limit of seconds. */
const EVERY_MS = 20_000
/** Looks for which the work is a node's: another finds it free at the third, a minute after the last, if the node has died. */
const LEASE_LOOKS = 2
/** How long a clock that was set is waited for to be set right again. */
const HOLD_MS = 600_000

export interface Job {
  /** One run, or the one under way: the notices that are due, if the work is ours and the clock steady. Never rejects. */
  run(): Promise<void>
  stop(): void
}

/** Runs at once and then three times a minute, or twice within a first limit that is shorter. `holder` names this node. */
export function startDeadlines(
  house: DeadlineHouse,
  holder: string,
  log: Logger,
  steady: SteadyClock = () => performance.now(),
): Job {
  const every = Math.min(EVERY_MS, house.deadlines.first * 500)
  const stepSince = watchForSteps(house.clock, steady)
  let heldUntil = -Infinity
  const hold = (why: string): void => {
    heldUntil = steady() + HOLD_MS
    log.logcrit(`${why}: no time limits for ${HOLD_MS / 60_000} minutes`)
  }
  let isFirst = true
  const look = async (): Promise<void> => {
    try {
      const now = house.clock()
      const step = stepSince()
      if (step !== 0) hold(`the clock was set by ${Math.round(step / 1000)} s`)
      await compareWithServer(now, house.ledger)
      if (isFirst && (await hasGapBefore(now, house.ledger)))
        hold('the register has no event of the last day, unless the clock is wrong')
      isFirst = false
      const held = steady() < heldUntil
      if (held || !(await house.ledger.lease('deadlines', holder, now, new Date(now.getTime() + LEASE_LOOKS * every)))) return
      const given = await giveDueNotices(house)
      if (given > 0) log.lognotice(`${given} time limit notices were given`)
    } catch (error) {
      log.logerror(`the time limits could not be looked at: ${reasonOf(error)}`)
    }
  }
  const run = oneAtATime(look)
  const timer = setInterval(() => void run(), every).unref()
  void run()
  return { run, stop: () => clearInterval(timer) }
}
