/** The clock of the points: guarded where [clock] names servers. */
import { ClockGuard } from '../clock/clock-guard.js'
import type { Config } from '../config/config.js'
import type { Clock } from '../points/ports.js'
import type { Health } from '../watch/health.js'

/** For the log, where it is so. */
export const UNCOMPARED = 'the clock is not compared with others: [clock] of pec.ini names no servers'

export interface GatewayClock {
  readonly read: Clock
  /** Milliseconds by which it is ahead; undefined where nobody knows. */
  drift(): number | undefined
  stop(): void
}

/** Resolves once the clock has been compared, or could not be. */
export async function openClock(settings: Config['clock'], health: Health): Promise<GatewayClock> {
  if (settings === undefined) return { read: () => new Date(), drift: () => undefined, stop: () => undefined }
  const guard = new ClockGuard({
    ...settings,
    report: (trouble) => (trouble === undefined ? health.works('clock') : health.failed('clock', trouble)),
  })
  await guard.compare()
  return guard
}
