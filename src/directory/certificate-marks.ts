/**
 * Which client certificates open a mailbox (A1), as people write it: `address` for any of our authorities that names one of the mailbox's
 * addresses, or `sha256:` and the fingerprint of one certificate.
 */
import { createHash } from 'node:crypto'

/** For messages about what is none. */
export const MARK_WORDS = 'address, sha256:FINGERPRINT'

export const BY_ADDRESS = 'address'

/** In lower case, without the colons that programs put between the octets of a fingerprint; undefined if it is none. */
export function parseMark(text: string): string | undefined {
  const lower = text.toLowerCase()
  if (lower === BY_ADDRESS) return BY_ADDRESS
  const [, digits = ''] = /^sha256:([0-9a-f:]{64,95})$/.exec(lower) ?? []
  const fingerprint = digits.replaceAll(':', '')
  return fingerprint.length === 64 ? `sha256:${fingerprint}` : undefined
}

/** Of one certificate, DER. */
export function markOf(certificate: Buffer): string {
  return `sha256:${createHash('sha256').update(certificate).digest('hex')}`
}
