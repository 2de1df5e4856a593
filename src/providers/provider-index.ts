/**
 * The index of providers in memory: who manages a domain, who signs with a certificate. Immutable; a new index is a new object.
 * RFC 6109 §4.5
 */
import type { ProviderIndex, ProviderRecord } from '../points/ports.js'
import { parseLdif } from './ldif.js'
import { certificateHash, isProviderEntry, readRecord } from './record.js'

export interface IndexFault {
  /** The entry's distinguished name. */
  readonly dn: string
  readonly fault: string
}

export interface IndexReading {
  readonly index: ProviderIndex
  readonly records: readonly ProviderRecord[]
  readonly domains: number
  /** What was left out, and why. */
  readonly faults: readonly IndexFault[]
}

/**
 * Reads an index in LDIF. Throws PecError 'malformed' if the file cannot be read as a whole or holds no provider; what is wrong
 * with single records is among the faults.
 */
export function readIndex(ldif: Buffer): IndexReading {
  const faults: IndexFault[] = []
  const records: ProviderRecord[] = []
  const taken = new Map<string, ProviderRecord>()
  for (const entry of parseLdif(ldif).filter(isProviderEntry)) {
    const reading = readRecord(entry)
    for (const fault of reading.faults) faults.push({ dn: entry.dn, fault })
    if (reading.record === undefined) continue
    records.push(reading.record)
    for (const domain of reading.record.managedDomains) {
      const owner = taken.get(domain)
      if (owner === undefined) taken.set(domain, reading.record)
      else faults.push({ dn: entry.dn, fault: `${domain} is managed by ${owner.name} already: that record counts` })
    }
  }
  return { index: indexRecords(records), records, domains: taken.size, faults }
}

/** An index of these records. Where two list the same domain the first counts. */
export function indexRecords(records: readonly ProviderRecord[]): ProviderIndex {
  const byDomain = new Map<string, ProviderRecord>()
  const byHash = new Map<string, ProviderRecord[]>()
  for (const record of records) {
    for (const domain of record.managedDomains) if (!byDomain.has(domain)) byDomain.set(domain, record)
    for (const hash of record.certificateHashes) {
      const candidates = byHash.get(hash)
      if (candidates === undefined) byHash.set(hash, [record])
      else candidates.push(record)
    }
  }
  return {
    byDomain: (domain) => byDomain.get(domain.toLowerCase()),
    // SHA-1 only finds the candidates: two certificates with the same hash can be made, so the certificate itself decides.
    byCertificate: (certificate) =>
      (byHash.get(certificateHash(certificate)) ?? []).filter((record) =>
        record.certificates.some((der) => der.equals(certificate)),
      ),
  }
}
