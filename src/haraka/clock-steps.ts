/** Whether somebody has set the wall clock: it is held against one that nobody sets. */
import type { Clock } from '../points/ports.js'

/** The wall clock may run away from the steady one by this much between two looks. */
const DRIFT_MS = 5_000

/** Milliseconds on a clock that nobody sets. */
export type SteadyClock = () => number

/**
 * Tells at each look by how many milliseconds the wall clock was set since the last: 0 if it was not, and at the first. Throws what
 * the wall clock throws while it is known to be wrong.
 */
export function watchForSteps(clock: Clock, steady: SteadyClock): () => number {
  // Known at the first look: a clock that is known to be wrong does not tell the time.
  let offset: number | undefined
  return () => {
    const present = clock().getTime() - steady()
    const drift = offset === undefined ? 0 : present - offset
    offset = present
    return Math.abs(drift) > DRIFT_MS ? drift : 0
  }
}
