/** Our own record for the index, to be published and handed to the centre. RFC 6109 §4.5, §4.5.10 */
import { PecError } from '../errors.js'
import { writeLdif, type LdifEntry } from './ldif.js'
import { certificateHash, isCertificate, isManagedDomain, isReceiptAddress, writeRecord } from './record.js'

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
