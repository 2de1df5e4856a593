/**
 * Keys: what identifiers and addresses become to be compared and indexed. Both come from outside and may be of any length and in any
 * characters; a key is at most 255 visible ASCII characters, and two values have the same key only if they are the same.
 */
import { createHash } from 'node:crypto'

const PLAIN = /^[\x21-\x7e]{0,255}$/
const READABLE = 180

/** The value itself in all but freak cases; else its beginning, a space (which no plain key has) and its SHA-256. */
export function keyOf(value: string): string {
  if (PLAIN.test(value)) return value
  const beginning = value.slice(0, READABLE).replace(/[^\x21-\x7e]/g, '?')
  return `${beginning} ${createHash('sha256').update(value).digest('hex')}`
}

/** Addresses are the same whatever their case. */
export function addressKey(address: string): string {
  return keyOf(address.toLowerCase())
}
