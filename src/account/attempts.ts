/** How often something was tried of late, so that nobody guesses passwords at leisure. */
import type { Clock } from '../points/ports.js'

interface Count {
  tries: number
  /** Milliseconds. */
  readonly until: number
}

export class Attempts {
  private readonly clock: Clock
  private readonly most: number
  private readonly period: number
  private readonly capacity: number
  private readonly counts = new Map<string, Count>()

  /** `most` tries of one key in `period` milliseconds. Beyond `capacity` keys the oldest is forgotten. */
  constructor(clock: Clock, most: number, period: number, capacity = 100_000) {
    this.clock = clock
    this.most = most
    this.period = period
    this.capacity = capacity
  }

  /** Counts a try; false if there were too many before it. */
  take(key: string): boolean {
    const now = this.clock().getTime()
    const known = this.counts.get(key)
    const count = known !== undefined && now < known.until ? known : this.begin(key, now)
    if (count.tries >= this.most) return false
    count.tries += 1
    return true
  }

  /** Whether a try would not be let through. */
  isSpent(key: string): boolean {
    const count = this.counts.get(key)
    return count !== undefined && count.tries >= this.most && this.clock().getTime() < count.until
  }

  /** A try that was taken does not count after all. */
  giveBack(key: string): void {
    const count = this.counts.get(key)
    if (count !== undefined && count.tries > 0) count.tries -= 1
  }

  private begin(key: string, now: number): Count {
    const count = { tries: 0, until: now + this.period }
    this.counts.delete(key)
    this.counts.set(key, count)
    const [oldest] = this.counts.keys()
    if (this.counts.size > this.capacity && oldest !== undefined) this.counts.delete(oldest)
    return count
  }
}
