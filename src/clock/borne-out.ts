/**
 * Whether anything speaks against the wall clock, before something is done by it that cannot be undone. A machine may boot with a clock
 * that is days ahead; nobody has set it then, and where [clock] names no servers, nobody has compared it.
 */
import { PecError } from '../errors.js'

/** What a register knows of the time. */
export interface TimeWitness {
  /** The clock of the database's server; undefined where there is none. Rejects with PecError 'ledger', temporary. */
  serverTime(): Promise<Date | undefined>
  /** The time of the last event before another. Rejects with PecError 'ledger', temporary. */
  lastEventBefore(time: Date): Promise<Date | undefined>
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** A provider without any event for longer does not need what old age would bring. */
const SILENCE_MS = 7 * DAY_MS

/** Rejects with PecError 'clock', temporary, if the ledger's server has another time. */
export async function compareWithServer(now: Date, witness: Pick<TimeWitness, 'serverTime'>): Promise<void> {
  const server = await witness.serverTime()
  const ahead = server === undefined ? 0 : now.getTime() - server.getTime()
  if (Math.abs(ahead) <= MINUTE_MS) return
  const seconds = Math.round(Math.abs(ahead) / 1000)
  const which = ahead > 0 ? 'ahead of' : 'behind'
  throw new PecError('clock', `our clock is ${seconds} s ${which} that of the ledger's server: set the wrong one right`, {
    temporary: true,
  })
}

/**
 * Tells at each time whether what cannot be undone may be done by it: not by a clock that the register does not bear out, which has no
 * event of the week before, at least an hour old. A process that has run for a day is believed nevertheless: nothing may have happened.
 * `tell` hears of it once. Rejects as compareWithServer does.
 */
export function cautionOf(
  witness: TimeWitness,
  tell: (line: string) => void,
  steady: () => number = () => performance.now(),
): (now: Date) => Promise<boolean> {
  const begun = steady()
  let isTold = false
  return async (now) => {
    await compareWithServer(now, witness)
    if (steady() - begun >= DAY_MS) return true
    const hourAgo = new Date(now.getTime() - HOUR_MS)
    const last = await witness.lastEventBefore(hourAgo)
    if (last === undefined || hourAgo.getTime() - last.getTime() <= SILENCE_MS) return true
    if (!isTold) tell(`${last.toISOString()} is the time of the register's last event but for this hour's: ${ADVICE}`)
    isTold = true
    return false
  }
}

const ADVICE =
  'if the clock is wrong, set it right; if not, days are archived and purged an hour after the next event, or tomorrow'

/** Whether the register ends more than a day before now, as after a long stop, or with a clock that is ahead. */
export async function hasGapBefore(now: Date, witness: Pick<TimeWitness, 'lastEventBefore'>): Promise<boolean> {
  const last = await witness.lastEventBefore(new Date(now.getTime() + 1))
  return last !== undefined && now.getTime() - last.getTime() > DAY_MS
}
