/** Chance that can be played again from its seed. */

export class Chance {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 up to, but not including, 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `low` up to, but not including, `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low))
  }

  /** Whether something of this probability happens. */
  happens(probability: number): boolean {
    return this.next() < probability
  }

  /** Throws if there is nothing to choose from. */
  one<T>(of: readonly T[]): T {
    const chosen = of[this.between(0, of.length)]
    if (chosen === undefined) throw new Error('nothing to choose from')
    return chosen
  }

  /** So many different ones, or all. */
  some<T>(of: readonly T[], count: number): T[] {
    const left = [...of]
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.between(0, left.length), 1)).flat()
  }

  /** Another one, whose numbers do not depend on how many are taken from this. */
  branch(): Chance {
    return new Chance(this.between(0, 2 ** 31))
  }
}
