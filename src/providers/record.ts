/**
 * A provider's record of the index: from its LDIF entry and back. RFC 6109 §4.5
 *
 * The hashes are what an index is searched by, so they are computed again from the certificates. What contradicts itself is left
 * out and named, and the rest of the index stands: one provider's mistake must not stop the mail of all.
 */
import { createHash, X509Certificate } from 'node:crypto'
import type { ProviderRecord } from '../points/ports.js'
import { textsOf, valuesOf, type LdifAttribute, type LdifEntry } from './ldif.js'

export interface RecordReading {
  /** Undefined where the entry cannot serve as a provider's record at all. */
  readonly record: ProviderRecord | undefined
  /** Everything wrong with the entry, in words for the log. */
  readonly faults: readonly string[]
}

/** What a record says besides what the points use. */
export interface RecordExtras {
  readonly ldifLocation?: string | undefined
  readonly description?: string | undefined
}

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const DOT_ATOM_ADDRESS = new RegExp(`^${ATOM}(?:\\.${ATOM})*@${ATOM}(?:\\.${ATOM})*$`)
const DOMAIN = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** Whether the entry describes a provider; the root `o=postacert` does not. */
export function isProviderEntry(entry: LdifEntry): boolean {
  return textsOf(entry, 'objectClass').some((name) => name.toLowerCase() === 'provider')
}

/**
 * Reads a provider's entry. Certificates whose hash is not listed, and hashes without a certificate, are left out and reported.
 * RFC 6109 §4.5.1–4.5.9
 */
export function readRecord(entry: LdifEntry): RecordReading {
  const faults: string[] = []
  const name = single(entry, 'providerName', faults)
  const mailReceipt = single(entry, 'mailReceipt', faults)
  const unit = single(entry, 'providerUnit', faults)
  const certificates = readCertificates(entry, faults)
  const managedDomains = readDomains(entry, faults)
  if (name === undefined) faults.push('no providerName')
  if (mailReceipt === undefined) faults.push('no mailReceipt')
  else if (!isReceiptAddress(mailReceipt)) faults.push(`mailReceipt ${JSON.stringify(mailReceipt)} is no address`)
  if (name === undefined || mailReceipt === undefined || !isReceiptAddress(mailReceipt)) return { record: undefined, faults }
  const certificateHashes = new Set(certificates.map(certificateHash))
  return { record: { name, unit, certificateHashes, certificates, mailReceipt, managedDomains }, faults }
}

/** The entry of a record, hashes computed from its certificates. Only a main environment's carries the LDIF location. RFC 6109 §4.5.6 */
export function writeRecord(record: ProviderRecord, extras: RecordExtras = {}): LdifEntry {
  const text = (description: string, value: string): LdifAttribute => ({ description, value: Buffer.from(value, 'utf8') })
  const optional = (description: string, value: string | undefined) => (value === undefined ? [] : [text(description, value)])
  return {
    dn: recordDn(record.name, record.unit),
    attributes: [
      text('objectClass', 'top'),
      text('objectClass', 'provider'),
      text('providerName', record.name),
      ...optional('providerUnit', record.unit),
      ...record.certificates.map((der) => text('providerCertificateHash', certificateHash(der))),
      ...record.certificates.map((value) => ({ description: 'providerCertificate;binary', value })),
      text('mailReceipt', record.mailReceipt),
      ...optional('LDIFLocationURL', record.unit === undefined ? extras.ldifLocation : undefined),
      ...[...record.managedDomains].map((domain) => text('managedDomains', domain)),
      ...optional('description', extras.description),
    ],
  }
}

/** `providerName=<name>,o=postacert`, with `providerUnit=<unit>,` before it for a secondary environment. RFC 6109 §4.5.7 */
export function recordDn(name: string, unit: string | undefined): string {
  const main = `providerName=${escapeDnValue(name)},o=postacert`
  return unit === undefined ? main : `providerUnit=${escapeDnValue(unit)},${main}`
}

/** SHA-1 of a certificate's DER, in lower-case hex: the index's key, not a protection. RFC 6109 §4.5.1 */
export function certificateHash(der: Buffer): string {
  return createHash('sha1').update(der).digest('hex')
}

/** Dot-atom on both sides of the @, as RFC 6109 §4.5.4 restricts it. */
export function isReceiptAddress(address: string): boolean {
  return address.length <= 254 && DOT_ATOM_ADDRESS.test(address)
}

/** A domain in lower case as the index lists it. RFC 6109 §4.5.5 */
export function isManagedDomain(domain: string): boolean {
  return domain.length <= 253 && DOMAIN.test(domain)
}

/** Whether these bytes are one X.509 certificate in DER and nothing else. */
export function isCertificate(der: Buffer): boolean {
  try {
    return new X509Certificate(der).raw.equals(der)
  } catch {
    return false
  }
}

function readCertificates(entry: LdifEntry, faults: string[]): Buffer[] {
  const listed = new Set(textsOf(entry, 'providerCertificateHash').map((hash) => hash.toLowerCase()))
  const unmatched = new Set(listed)
  const certificates = new Map<string, Buffer>()
  for (const der of valuesOf(entry, 'providerCertificate')) {
    const hash = certificateHash(der)
    if (!listed.has(hash)) faults.push(`the certificate with hash ${hash} is not among the hashes: left out`)
    else if (!isCertificate(der)) faults.push(`the certificate with hash ${hash} is not X.509: left out`)
    else certificates.set(hash, der)
    unmatched.delete(hash)
  }
  for (const hash of unmatched) faults.push(`no certificate has the hash ${JSON.stringify(hash)}`)
  if (certificates.size === 0) faults.push('no usable certificate')
  return [...certificates.values()]
}

function readDomains(entry: LdifEntry, faults: string[]): Set<string> {
  const domains = new Set<string>()
  for (const text of textsOf(entry, 'managedDomains')) {
    const domain = text.toLowerCase()
    if (isManagedDomain(domain)) domains.add(domain)
    else faults.push(`managedDomains ${JSON.stringify(text)} is no domain: left out`)
  }
  if (domains.size === 0) faults.push('no managedDomains')
  return domains
}

function single(entry: LdifEntry, type: string, faults: string[]): string | undefined {
  const values = textsOf(entry, type).filter((value) => value !== '')
  if (values.length > 1) faults.push(`${values.length} values of ${type}: the first counts`)
  return values[0]
}

/** RFC 4514 §2.4 */
function escapeDnValue(value: string): string {
  return value
    .replace(/["+,;<=>\\]/g, '\\$&')
    .replaceAll('\0', '\\00')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ')
}
