/** A ledger that tells what it has committed. */
import type { DeadlineLedger, Entry } from '../points/ports.js'
import type { Watched } from './watched.js'

/** Messages whose time of acceptance is kept, for the delays of their outcomes. */
const REMEMBERED = 10_000

export function watchLedger(ledger: DeadlineLedger, { watch, health, clock }: Watched): DeadlineLedger {
  const accepted = new Map<string, Date>()
  const remember = ({ identifier, acceptedAt }: { readonly identifier: string; readonly acceptedAt: Date }): void => {
    if (accepted.size >= REMEMBERED) for (const oldest of accepted.keys()) if (accepted.delete(oldest)) break
    accepted.set(identifier, acceptedAt)
  }
  const tell = ({ events, at, message, quarantined }: Entry, milliseconds: number): void => {
    if (message !== undefined) remember(message)
    const identifier = events.find((event) => event.identifier !== '')?.identifier
    const acceptedAt = identifier === undefined ? undefined : accepted.get(identifier)
    watch.tell({ kind: 'registered', at: at.date, events, acceptedAt, milliseconds })
    if (quarantined !== undefined) watch.tell({ kind: 'virus', at: clock(), kept: quarantined })
  }
  return {
    async commit(entry) {
      const begun = performance.now()
      await health.of('ledger', ledger.commit(entry))
      tell(entry, performance.now() - begun)
    },
    async message(identifier) {
      const message = await health.of('ledger', ledger.message(identifier))
      if (message !== undefined) remember(message)
      return message
    },
    isCommitted: (step) => health.of('ledger', ledger.isCommitted(step)),
    taken: (claims) => health.of('ledger', ledger.taken(claims)),
    openRecipients: (...which) => health.of('ledger', ledger.openRecipients(...which)),
    serverTime: () => health.of('ledger', ledger.serverTime()),
    lastEventBefore: (time) => health.of('ledger', ledger.lastEventBefore(time)),
    lease: (...which) => health.of('ledger', ledger.lease(...which)),
  }
}
