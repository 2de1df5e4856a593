/**
 * The provider as its settings make it: keys, index, trust, users, ledger and quarantine, opened together. What is wrong with any of them is
 * told at once, with all the rest.
 */
import { openAntivirus } from './antivirus/engine.js'
import type { Config } from './config/config.js'
import { openDirectory } from './directory/open-directory.js'
import type { OwnDirectory } from './directory/own-directory.js'
import { isPecError, PecError, reasonOf } from './errors.js'
import { findOwnFaults, openSigner, readAnchors, readClientAuthorities, readPeerAuthorities, serviceAddress } from './keys.js'
import type { SqlLedger } from './ledger/ledger.js'
import { openLedger } from './ledger/sqlite.js'
import type { Issuer } from './pec/signed-message.js'
import type { Antivirus, Quarantine } from './points/ports.js'
import { IndexFile } from './providers/index-file.js'
import { crlTeller, directoryLine, directoryTeller, indexLine, ocspTeller, takeOverTeller, tellIndex } from './provider-events.js'
import { openFileQuarantine } from './quarantine/file-quarantine.js'
import { revocationMeans } from './revocation-means.js'
import { keyStamps, watchRollOver } from './roll-over.js'
import { CrlCache } from './smime/crl.js'
import { OcspClient } from './smime/ocsp.js'
import { TrustStore } from './smime/trust.js'
import { openSynchroniser } from './synchroniser.js'
import type { Watched } from './watch/watched.js'

export interface Provider {
  readonly issuer: Issuer
  /** Our receipts mailbox. */
  readonly receipts: string
  readonly directory: OwnDirectory
  readonly index: IndexFile
  readonly trust: TrustStore
  readonly crls: CrlCache
  readonly ocsp: OcspClient
  /** Judges our users' client certificates; undefined where nobody logs in with one. */
  readonly clientTrust: TrustStore | undefined
  readonly ledger: SqlLedger
  readonly antivirus: Antivirus
  readonly quarantine: Quarantine
  /** Authorities of other providers' TLS certificates, PEM; undefined for those of Node.js. */
  readonly peerAuthorities: Buffer | undefined
  close(): Promise<void>
}

const clock = (): Date => new Date()

/**
 * Opens everything; `onEvent` gets lines for the log. `start` is patient where the service runs already: then tokens are taken as they
 * come. Rejects with PecError 'configuration' naming every fault, temporary if all may pass.
 */
export async function openProvider(
  config: Config,
  onEvent: (message: string) => void,
  start: 'strict' | 'patient' = 'strict',
  watched?: Watched,
): Promise<Provider> {
  const { provider } = config
  const telling = watched === undefined ? {} : { onChange: crlTeller(watched) }
  const tell = watched === undefined ? () => undefined : takeOverTeller(watched)
  const tellDirectory = directoryTeller(tell)
  const { crl: sources, crlCopies: copies, crlRefresh } = config.trust
  const crls = new CrlCache({ sources, copies, interval: crlRefresh * 1000, onEvent, ...telling })
  const ocsp = new OcspClient({
    ...{ timeout: config.trust.ocspTimeout * 1000, copies },
    ...(watched === undefined ? {} : { onAnswer: ocspTeller(watched) }),
  })
  const seen = await keyStamps(config)
  const faults: string[] = []
  let lasts = false
  const part = async <T>(open: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await open()
    } catch (error) {
      faults.push(reasonOf(error))
      lasts ||= !isPecError(error) || !error.temporary
      return undefined
    }
  }
  const [signer, index, trust, directory, ledger, quarantine, peerAuthorities, clientTrust] = await Promise.all([
    part(() => openSigner(config, start, onEvent)),
    part(() => openIndex(config, onEvent, watched)),
    part(() => openTrust(config, crls, ocsp)),
    part(() =>
      openDirectory(config, clock, (event) => {
        onEvent(directoryLine(event))
        tellDirectory(event)
      }),
    ),
    part(() => openLedgerOf(config, onEvent)),
    part(() => openFileQuarantine(config.quarantine)),
    part(() => readPeerAuthorities(config)),
    part(() => openClientTrust(config, crls, ocsp)),
  ])
  const close = async (): Promise<void> => {
    index?.close()
    crls.stop()
    await Promise.all([ledger?.close(), directory?.close()])
  }
  if (signer !== undefined && index !== undefined && trust !== undefined) {
    const own = await findOwnFaults(config, signer, { index, trust })
    faults.push(...own)
    lasts ||= own.length > 0
  }
  if (
    signer === undefined ||
    index === undefined ||
    trust === undefined ||
    directory === undefined ||
    ledger === undefined ||
    quarantine === undefined ||
    faults.length > 0
  ) {
    signer?.close?.()
    await close()
    throw new PecError('configuration', faults.join('\n'), { temporary: !lasts })
  }
  const held = { signer, peerAuthorities, clientTrust }
  const watch = watchRollOver(config, held, { index, trust }, { seen, onEvent, tell })
  return {
    issuer: {
      ...{ name: provider.name, address: serviceAddress(config), domain: provider.domain },
      get signer() {
        return held.signer
      },
    },
    receipts: provider.receipts,
    ...{ directory, index, trust, crls, ocsp, ledger, quarantine, clientTrust },
    antivirus: openAntivirus(config.antivirus),
    get peerAuthorities() {
      return held.peerAuthorities
    },
    async close() {
      watch.stop()
      held.signer.close?.()
      await close()
    },
  }
}

/** Opens everything and closes it again. Rejects with PecError 'configuration' naming every fault. */
export async function checkProvider(config: Config): Promise<void> {
  const provider = await openProvider(config, () => undefined)
  try {
    await openSynchroniser(config, { ...provider, clock, certificate: () => provider.issuer.signer.certificate })
  } finally {
    await provider.close()
  }
}

/** Opens the ledger alone. Rejects with PecError 'configuration', or 'ledger' (temporary). */
export async function openLedgerOf({ ledger }: Config, onEvent: (message: string) => void): Promise<SqlLedger> {
  if (ledger.engine === 'sqlite') return openLedger(ledger.file)
  // The client of a database server is some 10 MB in every process: only where there is one.
  const { openMysqlLedger } = await import('./ledger/mysql.js')
  return openMysqlLedger(ledger, onEvent)
}

function openIndex({ index }: Config, onEvent: (message: string) => void, watched?: Watched): Promise<IndexFile> {
  return IndexFile.open({
    path: index.file,
    clock,
    interval: index.refresh * 1000,
    onEvent: (event) => {
      onEvent(indexLine(event))
      if (watched !== undefined) tellIndex(event, watched)
    },
  })
}

async function openTrust(config: Config, crls: CrlCache, ocsp: OcspClient): Promise<TrustStore> {
  const anchors = await readAnchors(config)
  await crls.start()
  return new TrustStore({ anchors, ...revocationMeans(config, crls, ocsp) })
}

async function openClientTrust(config: Config, crls: CrlCache, ocsp: OcspClient): Promise<TrustStore | undefined> {
  const anchors = await readClientAuthorities(config)
  if (anchors === undefined) return undefined
  return new TrustStore({ anchors, purpose: 'client authentication', ...revocationMeans(config, crls, ocsp) })
}
