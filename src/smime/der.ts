/**
 * ASN.1 DER, read strictly and written. The reader is a cursor over elements side by side: every length is definite, minimal and
 * within its parent, every tag is asked for, nothing may be left over. It never recurses: the depth is that of the caller's schema.
 * ITU-T X.690 §10
 */
import { PecError } from '../errors.js'

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** The identifier octet of a context-specific element. */
export function contextTag(number: number, form: 'primitive' | 'constructed'): number {
  return (form === 'constructed' ? 0xa0 : 0x80) | number
}

export interface Element {
  readonly tag: number
  /** The contents octets. */
  readonly content: Buffer
  /** The whole element, tag and length included. */
  readonly bytes: Buffer
}

/** What every reader here throws: PecError 'malformed'. */
export function malformed(what: string): PecError {
  return new PecError('malformed', `DER: ${what}`)
}

/** A cursor over consecutive elements. */
export class DerReader {
  private readonly bytes: Buffer
  private at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get done(): boolean {
    return this.at >= this.bytes.length
  }

  /** The tag of the next element; undefined at the end. */
  get tag(): number | undefined {
    return this.bytes[this.at]
  }

  /** The next element, of this tag if one is given. */
  element(tag?: number): Element {
    const start = this.at
    const found = this.octet()
    if (tag !== undefined && found !== tag) throw malformed(`tag ${found} where ${tag} belongs`)
    if ((found & 0x1f) === 0x1f) throw malformed('a tag number above 30')
    const length = this.length()
    const from = this.at
    if (length > this.bytes.length - from) throw malformed('an element longer than its parent')
    this.at = from + length
    return { tag: found, content: this.bytes.subarray(from, this.at), bytes: this.bytes.subarray(start, this.at) }
  }

  /** The contents of the next element, which must have this tag. */
  next(tag: number): Buffer {
    return this.element(tag).content
  }

  /** The contents of the next element if it has this tag. */
  optional(tag: number): Buffer | undefined {
    return this.tag === tag ? this.next(tag) : undefined
  }

  /** A cursor over the elements within the next one, which must have this tag. */
  enter(tag: number): DerReader {
    return new DerReader(this.next(tag))
  }

  /** Nothing may be left. */
  end(): void {
    if (!this.done) throw malformed('bytes after the last element')
  }

  private octet(): number {
    const octet = this.bytes[this.at]
    if (octet === undefined) throw malformed('an end in the middle of an element')
    this.at += 1
    return octet
  }

  private length(): number {
    const first = this.octet()
    if (first < 0x80) return first
    const octets = first & 0x7f
    if (octets === 0 || octets > 4) throw malformed('an indefinite or huge length')
    let length = 0
    for (let i = 0; i < octets; i++) length = length * 256 + this.octet()
    if (length < 0x80 || length < 2 ** (8 * (octets - 1))) throw malformed('a length that is not minimal')
    return length
  }
}

/** The one element that these bytes are, with nothing after it. */
export function onlyElement(bytes: Buffer, tag: number): Element {
  const reader = new DerReader(bytes)
  const element = reader.element(tag)
  reader.end()
  return element
}

/** All the elements side by side in these bytes; more than `most` are malformed. */
export function elements(bytes: Buffer, most = Infinity): Element[] {
  const reader = new DerReader(bytes)
  const found: Element[] = []
  while (!reader.done) {
    if (found.length >= most) throw malformed(`more than ${most} elements`)
    found.push(reader.element())
  }
  return found
}

/** The dotted form of an OBJECT IDENTIFIER's contents. */
export function readOid(content: Buffer): string {
  const arcs: number[] = []
  let value = 0
  let started = false
  for (const octet of content) {
    if (!started && octet === 0x80) throw malformed('an OID arc that is not minimal')
    value = value * 128 + (octet & 0x7f)
    if (value > Number.MAX_SAFE_INTEGER / 128) throw malformed('a huge OID arc')
    started = (octet & 0x80) !== 0
    if (started) continue
    if (arcs.length === 0) {
      const root = Math.min(2, Math.floor(value / 40))
      arcs.push(root, value - root * 40)
    } else arcs.push(value)
    value = 0
  }
  if (started || arcs.length === 0) throw malformed('an OID that is cut short')
  return arcs.join('.')
}

/** The contents of an INTEGER, checked to be minimal: big-endian two's complement. */
export function readInteger(content: Buffer): Buffer {
  const [first, second] = content
  if (first === undefined) throw malformed('an empty INTEGER')
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw malformed('an INTEGER that is not minimal')
  }
  return content
}

/** An INTEGER from 0 to 2^31 - 1. */
export function readSmallInteger(content: Buffer): number {
  const bytes = readInteger(content)
  if (bytes.length > 4 || bytes.readInt8(0) < 0) throw malformed('a number out of range')
  return bytes.readUIntBE(0, bytes.length)
}

export function readBoolean(content: Buffer): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw malformed('a BOOLEAN that is neither')
  return content[0] === 0xff
}

/** The whole octets of a BIT STRING; `unused` low bits of the last one do not count. */
export function readBitString(content: Buffer): { readonly bits: Buffer; readonly unused: number } {
  const unused = content[0]
  if (unused === undefined || unused > 7 || (unused > 0 && content.length === 1)) throw malformed('a BIT STRING that is not one')
  return { bits: content.subarray(1), unused }
}

/** A UTCTime or GeneralizedTime in the one form that RFC 5280 §4.1.2.5 allows: seconds, UTC, no fraction. */
export function readTime({ tag, content }: Element): Date {
  const text = content.toString('latin1')
  const match = (tag === TAG.utcTime ? /^(\d\d)((?:\d\d){5})Z$/ : /^(\d{4})((?:\d\d){5})Z$/).exec(text)
  if ((tag !== TAG.utcTime && tag !== TAG.generalizedTime) || match === null) throw malformed('a time that is not one')
  const [, year = '', rest = ''] = match
  const century = tag === TAG.generalizedTime ? '' : Number(year) >= 50 ? '19' : '20'
  const [month, day, hour, minute, second] = rest.match(/../g) ?? []
  const iso = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const date = new Date(iso)
  // Also refuses what Date would carry over, such as 30 February.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso) throw malformed('a time that does not exist')
  return date
}

// -- writing ------------------------------------------------------------------------------------------------------------

/** Tag and length of an element whose contents are `length` bytes long. */
export function header(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tag, length])
  const octets = length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4
  const bytes = Buffer.alloc(2 + octets)
  bytes.writeUInt8(tag, 0)
  bytes.writeUInt8(0x80 | octets, 1)
  bytes.writeUIntBE(length, 2, octets)
  return bytes
}

export function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  return Buffer.concat([
    header(
      tag,
      contents.reduce((sum, content) => sum + content.length, 0),
    ),
    ...contents,
  ])
}

export function sequence(...contents: readonly Buffer[]): Buffer {
  return tlv(TAG.sequence, ...contents)
}

/** A SET OF: its elements in the order DER wants. */
export function setOf(...contents: readonly Buffer[]): Buffer {
  return tlv(TAG.set, ...contents.toSorted((a, b) => Buffer.compare(a, b)))
}

/** `[number] EXPLICIT`, or IMPLICIT over something constructed. */
export function context(number: number, ...contents: readonly Buffer[]): Buffer {
  return tlv(contextTag(number, 'constructed'), ...contents)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80)
    octets.push(...groups)
  }
  return tlv(TAG.oid, Buffer.from(octets))
}

/** A non-negative INTEGER: a number, or its bytes, big-endian. */
export function integer(value: number | Buffer): Buffer {
  const bytes = typeof value === 'number' ? Buffer.from(value.toString(16).padStart(14, '0'), 'hex') : value
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const minimal = bytes.subarray(start)
  return tlv(TAG.integer, ...((minimal[0] ?? 0) >= 0x80 ? [Buffer.of(0)] : []), minimal)
}

export function boolean(value: boolean): Buffer {
  return tlv(TAG.boolean, Buffer.of(value ? 0xff : 0))
}

export function octetString(content: Buffer): Buffer {
  return tlv(TAG.octetString, content)
}

export function bitString(bits: Buffer, unused = 0): Buffer {
  return tlv(TAG.bitString, Buffer.of(unused), bits)
}

export function utf8String(text: string): Buffer {
  return tlv(TAG.utf8String, Buffer.from(text, 'utf8'))
}

export function nullValue(): Buffer {
  return tlv(TAG.null)
}

/** A Time, cut to whole seconds: UTCTime until 2049, GeneralizedTime from 2050. RFC 5280 §4.1.2.5, RFC 5652 §11.3 */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '')
  const year = date.getUTCFullYear()
  if (year >= 1950 && year < 2050) return tlv(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'))
  return tlv(TAG.generalizedTime, Buffer.from(digits, 'latin1'))
}
