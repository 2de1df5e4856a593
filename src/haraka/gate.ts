/**
 * The gate of prepare–commit–release: a message that a step prepared leaves the queue only once the ledger has the step. While
 * the step is in hand the answer is waited for in memory; after a restart the ledger gives it.
 */

/** How a step ended. `unknown`: the database did not say, and is asked again when a message wants to leave. */
export type Settlement = 'committed' | 'dropped' | 'unknown'

export interface Gate {
  /** A step begins to prepare messages. */
  open(step: string): void
  settle(step: string, how: Settlement): void
  /** Whether a message of the step may leave; waits while the step is in hand. Rejects when the ledger cannot tell. */
  passes(step: string): Promise<boolean>
}

interface Pending {
  readonly settled: Promise<Settlement>
  readonly settle: (how: Settlement) => void
}

/** `isCommitted` asks the ledger. */
export function newGate(isCommitted: (step: string) => Promise<boolean>): Gate {
  const pending = new Map<string, Pending>()
  return {
    open(step) {
      let settle: (how: Settlement) => void = () => undefined
      const settled = new Promise<Settlement>((resolve) => (settle = resolve))
      pending.set(step, { settled, settle })
    },
    settle(step, how) {
      pending.get(step)?.settle(how)
      pending.delete(step)
    },
    async passes(step) {
      const how = await pending.get(step)?.settled
      return how === undefined || how === 'unknown' ? isCommitted(step) : how === 'committed'
    },
  }
}
