/** Our own record for the index, to be published and handed to the centre. RFC 6109 §4.5, §4.5.10 */
import { PecError } from '../errors.js'
import { parseLdif, writeLdif, type LdifAttribute, type LdifEntry } from './ldif.js'
import { readIndex } from './provider-index.js'
import { certificateHash, isCertificate, isManagedDomain, isReceiptAddress, readRecord, writeRecord } from './record.js'

export interface OwnRecord {
  readonly name: string
  /** Of a secondary environment. */
  readonly unit?: string
  /** DER; two while a renewal overlaps. */
  readonly certificates: readonly Buffer[]
  readonly mailReceipt: string
  readonly domains: readonly string[]
  /** HTTPS URL where this LDIF, signed, is published; of the main environment only. */
  readonly ldifLocation?: string
  readonly description?: string
}

/**
 * The LDIF of our main environment and of its secondary ones, in UTF-8, not yet signed. Throws PecError 'configuration' naming
 * every fault.
 */
export function ownRecordLdif(main: OwnRecord, ...secondaries: readonly OwnRecord[]): Buffer {
  const faults = [
    ...(main.unit === undefined ? [] : ['the main environment has no unit']),
    ...secondaries.flatMap((record) =>
      record.unit === undefined ? [`${record.name}: a secondary environment needs a unit`] : [],
    ),
    ...[main, ...secondaries].flatMap(findFaults),
  ]
  if (faults.length > 0) throw new PecError('configuration', faults.join('; '))
  return writeLdif([main, ...secondaries].map(entryOf))
}

/** The entries of an index that are ours: those with our certificate (DER). Throws PecError 'index' if there are none. */
export function ownEntries(entries: readonly LdifEntry[], certificate: Buffer): LdifEntry[] {
  const hash = certificateHash(certificate)
  const own = entries.filter((entry) => readRecord(entry).record?.certificateHashes.has(hash) === true)
  if (own.length === 0) throw new PecError('index', 'our own certificate is not in the index')
  return own
}

/**
 * The index (LDIF) with one more domain in our own record, that of the main environment if there are several. Throws PecError
 * 'index' if the domain is another provider's, or if we are not in the index.
 */
export function withOwnDomain(ldif: Buffer, certificate: Buffer, domain: string): Buffer {
  const entries = parseLdif(ldif)
  const own = ownEntries(entries, certificate)
  const owner = readIndex(ldif).index.byDomain(domain)
  if (owner?.certificateHashes.has(certificateHash(certificate)) === true) return ldif
  if (owner !== undefined) throw new PecError('index', `the index gives ${domain} to ${owner.name}`)
  const chosen = mainOf(own)
  const added = { description: 'managedDomains', value: Buffer.from(domain.toLowerCase()) }
  return writeLdif(entries.map((entry) => (entry === chosen ? { ...entry, attributes: [...entry.attributes, added] } : entry)))
}

/**
 * The index (LDIF) with one more certificate in our own record, that of the main environment if there are several: what is signed
 * with either is ours. Certificates are DER. Throws PecError 'index' if we are not in the index, or the new one is another provider's.
 */
export function withOwnCertificate(ldif: Buffer, certificate: Buffer, added: Buffer): Buffer {
  const entries = parseLdif(ldif)
  const own = ownEntries(entries, certificate)
  const owners = readIndex(ldif).index.byCertificate(added)
  const hash = certificateHash(certificate)
  if (owners.some(({ certificateHashes }) => certificateHashes.has(hash))) return ldif
  if (owners[0] !== undefined) throw new PecError('index', `the index has this certificate as one of ${owners[0].name}`)
  const chosen = mainOf(own)
  const attributes = [
    { description: 'providerCertificateHash', value: Buffer.from(certificateHash(added)) },
    { description: 'providerCertificate;binary', value: added },
  ]
  return writeLdif(
    entries.map((entry) => (entry === chosen ? { ...entry, attributes: [...entry.attributes, ...attributes] } : entry)),
  )
}

/** The index (LDIF) without one of our certificates (DER), which is not `certificate`, the one in use. Throws PecError 'index' if we are not in it. */
export function withoutOwnCertificate(ldif: Buffer, certificate: Buffer, removed: Buffer): Buffer {
  const entries = parseLdif(ldif)
  const own = new Set(ownEntries(entries, certificate))
  const hash = certificateHash(removed)
  const isOther = ({ description, value }: LdifAttribute): boolean =>
    !(/^providerCertificate(?:;|$)/i.test(description) && value.equals(removed)) &&
    !(/^providerCertificateHash$/i.test(description) && value.toString().trim().toLowerCase() === hash)
  return writeLdif(entries.map((entry) => (own.has(entry) ? { ...entry, attributes: entry.attributes.filter(isOther) } : entry)))
}

function mainOf(own: readonly LdifEntry[]): LdifEntry | undefined {
  return own.find((entry) => readRecord(entry).record?.unit === undefined) ?? own[0]
}

function entryOf(own: OwnRecord): LdifEntry {
  const record = {
    name: own.name,
    unit: own.unit,
    certificates: own.certificates,
    certificateHashes: new Set(own.certificates.map(certificateHash)),
    mailReceipt: own.mailReceipt,
    managedDomains: new Set(own.domains.map((domain) => domain.toLowerCase())),
  }
  return writeRecord(record, { ldifLocation: own.ldifLocation, description: own.description })
}

function findFaults(own: OwnRecord): string[] {
  const faults: string[] = []
  const label = own.unit === undefined ? own.name : `${own.name} (${own.unit})`
  const fault = (text: string) => faults.push(`${label}: ${text}`)
  if (own.name.trim() === '') fault('the provider has no name')
  if (own.unit?.trim() === '') fault('the unit has no name')
  if (own.certificates.length === 0) fault('there is no certificate')
  if (!own.certificates.every(isCertificate)) fault('a certificate is not X.509 in DER')
  if (!isReceiptAddress(own.mailReceipt)) fault(`${JSON.stringify(own.mailReceipt)} cannot be the receipts mailbox`)
  if (own.domains.length === 0) fault('there is no domain')
  for (const domain of own.domains) if (!isManagedDomain(domain.toLowerCase())) fault(`${JSON.stringify(domain)} is no domain`)
  if (own.ldifLocation !== undefined && !/^https:\/\/[^\s]+$/i.test(own.ldifLocation)) fault('the LDIF location is no https URL')
  if (own.ldifLocation !== undefined && own.unit !== undefined) fault('a secondary environment has no LDIF location of its own')
  return faults
}
