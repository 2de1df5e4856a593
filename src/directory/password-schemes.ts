/** Stored passwords as directories keep them: a scheme in braces and a salted hash, or a scrypt hash of ours. RFC 2307, RFC 3112 */
import { createHash, timingSafeEqual } from 'node:crypto'

const DIGESTS: Readonly<Record<string, { readonly name: string; readonly bytes: number }>> = {
  SSHA: { name: 'sha1', bytes: 20 },
  SSHA256: { name: 'sha256', bytes: 32 },
  SSHA512: { name: 'sha512', bytes: 64 },
}

/** Whether the password is the one of a salted digest; undefined for what is no salted digest that we know. */
export function matchesDigest(password: string, stored: string): boolean | undefined {
  const [, scheme = '', encoded = ''] = /^\{([A-Za-z0-9]+)\}([A-Za-z0-9+/]+={0,2})$/.exec(stored) ?? []
  const digest = DIGESTS[scheme.toUpperCase()]
  if (digest === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  // Without a salt it is no salted digest, whatever it says.
  if (bytes.length <= digest.bytes) return undefined
  const salt = bytes.subarray(digest.bytes)
  const found = createHash(digest.name).update(password, 'utf8').update(salt).digest()
  return timingSafeEqual(found, bytes.subarray(0, digest.bytes))
}
