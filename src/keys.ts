/**
 * The provider's own key, and the authorities that it trusts: opened from their files, and checked, at the start and whenever they are
 * replaced.
 */
import { readFile } from 'node:fs/promises'
import type { Config } from './config/config.js'
import { PecError } from './errors.js'
import { SERVICE_LOCAL_PART } from './pec/kinds.js'
import type { ProviderIndex } from './points/ports.js'
import { readPem } from './smime/pem.js'
import { openFileSigner, type Signer } from './smime/signer.js'
import type { TrustStore } from './smime/trust.js'
import { openTokenSigner } from './tokens/token-signer.js'

/** Where our certificate must be known. */
export interface Surroundings {
  readonly index: ProviderIndex
  readonly trust: TrustStore
}

/** posta-certificata@ our domain. */
export function serviceAddress({ provider }: Config): string {
  return `${SERVICE_LOCAL_PART}@${provider.domain}`
}

/**
 * Opens the key, in files or tokens, with its certificate. `start` is patient where the service runs already: then tokens are taken as
 * they come. Rejects with PecError 'configuration' naming every fault of key and certificate.
 */
export function openSigner(config: Config, start: 'strict' | 'patient', onEvent: (message: string) => void): Promise<Signer> {
  const { signer, tokens, provider } = config
  const files = {
    certificate: signer.certificate,
    ...(signer.chain === undefined ? {} : { chain: [signer.chain] }),
    holder: { providerName: provider.name, address: serviceAddress(config) },
  }
  if (tokens !== undefined) return openTokenSigner({ ...tokens, files, start, onEvent })
  const passphrase = signer.passphraseFile === undefined ? {} : { passphraseFile: signer.passphraseFile }
  return openFileSigner({ ...files, ...passphrase, key: signer.key })
}

/** Whether others would take what we sign: they look us up in the index, and follow our certificate to an anchor. */
export async function findOwnFaults(
  { provider }: Config,
  { certificate, chain }: Signer,
  { index, trust }: Surroundings,
): Promise<string[]> {
  const faults: string[] = []
  const verdict = await trust.judge(certificate, chain, new Date())
  if (!verdict.trusted) faults.push(`our own certificate is not to be trusted: ${verdict.reason}`)
  const records = index.byCertificate(certificate)
  const record = records.find(({ managedDomains }) => managedDomains.has(provider.domain)) ?? records[0]
  if (record === undefined) faults.push('our own certificate is not in the index of providers')
  else {
    if (!record.managedDomains.has(provider.domain)) faults.push(`the index does not give ${provider.domain} to us`)
    if (record.name.toLowerCase() !== provider.name.toLowerCase())
      faults.push(`the index calls us ${record.name}, not ${provider.name}`)
    if (record.mailReceipt.toLowerCase() !== provider.receipts)
      faults.push(`the index says that our receipts mailbox is ${record.mailReceipt}, not ${provider.receipts}`)
  }
  return faults
}

/** The authorities of providers' certificates, DER. Rejects if the file holds none. */
export async function readAnchors({ trust }: Config): Promise<Buffer[]> {
  return certificatesIn(await readFile(trust.anchors), trust.anchors)
}

/** The authorities of our users' client certificates, DER; undefined where nobody logs in with one. Rejects if there are none in the file. */
export async function readClientAuthorities({ clientCertificates }: Config): Promise<Buffer[] | undefined> {
  if (clientCertificates === undefined) return undefined
  const { authorities } = clientCertificates
  return certificatesIn(await readFile(authorities), authorities)
}

/** Authorities of other providers' TLS certificates, PEM; undefined for those of Node.js. Rejects if there are none in the file. */
export async function readPeerAuthorities({ peers }: Config): Promise<Buffer | undefined> {
  if (peers.ca === undefined) return undefined
  const file = await readFile(peers.ca)
  certificatesIn(file, peers.ca)
  return file
}

/** The first certificate of a PEM file, DER. Rejects if it holds none. */
export async function readCertificate(path: string): Promise<Buffer> {
  return certificatesIn(await readFile(path), path)[0]
}

function certificatesIn(pem: Buffer, path: string): [Buffer, ...Buffer[]] {
  const [first, ...others] = readPem(pem, 'CERTIFICATE')
  if (first === undefined) throw new PecError('configuration', `${path} holds no certificate`)
  return [first, ...others]
}
