/** What purging quarantine takes of an instance: its ledger and its settings. */
import type { Config } from './config/config.js'
import type { SqlLedger } from './ledger/ledger.js'
import type { PurgeMeans } from './quarantine/purge.js'
import { recordAct } from './retrieval/record.js'

/** `requestedBy` is whoever wants it; empty where it is done by its time. Rejects with PecError 'ledger', temporary, if nobody can tell which messages are held. */
export async function purgeMeans(ledger: SqlLedger, config: Config, now: Date, requestedBy = ''): Promise<PurgeMeans> {
  const provider = config.provider.name
  const holds = await ledger.retention.holds()
  return {
    ...{ directory: config.quarantine.directory, shared: config.ledger.engine === 'mysql', now },
    held: new Set(holds.map(({ identifier }) => identifier)),
    record: ({ identifier }, outcome) => recordAct(ledger, now, { type: 'purge', identifier, provider, requestedBy, outcome }),
    forget: (id) => ledger.kept.forget(id),
  }
}
