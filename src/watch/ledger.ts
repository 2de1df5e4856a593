/**
 * A ledger that tells what it has committed, and whether it works: that is, whether it can be written to. One that can only be read goes
 * on answering questions, and nothing is accepted.
 */
import type { Clock, DeadlineLedger, Entry } from '../points/ports.js'
import type { Health } from './health.js'
import type { Watched } from './watched.js'

/** Between two probes of a ledger that does not work: nobody else may come to write, for who could would be sent elsewhere. */
const PROBE_MS = 5_000
/** Messages whose time of acceptance is kept, for the delays of their outcomes. */
const REMEMBERED = 10_000

export function watchLedger(ledger: DeadlineLedger, { watch, health, clock }: Watched): DeadlineLedger {
  const { read, write } = healthOf(ledger, health, clock)
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
      await write(ledger.commit(entry))
      tell(entry, performance.now() - begun)
    },
    async message(identifier) {
      const message = await read(ledger.message(identifier))
      if (message !== undefined) remember(message)
      return message
    },
    isCommitted: (step) => read(ledger.isCommitted(step)),
    giveUp: (step) => write(ledger.giveUp(step)),
    taken: (claims) => read(ledger.taken(claims)),
    openRecipients: (...which) => read(ledger.openRecipients(...which)),
    serverTime: () => read(ledger.serverTime()),
    lastEventBefore: (time) => read(ledger.lastEventBefore(time)),
    async lease(...which) {
      const isOurs = await read(ledger.lease(...which))
      // What is somebody else's is not written.
      if (isOurs) health.works('ledger')
      return isOurs
    },
    probe: (now) => write(ledger.probe(now)),
  }
}

/** Reads tell of failures, and only writes that they are over. */
function healthOf(ledger: Pick<DeadlineLedger, 'probe'>, health: Health, clock: Clock) {
  let probing: NodeJS.Timeout | undefined
  const write = <T>(work: Promise<T>): Promise<T> => health.of('ledger', work).finally(probeIfDown)
  const read = <T>(work: Promise<T>): Promise<T> => health.failuresOf('ledger', work).finally(probeIfDown)
  const probe = (): void => {
    probing = undefined
    write(ledger.probe(clock())).catch(() => undefined)
  }
  function probeIfDown(): void {
    if (health.down.has('ledger')) probing ??= setTimeout(probe, PROBE_MS).unref()
  }
  return { read, write }
}
