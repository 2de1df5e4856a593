/** What the extensions of certificates and revocation lists say. Every reader takes the extension's value; PecError 'malformed'. RFC 5280 §4.2 */
import {
  TAG,
  DerReader,
  contextTag,
  elements,
  malformed,
  onlyElement,
  readBitString,
  readBoolean,
  readOid,
  readSmallInteger,
} from './der.js'
import { parseName, type Name } from './name.js'

export interface Extension {
  readonly critical: boolean
  /** The DER within the OCTET STRING. */
  readonly value: Buffer
}

export type Extensions = ReadonlyMap<string, Extension>

// A certificate in service has about ten extensions; the longest list of names is AgID's of the domains that it may certify.
const MAX_EXTENSIONS = 64
const MAX_NAMES = 2000

/** The extensions by their OID; one that stands twice is malformed. */
export function readExtensions(sequence: Buffer): Extensions {
  const found = new Map<string, Extension>()
  for (const { tag, content } of elements(onlyElement(sequence, TAG.sequence).content, MAX_EXTENSIONS)) {
    if (tag !== TAG.sequence) throw malformed('an extension that is not a SEQUENCE')
    const reader = new DerReader(content)
    const id = readOid(reader.next(TAG.oid))
    const critical = reader.optional(TAG.boolean)
    const value = reader.next(TAG.octetString)
    reader.end()
    if (found.has(id)) throw malformed(`extension ${id} twice`)
    found.set(id, { critical: critical !== undefined && readBoolean(critical), value })
  }
  return found
}

export type KeyUsage = 'digitalSignature' | 'nonRepudiation' | 'keyCertSign' | 'cRLSign'

const KEY_USAGE_BITS: readonly (readonly [KeyUsage, number])[] = [
  ['digitalSignature', 0],
  ['nonRepudiation', 1],
  ['keyCertSign', 5],
  ['cRLSign', 6],
]

export function readKeyUsage(value: Buffer): ReadonlySet<KeyUsage> {
  const { bits } = readBitString(onlyElement(value, TAG.bitString).content)
  const first = bits[0] ?? 0
  return new Set(KEY_USAGE_BITS.filter(([, bit]) => (first & (0x80 >> bit)) !== 0).map(([usage]) => usage))
}

export interface BasicConstraints {
  readonly authority: boolean
  readonly pathLength: number | undefined
}

export function readBasicConstraints(value: Buffer): BasicConstraints {
  const reader = new DerReader(onlyElement(value, TAG.sequence).content)
  const authority = reader.optional(TAG.boolean)
  const pathLength = reader.optional(TAG.integer)
  reader.end()
  return {
    authority: authority !== undefined && readBoolean(authority),
    pathLength: pathLength === undefined ? undefined : readSmallInteger(pathLength),
  }
}

/** The purposes, as dotted OIDs. */
export function readExtendedKeyUsage(value: Buffer): ReadonlySet<string> {
  return new Set(
    elements(onlyElement(value, TAG.sequence).content, MAX_NAMES).map(({ tag, content }) => {
      if (tag !== TAG.oid) throw malformed('a purpose that is no OID')
      return readOid(content)
    }),
  )
}

export function readSubjectKeyIdentifier(value: Buffer): Buffer {
  return onlyElement(value, TAG.octetString).content
}

/** The keyIdentifier; undefined if the issuer's key is told in another way. */
export function readAuthorityKeyIdentifier(value: Buffer): Buffer | undefined {
  return new DerReader(onlyElement(value, TAG.sequence).content).optional(contextTag(0, 'primitive'))
}

export type GeneralName =
  | { readonly form: 'email' | 'dns' | 'uri'; readonly text: string }
  | { readonly form: 'directory'; readonly name: Name }
  | { readonly form: 'ip'; readonly address: Buffer }
  | { readonly form: 'other' }

/** RFC 5280 §4.2.1.6 */
export function readGeneralNames(sequenceContent: Buffer): GeneralName[] {
  return elements(sequenceContent, MAX_NAMES).map(({ tag, content }) => readGeneralName(tag, content))
}

export function readGeneralName(tag: number, content: Buffer): GeneralName {
  switch (tag) {
    case contextTag(1, 'primitive'):
      return { form: 'email', text: asciiText(content) }
    case contextTag(2, 'primitive'):
      return { form: 'dns', text: asciiText(content) }
    case contextTag(4, 'constructed'):
      return { form: 'directory', name: parseName(content) }
    case contextTag(6, 'primitive'):
      return { form: 'uri', text: asciiText(content) }
    case contextTag(7, 'primitive'):
      return { form: 'ip', address: content }
    default:
      return { form: 'other' }
  }
}

/** A NUL or a character outside ASCII in a name is how names are forged. */
function asciiText(content: Buffer): string {
  if (content.some((octet) => octet < 0x20 || octet > 0x7e)) throw malformed('a name that is not printable ASCII')
  return content.toString('latin1')
}

export function readSubjectAltName(value: Buffer): GeneralName[] {
  return readGeneralNames(onlyElement(value, TAG.sequence).content)
}

/** The full names of every distribution point. RFC 5280 §4.2.1.13 */
export function readDistributionPoints(value: Buffer): GeneralName[] {
  return elements(onlyElement(value, TAG.sequence).content, MAX_EXTENSIONS).flatMap(({ content }) => {
    const name = new DerReader(content).optional(contextTag(0, 'constructed'))
    return name === undefined ? [] : readFullName(name)
  })
}

/** The names in a DistributionPointName; one relative to the issuer's name is not read. */
export function readFullName(distributionPointName: Buffer): GeneralName[] {
  const full = new DerReader(distributionPointName).optional(contextTag(0, 'constructed'))
  return full === undefined ? [] : readGeneralNames(full)
}

export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** RFC 5280 §4.2.1.10: minimum must be 0 and maximum absent. */
export function readNameConstraints(value: Buffer): NameConstraints {
  const reader = new DerReader(onlyElement(value, TAG.sequence).content)
  const permitted = reader.optional(contextTag(0, 'constructed'))
  const excluded = reader.optional(contextTag(1, 'constructed'))
  reader.end()
  return { permitted: readSubtrees(permitted), excluded: readSubtrees(excluded) }
}

function readSubtrees(content: Buffer | undefined): GeneralName[] {
  return elements(content ?? Buffer.alloc(0), MAX_NAMES).map((subtree) => {
    const reader = new DerReader(subtree.content)
    const base = reader.element()
    const minimum = reader.optional(contextTag(0, 'primitive'))
    if (subtree.tag !== TAG.sequence || (minimum !== undefined && readSmallInteger(minimum) !== 0))
      throw malformed('a subtree with a depth')
    reader.end()
    return readGeneralName(base.tag, base.content)
  })
}
