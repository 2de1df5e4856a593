/**
 * Content transfer encodings as transforms: pure functions that take the bytes so far unread (`carry`) and the next ones, and give
 * what they become and what must wait for more. A carry is short, so a transform can be taken up again at any of them. RFC 2045 §6
 */

export interface Step {
  readonly output: Buffer
  readonly carry: Buffer
}

export type Transform = (carry: Buffer, data: Buffer, last: boolean) => Step

const NOTHING = Buffer.alloc(0)
const EQUALS = Buffer.from('=')
const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const EQUALS_SIGN = 0x3d
const DASH = 0x2d
const DOT = 0x2e
const CAPITAL_F = 0x46
const HEX = Buffer.from('0123456789ABCDEF')

const BASE64_LINE = 76
const BASE64_LINE_BYTES = 57
const QP_LINE = 76
// White space that is longer cannot be the end of a legal line; it is taken as text, so that the carry stays short.
const MAX_WHITE_SPACE = 1000

/** The transform that undoes a Content-Transfer-Encoding; undefined if it is none that changes bytes. */
export function decoderFor(encoding: string): Transform | undefined {
  if (encoding === 'base64') return decodeBase64
  if (encoding === 'quoted-printable') return decodeQuotedPrintable
  return undefined
}

/** Base64 in, bytes out. Foreign characters are passed over; the first '=' ends it (kept as carry: nothing follows). */
export function decodeBase64(carry: Buffer, data: Buffer, last: boolean): Step {
  if (carry[0] === EQUALS_SIGN) return { output: NOTHING, carry }
  const text = carry.toString('latin1') + data.toString('latin1').replace(/[^A-Za-z0-9+/=]+/g, '')
  const padding = text.indexOf('=')
  if (padding !== -1) return { output: Buffer.from(text.slice(0, padding), 'base64'), carry: EQUALS }
  const whole = last ? text.length : text.length - (text.length % 4)
  return { output: Buffer.from(text.slice(0, whole), 'base64'), carry: Buffer.from(text.slice(whole), 'latin1') }
}

/** Bytes in, base64 out, in lines of 76 characters that all end in CRLF. */
export function encodeBase64(carry: Buffer, data: Buffer, last: boolean): Step {
  const bytes = carry.length === 0 ? data : Buffer.concat([carry, data])
  const whole = last ? bytes.length : bytes.length - (bytes.length % BASE64_LINE_BYTES)
  return { output: base64Lines(bytes.subarray(0, whole)), carry: Buffer.from(bytes.subarray(whole)) }
}

/** Quoted-printable in, bytes out. White space at line ends falls away; what is no valid escape stays as it is. RFC 2045 §6.7 */
export function decodeQuotedPrintable(carry: Buffer, data: Buffer, last: boolean): Step {
  const bytes = carry.length === 0 ? data : Buffer.concat([carry, data])
  const output = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0
    if (byte !== EQUALS_SIGN && byte !== SPACE && byte !== TAB) {
      output[length++] = byte
      at += 1
      continue
    }
    const high = byte === EQUALS_SIGN ? hexValue(bytes[at + 1]) : -1
    const low = high === -1 ? -1 : hexValue(bytes[at + 2])
    if (low !== -1) {
      output[length++] = high * 16 + low
      at += 3
      continue
    }
    // From here on: '=' or white space, whose meaning depends on whether the line ends after (more) white space.
    const textEnd = byte === EQUALS_SIGN ? at + 1 : at
    const blankEnd = endOfBlanks(bytes, textEnd)
    const tooMany = blankEnd - textEnd === MAX_WHITE_SPACE
    if (!last && !tooMany && blankEnd + 2 > bytes.length) break
    const lineEnd = blankEnd + lineEndLength(bytes, blankEnd)
    const endsLine = !tooMany && (lineEnd > blankEnd || blankEnd === bytes.length)
    if (byte === EQUALS_SIGN && endsLine) {
      at = lineEnd
    } else if (byte === EQUALS_SIGN) {
      output[length++] = byte
      at += 1
    } else {
      if (!endsLine) length += bytes.copy(output, length, at, blankEnd)
      at = blankEnd
    }
  }
  return { output: output.subarray(0, length), carry: Buffer.from(bytes.subarray(at)) }
}

/**
 * Bytes in, quoted-printable out, in lines of at most 76 characters. CRLF stays a line end, a lone CR or LF is escaped. At the start
 * of a line so are the F of "From " and a dot, which carriers are known to change, and the first of two dashes: a soft line break
 * must not make a delimiter of what was none.
 */
export function encodeQuotedPrintable(carry: Buffer, data: Buffer, last: boolean): Step {
  const bytes = carry.length === 0 ? data : Buffer.concat([carry, data])
  // At worst three characters a byte, and a soft line break for each 25 of them.
  const output = Buffer.allocUnsafe(bytes.length * 4 + 3)
  let length = 0
  let start = 0
  while (start < bytes.length) {
    const line = encodeLine(bytes, start, last, output, length)
    if (line === undefined) break
    start = line.next
    length = line.length
  }
  return { output: output.subarray(0, length), carry: Buffer.from(bytes.subarray(start)) }
}

/**
 * Writes one output line made of the bytes from `start` on, with its soft break or CRLF; undefined if more bytes are needed to
 * know how it ends.
 */
function encodeLine(
  bytes: Buffer,
  start: number,
  last: boolean,
  output: Buffer,
  from: number,
): { next: number; length: number } | undefined {
  let length = from
  // One column is kept for the '=' of a soft break.
  const limit = from + QP_LINE - 1
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    // Three bytes ahead decide: CRLF after this byte, or a lone CR. Five decide on "From ".
    if (!last && at + 5 > bytes.length) return undefined
    if (byte === CR && bytes[at + 1] === LF) {
      output[length++] = CR
      output[length++] = LF
      return { next: at + 2, length }
    }
    const width = mustEscape(bytes, at, at === start) ? 3 : 1
    if (length + width > limit) {
      output[length++] = EQUALS_SIGN
      output[length++] = CR
      output[length++] = LF
      return { next: at, length }
    }
    if (width === 3) {
      output[length++] = EQUALS_SIGN
      output[length++] = HEX[byte >> 4] ?? 0
      output[length++] = HEX[byte & 15] ?? 0
    } else {
      output[length++] = byte
    }
  }
  return last ? { next: bytes.length, length } : undefined
}

function mustEscape(bytes: Buffer, at: number, atLineStart: boolean): boolean {
  const byte = bytes[at] ?? 0
  if (byte === SPACE || byte === TAB) return at + 1 === bytes.length || (bytes[at + 1] === CR && bytes[at + 2] === LF)
  if (byte < SPACE || byte > 0x7e || byte === EQUALS_SIGN) return true
  if (!atLineStart) return false
  if (byte === DASH) return bytes[at + 1] === DASH
  return byte === DOT || (byte === CAPITAL_F && bytes.toString('latin1', at, at + 5) === 'From ')
}

function base64Lines(bytes: Buffer): Buffer {
  const text = Buffer.from(bytes.toString('base64'), 'latin1')
  const lines = Math.ceil(text.length / BASE64_LINE)
  const output = Buffer.allocUnsafe(text.length + lines * 2)
  let length = 0
  for (let at = 0; at < text.length; at += BASE64_LINE) {
    length += text.copy(output, length, at, at + BASE64_LINE)
    output[length++] = CR
    output[length++] = LF
  }
  return output
}

function endOfBlanks(bytes: Buffer, from: number): number {
  const limit = from + MAX_WHITE_SPACE
  let at = from
  while (at < limit && (bytes[at] === SPACE || bytes[at] === TAB)) at += 1
  return at
}

function lineEndLength(bytes: Buffer, at: number): number {
  if (bytes[at] === LF) return 1
  return bytes[at] === CR && bytes[at + 1] === LF ? 2 : 0
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1
}
