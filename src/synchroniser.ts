/** The synchronisation of the index of providers as the settings make it. */
import { readFile } from 'node:fs/promises'
import type { TlsMeans } from './download.js'
import type { Config } from './config/config.js'
import { PecError } from './errors.js'
import type { LdapAccount } from './ldap-search.js'
import type { Clock, Ledger } from './points/ports.js'
import { registerChanges } from './providers/index-register.js'
import { ldapServer, signedFile, type IndexSource } from './providers/index-source.js'
import { LDIF_LIMITS } from './providers/ldif.js'
import { Synchroniser } from './providers/synchronise.js'
import { revocationMeans } from './revocation-means.js'
import type { CrlCache } from './smime/crl.js'
import type { OcspClient } from './smime/ocsp.js'
import { readPem } from './smime/pem.js'
import { TrustStore } from './smime/trust.js'

export interface SynchroniserParts {
  readonly ledger: Ledger
  readonly crls: CrlCache
  readonly ocsp: OcspClient
  /** Our certificate, DER. */
  readonly certificate: () => Buffer
  readonly clock: Clock
}

type SourceConfig = NonNullable<Config['index']['source']>

/** Undefined where [index] names no source. Rejects with PecError 'configuration' if a file that it names cannot be used. */
export async function openSynchroniser(config: Config, parts: SynchroniserParts): Promise<Synchroniser | undefined> {
  const { file, source: settings } = config.index
  if (settings === undefined) return undefined
  const { ledger, certificate, clock } = parts
  return new Synchroniser({
    ...{ file, certificate, clock, shrink: settings.shrink },
    source: await openSource(config, settings, parts),
    register: (changes, at) => registerChanges(ledger, changes, at),
  })
}

async function openSource(config: Config, settings: SourceConfig, parts: SynchroniserParts): Promise<IndexSource> {
  const { url, timeout, signers } = settings
  const options = { url, tls: await readTls(settings), timeout: timeout * 1000, maxSize: LDIF_LIMITS.size }
  if (signers === undefined) return ldapServer({ ...options, startTls: settings.startTls, account: await readAccount(settings) })
  const anchors = readPem(await readSetting('signers', signers), 'CERTIFICATE')
  if (anchors.length === 0) throw new PecError('configuration', `[index] signers: ${signers} holds no certificate`)
  const trust = new TrustStore({ anchors, ...revocationMeans(config, parts.crls, parts.ocsp) })
  return signedFile({ ...options, signers: trust, clock: parts.clock })
}

async function readTls({ ca, client }: SourceConfig): Promise<TlsMeans> {
  return {
    ca: ca === undefined ? undefined : await readSetting('ca', ca),
    key: client === undefined ? undefined : await readSetting('client_key', client.key),
    cert: client === undefined ? undefined : await readSetting('client_certificate', client.certificate),
  }
}

async function readAccount({ account }: SourceConfig): Promise<LdapAccount | undefined> {
  if (account === undefined) return undefined
  const password = (await readSetting('bind_password_file', account.passwordFile)).toString('utf8').replace(/\r?\n$/, '')
  return { dn: account.dn, password }
}

async function readSetting(key: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new PecError('configuration', `[index] ${key}: ${path} cannot be read`, { cause })
  }
}
