/** The ways to an operator. */
import type { Alarm } from './node-troubles.js'

export interface Channel {
  /** For the log; without secrets. */
  readonly name: string
  /** Rejects if it did not arrive, within a bound. */
  send(alarm: Alarm): Promise<void>
}

/** The longest that a channel may wait for its other end, in milliseconds. */
export const CHANNEL_TIMEOUT_MS = 15_000
