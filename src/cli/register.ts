/** The register of an instance, for commands that read it while the gateway runs or not. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { readAnchors } from '../keys.js'
import type { SqlLedger } from '../ledger/ledger.js'
import { openLedgerOf } from '../provider.js'
import { readIndex } from '../providers/provider-index.js'
import type { CheckMeans } from '../retrieval/signature-check.js'
import { CrlCache } from '../smime/crl.js'
import { TrustStore } from '../smime/trust.js'
import { readInstance } from './instance.js'
import { warn } from './terminal.js'

/** Opens the register, uses it, and closes it again. */
export async function withRegister<T>(directory: string, use: (ledger: SqlLedger, config: Config) => Promise<T>): Promise<T> {
  const config = readInstance(directory)
  const ledger = await openLedgerOf(config, warn)
  try {
    return await use(ledger, config)
  } finally {
    await ledger.close()
  }
}

/** What the gateway itself judges signatures by: its anchors, revocation lists and index, as they are now. */
export async function openCheckMeans(config: Config): Promise<CheckMeans> {
  const { crl: sources, crlCopies: copies } = config.trust
  const lists = sources.length === 0 ? undefined : new CrlCache({ sources, copies, onEvent: warn })
  await lists?.refresh()
  const trust = new TrustStore({ anchors: await readAnchors(config), crls: lists, crlRequired: false })
  const { index } = readIndex(await readFile(config.index.file))
  return { now: new Date(), trust: { trust, lists }, index }
}
