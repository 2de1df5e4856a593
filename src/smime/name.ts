/** X.501 distinguished names: read, compared, written. RFC 5280 §4.1.2.4, §7.1 */
import {
  TAG,
  DerReader,
  elements,
  malformed,
  oid,
  onlyElement,
  readOid,
  sequence,
  setOf,
  tlv,
  utf8String,
  type Element,
} from './der.js'
import { OID } from './oids.js'

export interface Attribute {
  /** Dotted OID. */
  readonly type: string
  readonly value: string
}

export interface Name {
  readonly der: Buffer
  readonly attributes: readonly Attribute[]
  /** One comparable text per relative distinguished name, root first: case, kind of string and runs of spaces do not count. */
  readonly path: readonly string[]
}

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [OID.commonName, 'CN'],
  [OID.countryName, 'C'],
  [OID.localityName, 'L'],
  [OID.stateOrProvinceName, 'ST'],
  [OID.organizationName, 'O'],
  [OID.emailAddress, 'emailAddress'],
])

// Names seen in the field have up to ten attributes.
const MAX_ATTRIBUTES = 64

/** Reads a DER Name. Throws PecError 'malformed'. */
export function parseName(der: Buffer): Name {
  const attributes: Attribute[] = []
  const path: string[] = []
  for (const rdn of elements(onlyElement(der, TAG.sequence).content, MAX_ATTRIBUTES)) {
    if (rdn.tag !== TAG.set) throw malformed('a name that is not made of SETs')
    const found = elements(rdn.content, MAX_ATTRIBUTES - attributes.length).map(parseAttribute)
    if (found.length === 0) throw malformed('an empty relative distinguished name')
    attributes.push(...found)
    path.push(JSON.stringify(found.map(({ type, value }) => `${type}=${comparable(value)}`).sort()))
  }
  return { der, attributes, path }
}

function parseAttribute({ tag, content }: Element): Attribute {
  if (tag !== TAG.sequence) throw malformed('an attribute that is not a SEQUENCE')
  const reader = new DerReader(content)
  const type = readOid(reader.next(TAG.oid))
  const value = reader.element()
  reader.end()
  return { type, value: readString(value) }
}

function readString({ tag, content }: Element): string {
  switch (tag) {
    case TAG.utf8String:
      return content.toString('utf8')
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.teletexString:
      return content.toString('latin1')
    case TAG.bmpString:
      if (content.length % 2 !== 0) throw malformed('half a character')
      return Buffer.from(content).swap16().toString('utf16le')
    default:
      return `#${content.toString('hex')}`
  }
}

function comparable(value: string): string {
  return value.normalize('NFC').toLowerCase().trim().replace(/\s+/g, ' ')
}

export function sameName(a: Name, b: Name): boolean {
  return a.der.equals(b.der) || (a.path.length === b.path.length && isWithin(a, b))
}

/** Whether this DER is that name, in whatever kind of string; false for what is no name. */
export function isNamed(name: Name, der: Buffer): boolean {
  if (name.der.equals(der)) return true
  try {
    return sameName(name, parseName(der))
  } catch {
    return false
  }
}

/** Whether `name` is `base` or stands below it in the tree. RFC 5280 §4.2.1.10 */
export function isWithin(name: Name, base: Name): boolean {
  return base.path.length <= name.path.length && base.path.every((rdn, i) => rdn === name.path[i])
}

/** Every value of an attribute, in order. */
export function valuesOf(name: Name, type: string): string[] {
  return name.attributes.filter((attribute) => attribute.type === type).map((attribute) => attribute.value)
}

/** For a log line: `C=IT, O=…, CN=…`. */
export function formatName(name: Name): string {
  return name.attributes.map(({ type, value }) => `${SHORT_NAMES.get(type) ?? type}=${value}`).join(', ')
}

/** A DER Name of these attributes, one to a relative distinguished name. */
export function writeName(attributes: readonly Attribute[]): Buffer {
  return sequence(...attributes.map(({ type, value }) => setOf(sequence(oid(type), directoryString(type, value)))))
}

/** countryName and emailAddress have string types of their own. RFC 5280, appendix A */
function directoryString(type: string, value: string): Buffer {
  if (type === OID.countryName) return tlv(TAG.printableString, Buffer.from(value, 'latin1'))
  if (type === OID.emailAddress) return tlv(TAG.ia5String, Buffer.from(value, 'latin1'))
  return utf8String(value)
}
