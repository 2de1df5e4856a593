/** The parts of which certificates and revocation lists are put together, for pkijs to write. RFC 5280 §4.1, §4.2 */
import * as asn1js from 'asn1js'
import { isIP } from 'node:net'
import * as pkijs from 'pkijs'
import { OID } from './oids.js'

/** A non-negative INTEGER from hexadecimal digits. */
export function integer(hex: string): asn1js.Integer {
  return asn1js.Integer.fromBigInt(BigInt(`0x${hex}`))
}

/** Cut to whole seconds: UTCTime until 2049, GeneralizedTime from 2050. RFC 5280 §4.1.2.5 */
export function time(date: Date): pkijs.Time {
  const value = new Date(Math.floor(date.getTime() / 1000) * 1000)
  const year = value.getUTCFullYear()
  return new pkijs.Time({
    type: year >= 1950 && year < 2050 ? pkijs.TimeType.UTCTime : pkijs.TimeType.GeneralizedTime,
    value,
  })
}

/** RFC 5280 §4.1.2.9 */
export function extension(extnID: string, value: asn1js.BaseBlock, critical = false): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical, extnValue: value.toBER() })
}

/** Of the key that signs. RFC 5280 §4.2.1.1 */
export function authorityKeyIdentifier({ keyIdentifier }: { readonly keyIdentifier: Buffer }): pkijs.Extension {
  const value = new pkijs.AuthorityKeyIdentifier({ keyIdentifier: new asn1js.OctetString({ valueHex: keyIdentifier }) })
  return extension(OID.authorityKeyIdentifier, value.toSchema())
}

/** Bits of keyUsage. RFC 5280 §4.2.1.3 */
export const DIGITAL_SIGNATURE = 0b1000_0000
export const KEY_CERT_SIGN = 0b0000_0100
export const CRL_SIGN = 0b0000_0010

/** The bits of the first octet; DER leaves out the zeros at the end of a list of named bits. */
export function keyUsage(bits: number): asn1js.BitString {
  const unusedBits = 31 - Math.clz32(bits & -bits)
  return new asn1js.BitString({ valueHex: Uint8Array.of(bits), unusedBits })
}

/** An rfc822Name: a mailbox, or in name constraints a host or a domain with a leading dot. */
export function email(address: string): pkijs.GeneralName {
  return new pkijs.GeneralName({ type: 1, value: address })
}

/** A dNSName, or an iPAddress where it is one. */
export function hostName(host: string): pkijs.GeneralName {
  if (isIP(host) === 0) return new pkijs.GeneralName({ type: 2, value: host })
  return new pkijs.GeneralName({ type: 7, value: new asn1js.OctetString({ valueHex: addressBytes(host) }) })
}

/** Four octets, or sixteen. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // URL writes every IPv6 address in one form: hexadecimal groups, with at most one `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => text.split(':').filter((group) => group !== '')
  const left = groups(head)
  const right = groups(tail ?? '')
  const zeros = new Array<string>(8 - left.length - right.length).fill('0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

/** Where the revocation list is. RFC 5280 §4.2.1.13 */
export function distributionPoint(url: string): asn1js.BaseBlock {
  const point = new pkijs.DistributionPoint({ distributionPoint: [new pkijs.GeneralName({ type: 6, value: url })] })
  return new pkijs.CRLDistributionPoints({ distributionPoints: [point] }).toSchema()
}

/** Where the OCSP responder is. RFC 5280 §4.2.2.1 */
export function responderAt(url: string): asn1js.BaseBlock {
  const accessLocation = new pkijs.GeneralName({ type: 6, value: url })
  const description = new pkijs.AccessDescription({ accessMethod: OID.ocsp, accessLocation })
  return new pkijs.InfoAccess({ accessDescriptions: [description] }).toSchema()
}

/** Of mail addresses; no extension where nothing is permitted or excluded. RFC 5280 §4.2.1.10 */
export function nameConstraints(permitted: readonly string[], excluded: readonly string[]): pkijs.Extension[] {
  if (permitted.length === 0 && excluded.length === 0) return []
  const subtrees = (emails: readonly string[]) => emails.map((text) => new pkijs.GeneralSubtree({ base: email(text) }))
  const value = new pkijs.NameConstraints({
    ...(permitted.length === 0 ? {} : { permittedSubtrees: subtrees(permitted) }),
    ...(excluded.length === 0 ? {} : { excludedSubtrees: subtrees(excluded) }),
  })
  return [extension(OID.nameConstraints, value.toSchema())]
}
