/** Passwords that people choose, and those that are made for them until they do (O3). */
import { randomInt } from 'node:crypto'

/** Why a password cannot be chosen. */
export type PasswordFault = 'short' | 'long' | 'unprintable' | 'known'

/** UTF-8 bytes; more are no password of anybody. */
const MAX_BYTES = 256
/** Without what looks alike. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'

/** `length` is the least number of characters; `login` is whose password it shall be. */
export function faultOfPassword(password: string, login: string, length: number): PasswordFault | undefined {
  if (Array.from(password).length < length) return 'short'
  if (Buffer.byteLength(password) > MAX_BYTES) return 'long'
  if (/\p{Cc}/u.test(password)) return 'unprintable'
  const [localPart = ''] = login.toLowerCase().split('@')
  return [login.toLowerCase(), localPart].includes(password.toLowerCase()) ? 'known' : undefined
}

/** One that nobody guesses (80 bits) and that can be read out: four groups of four. */
export function makePassword(): string {
  const group = (): string => Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return Array.from({ length: 4 }, group).join('-')
}
