/**
 * BER made DER, for signatures of providers that write indefinite lengths or strings in pieces. X.690 §8
 * One pass with bounds on depth and number of elements; what comes out is read by the strict reader as if it had come so. Bytes
 * that are DER come out as they are, so a certificate inside keeps its hash and its signature.
 */
import { TAG, header, malformed } from './der.js'

const MAX_DEPTH = 24
const MAX_ELEMENTS = 50_000
const CONSTRUCTED = 0x20
const CONSTRUCTED_OCTET_STRING = TAG.octetString | CONSTRUCTED

interface Output {
  readonly pieces: Buffer[]
  elements: number
}

/** The DER of one BER element. Throws PecError 'malformed'. */
export function berToDer(bytes: Buffer): Buffer {
  const output: Output = { pieces: [], elements: 0 }
  const { next } = convert(bytes, 0, bytes.length, output, 0)
  if (next !== bytes.length) throw malformed('bytes after the last element')
  return Buffer.concat(output.pieces)
}

interface Step {
  /** Where the next element begins in the input. */
  readonly next: number
  /** Bytes written. */
  readonly length: number
}

/** Converts the element at `at`, which must end before `end`. */
function convert(bytes: Buffer, at: number, end: number, output: Output, depth: number): Step {
  output.elements += 1
  if (depth > MAX_DEPTH || output.elements > MAX_ELEMENTS) throw malformed('too many elements, or too deep')
  const { tag, from, to } = readHeader(bytes, at, end)
  // Tag and length go here once the length is known.
  const slot = output.pieces.push(bytes) - 1
  if ((tag & CONSTRUCTED) === 0) {
    if (to === undefined) throw malformed('an indefinite length of something primitive')
    return write(output, tag, slot, [bytes.subarray(from, to)], to)
  }
  if (tag === CONSTRUCTED_OCTET_STRING) {
    const pieces: Buffer[] = []
    const next = joinOctets(bytes, at, end, pieces, output, depth)
    return write(output, TAG.octetString, slot, pieces, next)
  }
  let length = 0
  let position = from
  while (to === undefined ? !endsHere(bytes, position, end) : position < to) {
    const child = convert(bytes, position, to ?? end, output, depth + 1)
    length += child.length
    position = child.next
  }
  const head = header(tag, length)
  output.pieces[slot] = head
  return { next: to ?? position + 2, length: head.length + length }
}

function write(output: Output, tag: number, slot: number, contents: readonly Buffer[], next: number): Step {
  const length = contents.reduce((sum, piece) => sum + piece.length, 0)
  const head = header(tag, length)
  output.pieces[slot] = head
  for (const piece of contents) output.pieces.push(piece)
  return { next, length: head.length + length }
}

/** Collects the octets of an OCTET STRING, whole or in pieces within pieces; says where the next element begins. */
function joinOctets(bytes: Buffer, at: number, end: number, pieces: Buffer[], output: Output, depth: number): number {
  output.elements += 1
  if (depth > MAX_DEPTH || output.elements > MAX_ELEMENTS) throw malformed('too many elements, or too deep')
  const { tag, from, to } = readHeader(bytes, at, end)
  if (tag === TAG.octetString && to !== undefined) {
    pieces.push(bytes.subarray(from, to))
    return to
  }
  if (tag !== CONSTRUCTED_OCTET_STRING) throw malformed('an OCTET STRING with something else in it')
  let position = from
  while (to === undefined ? !endsHere(bytes, position, end) : position < to) {
    position = joinOctets(bytes, position, to ?? end, pieces, output, depth + 1)
  }
  return to ?? position + 2
}

/** Whether the two zero octets that end an indefinite length stand here. */
function endsHere(bytes: Buffer, at: number, end: number): boolean {
  if (at + 2 > end) throw malformed('an indefinite length without an end')
  return bytes[at] === 0 && bytes[at + 1] === 0
}

/** `to` is undefined for an indefinite length. */
function readHeader(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly tag: number; readonly from: number; readonly to: number | undefined } {
  if (at + 2 > end) throw malformed('an end in the middle of an element')
  const tag = bytes.readUInt8(at)
  if ((tag & 0x1f) === 0x1f || tag === 0) throw malformed('a tag that has no place here')
  const first = bytes.readUInt8(at + 1)
  if (first === 0x80) return { tag, from: at + 2, to: undefined }
  const octets = first < 0x80 ? 0 : first & 0x7f
  const from = at + 2 + octets
  if (octets > 4 || from > end) throw malformed('a length that is too long')
  const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets)
  if (length > end - from) throw malformed('an element longer than its parent')
  return { tag, from, to: from + length }
}
