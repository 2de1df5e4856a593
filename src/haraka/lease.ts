/** Work that one node does at a time: the register lends it, and lends it to another when a node is gone. */
import type { Clock } from '../points/ports.js'

export interface LeaseTerms {
  /** Names the work. */
  readonly job: string
  /** Names this node. */
  readonly holder: string
  /** Milliseconds after which another node may have it, if it was not asked for again. */
  readonly duration: number
  readonly clock: Clock
  /** The register's: whether the work is the holder's until then. */
  readonly ask: (job: string, holder: string, now: Date, until: Date) => Promise<boolean>
}

export interface Lease {
  /** Asks for it, or for more time. Rejects with PecError 'ledger', temporary. */
  readonly isOurs: () => Promise<boolean>
  /** Does something that may take longer, and asks for more time meanwhile. */
  readonly during: <T>(work: () => Promise<T>) => Promise<T>
}

export function leaseOn({ job, holder, duration, clock, ask }: LeaseTerms): Lease {
  const isOurs = (): Promise<boolean> => {
    const now = clock()
    return ask(job, holder, now, new Date(now.getTime() + duration))
  }
  return {
    isOurs,
    async during(work) {
      // A register that is away is noticed by the work itself.
      const renewal = setInterval(() => void isOurs().catch(() => undefined), duration / 3).unref()
      try {
        return await work()
      } finally {
        clearInterval(renewal)
      }
    },
  }
}
