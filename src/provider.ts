/**
 * The provider as its settings make it: keys, index, trust, users, ledger and quarantine, opened together. What is wrong with any of them is
 * told at once, with all the rest.
 */
import { openAntivirus } from './antivirus/engine.js'
import type { Config } from './config/config.js'
import type { DirectoryEvent } from './directory/directory-event.js'
import { openDirectory } from './directory/open-directory.js'
import type { OwnDirectory } from './directory/own-directory.js'
import { PecError, reasonOf } from './errors.js'
import { findOwnFaults, openSigner, readAnchors, readPeerAuthorities, serviceAddress } from './keys.js'
import type { SqlLedger } from './ledger/ledger.js'
import { openMysqlLedger } from './ledger/mysql.js'
import { openLedger } from './ledger/sqlite.js'
import type { Issuer } from './pec/signed-message.js'
import type { Antivirus, Quarantine } from './points/ports.js'
import { IndexFile, type IndexEvent } from './providers/index-file.js'
import { openFileQuarantine } from './quarantine/file-quarantine.js'
import { keyStamps, watchRollOver } from './roll-over.js'
import { CrlCache } from './smime/crl.js'
import { TrustStore } from './smime/trust.js'

export interface Provider {
  readonly issuer: Issuer
  /** Our receipts mailbox. */
  readonly receipts: string
  readonly directory: OwnDirectory
  readonly index: IndexFile
  readonly trust: TrustStore
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
 * come. Rejects with PecError 'configuration' naming every fault.
 */
export async function openProvider(
  config: Config,
  onEvent: (message: string) => void,
  start: 'strict' | 'patient' = 'strict',
): Promise<Provider> {
  const { provider } = config
  const crls = new CrlCache({ sources: config.trust.crl, interval: config.trust.crlRefresh * 1000, onEvent })
  const seen = await keyStamps(config)
  const faults: string[] = []
  const part = async <T>(open: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await open()
    } catch (error) {
      faults.push(reasonOf(error))
      return undefined
    }
  }
  const [signer, index, trust, directory, ledger, quarantine, peerAuthorities] = await Promise.all([
    part(() => openSigner(config, start, onEvent)),
    part(() => openIndex(config, onEvent)),
    part(() => openTrust(config, crls)),
    part(() => openDirectory(config, clock, (event) => onEvent(directoryLine(event)))),
    part(() => openLedgerOf(config, onEvent)),
    part(() => openFileQuarantine(config.quarantine)),
    part(() => readPeerAuthorities(config)),
  ])
  const close = async (): Promise<void> => {
    index?.close()
    crls.stop()
    await Promise.all([ledger?.close(), directory?.close()])
  }
  if (signer !== undefined && index !== undefined && trust !== undefined)
    faults.push(...(await findOwnFaults(config, signer, { index, trust })))
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
    throw new PecError('configuration', faults.join('\n'))
  }
  const held = { signer, peerAuthorities }
  const watch = watchRollOver(config, held, { index, trust }, { seen, onEvent })
  return {
    issuer: {
      ...{ name: provider.name, address: serviceAddress(config), domain: provider.domain },
      get signer() {
        return held.signer
      },
    },
    receipts: provider.receipts,
    ...{ directory, index, trust, ledger, quarantine },
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
  await (await openProvider(config, () => undefined)).close()
}

function openLedgerOf({ ledger }: Config, onEvent: (message: string) => void): Promise<SqlLedger> {
  return ledger.engine === 'sqlite' ? openLedger(ledger.file) : openMysqlLedger(ledger, onEvent)
}

function openIndex({ index }: Config, onEvent: (message: string) => void): Promise<IndexFile> {
  return IndexFile.open({
    path: index.file,
    clock,
    interval: index.refresh * 1000,
    onEvent: (event) => onEvent(indexLine(event)),
  })
}

async function openTrust(config: Config, crls: CrlCache): Promise<TrustStore> {
  const { trust } = config
  const anchors = await readAnchors(config)
  await crls.start()
  return new TrustStore({ anchors, crls: trust.crl.length === 0 ? undefined : crls, crlRequired: trust.crlRequired })
}

function indexLine(event: IndexEvent): string {
  if (event.kind === 'refused') return `the index of providers was not taken over: ${event.reason}`
  const faults = event.faults.map((fault) => `; ${reasonOf(fault)}`).join('')
  return `the index of providers has ${event.records} records with ${event.domains} domains${faults}`
}

function directoryLine(event: DirectoryEvent): string {
  switch (event.kind) {
    case 'loaded':
      return `the directory has ${event.mailboxes === undefined ? '' : `${event.mailboxes} mailboxes in `}${event.domains} domains`
    case 'refused':
      return `the directory was not taken over: ${event.reason}`
    case 'server':
      return event.line
    case 'exposed':
      return `the directory may be read by others than its owner (mode ${event.mode.toString(8)}): make it 600`
  }
}
