/**
 * A clock that does not tell a wrong time (K3): it is compared with other clocks every few minutes, and between two comparisons with
 * one that nobody sets.
 */
import { PecError } from '../errors.js'
import { oneAtATime } from '../one-at-a-time.js'
import type { Clock } from '../points/ports.js'
import { compareClock, shown } from './comparison.js'
import { askServer, type AskServer, type TimeServer } from './time-server.js'

export interface GuardSettings {
  readonly sources: readonly (readonly TimeServer[])[]
  /** Seconds. */
  readonly interval: number
  readonly alarm: number
  readonly stop: number
  /** What is wrong after a comparison; undefined if nothing is. */
  readonly report: (trouble: PecError | undefined) => void
  readonly wall?: Clock
  /** Milliseconds on a clock that nobody sets. */
  readonly steady?: () => number
  readonly ask?: AskServer
}

/** While the clock is wrong it is compared more often. */
const WRONG_INTERVAL_S = 30

interface Reading {
  /** Milliseconds by which our clock was ahead. */
  readonly ahead: number
  /** The wall clock less the steady one at that time. */
  readonly base: number
}

export class ClockGuard {
  private readonly settings: GuardSettings
  private readonly wall: Clock
  private readonly steady: () => number
  private last: Reading | undefined
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(settings: GuardSettings) {
    this.settings = settings
    this.wall = settings.wall ?? (() => new Date())
    this.steady = settings.steady ?? (() => performance.now())
  }

  /** The time. Throws PecError 'clock', temporary, while it is known to be wrong. */
  readonly read: Clock = () => {
    const now = this.wall()
    const ahead = this.ahead(now)
    if (ahead === undefined || !this.isWrong(ahead)) return now
    // Somebody has set it since: the servers know whether that was right.
    if (this.last !== undefined && !this.isWrong(this.last.ahead)) void this.compare()
    throw new PecError('clock', `our clock is ${shown(ahead)}: nothing is certified until it is right`, { temporary: true })
  }

  /** Milliseconds by which our clock is ahead, by the last comparison and what was set since; undefined while that is not known. */
  drift(): number | undefined {
    return this.ahead(this.wall())
  }

  /** Compares at once, or waits for the comparison under way, and then from time to time. Never rejects. */
  readonly compare = oneAtATime(() => this.compareNow())

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  private async compareNow(): Promise<void> {
    const { sources, alarm, interval, ask = askServer, report } = this.settings
    clearTimeout(this.timer)
    const { ahead, alarms } = await compareClock(sources, alarm * 1000, ask)
    if (this.stopped) return
    if (ahead !== undefined) this.last = { ahead, base: this.base(this.wall()) }
    // Without anybody to ask, only what was found wrong, and has not been set since, stays wrong.
    else if (this.last !== undefined && !this.isWrong(this.last.ahead)) this.last = undefined
    const wrong = this.last !== undefined && this.isWrong(this.last.ahead)
    report(alarms.length === 0 ? undefined : new PecError('clock', alarms.join('; '), { temporary: wrong }))
    const next = wrong ? Math.min(interval, WRONG_INTERVAL_S) : interval
    this.timer = setTimeout(() => void this.compare(), next * 1000).unref()
  }

  /** Milliseconds by which our clock is ahead now; undefined if that was never found out. */
  private ahead(now: Date): number | undefined {
    return this.last === undefined ? undefined : this.last.ahead + this.base(now) - this.last.base
  }

  private base(now: Date): number {
    return now.getTime() - this.steady()
  }

  private isWrong(ahead: number): boolean {
    return Math.abs(ahead) > this.settings.stop * 1000
  }
}
