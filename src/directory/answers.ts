/** Answers of a server, remembered for a while: what it found, and what it did not. */
import type { Clock } from '../points/ports.js'

interface Remembered<T> {
  readonly value: T | undefined
  /** Milliseconds. */
  readonly until: number
}

export interface Ages {
  /** Seconds that something found is remembered. */
  readonly known: number
  /** Seconds that it is remembered that there is nothing. */
  readonly unknown: number
}

export class Answers<T> {
  private readonly clock: Clock
  private readonly ages: Ages
  private readonly capacity: number
  private readonly entries = new Map<string, Remembered<T>>()
  private readonly asking = new Map<string, Promise<T | undefined>>()

  /** Beyond `capacity` answers the oldest is forgotten. */
  constructor(clock: Clock, ages: Ages, capacity: number) {
    this.clock = clock
    this.ages = ages
    this.capacity = capacity
  }

  /** The answer that is remembered, or that `ask` gets now: once for all who want to know it at the same time. A failure is not remembered. */
  async get(key: string, ask: () => Promise<T | undefined>): Promise<T | undefined> {
    const entry = this.entries.get(key)
    if (entry !== undefined && this.clock().getTime() < entry.until) return entry.value
    const asked = this.asking.get(key) ?? this.ask(key, ask)
    return asked
  }

  /** The next one who wants to know asks. */
  forget(key: string): void {
    this.entries.delete(key)
  }

  private ask(key: string, ask: () => Promise<T | undefined>): Promise<T | undefined> {
    const answer = ask()
      .then((value) => {
        this.remember(key, value)
        return value
      })
      .finally(() => this.asking.delete(key))
    this.asking.set(key, answer)
    return answer
  }

  private remember(key: string, value: T | undefined): void {
    const seconds = value === undefined ? this.ages.unknown : this.ages.known
    this.entries.delete(key)
    this.entries.set(key, { value, until: this.clock().getTime() + seconds * 1000 })
    if (this.entries.size <= this.capacity) return
    const [oldest] = this.entries.keys()
    if (oldest !== undefined) this.entries.delete(oldest)
  }
}
