/** The recipients of one SMTP transaction, and what the header says of them. Addresses are the same whatever their case. */
import type { Header } from '../mail/header.js'
import { addressesIn } from '../pec/original.js'

/** Each once, as it was first written. */
export function distinct(addresses: readonly string[]): string[] {
  const found = new Map<string, string>()
  for (const address of addresses) if (!found.has(address.toLowerCase())) found.set(address.toLowerCase(), address)
  return [...found.values()]
}

/** Tells who gets a copy: who is in Cc only. In both fields or in neither, a recipient is primary. RFC 6109 §3.3.2 */
export function copiesIn(header: Header): (address: string) => boolean {
  const primary = lowerCase(addressesIn(header, 'To'))
  const copies = lowerCase(addressesIn(header, 'Cc'))
  return (address) => copies.has(address.toLowerCase()) && !primary.has(address.toLowerCase())
}

export function lowerCase(addresses: readonly string[]): ReadonlySet<string> {
  return new Set(addresses.map((address) => address.toLowerCase()))
}
