/** Certificates met before, parsed, with their public keys: the same few providers sign everything. */
import { createHash, type KeyObject } from 'node:crypto'
import { readPublicKey } from './algorithm.js'
import { parseCertificate, type Certificate } from './certificate.js'

export interface KnownCertificate {
  readonly certificate: Certificate
  /** undefined for keys we do not verify with. */
  readonly key: KeyObject | undefined
  /** SHA-256 of the DER, hex. */
  readonly hash: string
}

const LIMIT = 1000
const known = new Map<string, KnownCertificate>()

/** The certificate with this DER; undefined if it cannot be read. */
export function knownCertificate(der: Buffer): KnownCertificate | undefined {
  const hash = createHash('sha256').update(der).digest('hex')
  const found = known.get(hash) ?? meet(der, hash)
  if (found === undefined) return undefined
  // A Map keeps the order of insertion: the least recently used is the first.
  known.delete(hash)
  known.set(hash, found)
  const [oldest] = known.keys()
  if (known.size > LIMIT && oldest !== undefined) known.delete(oldest)
  return found
}

function meet(der: Buffer, hash: string): KnownCertificate | undefined {
  try {
    // A copy, or the whole message it came in would stay in memory.
    const certificate = parseCertificate(Buffer.from(der))
    return { certificate, key: readPublicKey(certificate.publicKey), hash }
  } catch {
    return undefined
  }
}
