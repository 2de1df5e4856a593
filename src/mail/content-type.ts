/** Values with parameters: Content-Type, Content-Disposition. RFC 2045 §5.1, RFC 2231 */
import { decodeCharset, decodeUnlabelled } from './charset.js'
import { withoutControls } from './encoded-word.js'

export interface Parameterized {
  /** What stands before the first semicolon, in lower case. */
  readonly value: string
  /** By lower-case name; of a name that comes twice, the first. Without control characters. */
  readonly params: ReadonlyMap<string, string>
}

/** One piece of a value that RFC 2231 spread over several parameters. */
interface Piece {
  readonly text: string
  readonly encoded: boolean
}

const MAX_PIECES = 1000
// Longer values are cut into pieces, so that a line can always be folded.
const PIECE_LENGTH = 60
const MAX_QUOTED = 200
const MEDIA_TYPE = /^[!#$%&'*+.^_`{|}~0-9a-z-]+\/[!#$%&'*+.^_`{|}~0-9a-z-]+$/

/**
 * Reads a value with parameters, unfolded. Pieces and percent encoding of RFC 2231 are put together and decoded; encoded words
 * are left as they are. Never throws; what has no sense is passed over. Time is linear in the value.
 */
export function parseParameterized(value: string): Parameterized {
  const [first = '', ...rest] = splitAtSemicolons(value)
  const plain = new Map<string, string>()
  const pieces = new Map<string, Map<number, Piece>>()
  for (const parameter of rest) {
    const equals = parameter.indexOf('=')
    if (equals === -1) continue
    const name = parameter.slice(0, equals).trim().toLowerCase()
    const text = unquoted(parameter.slice(equals + 1).trim())
    const extended = /^([^*]+)(?:\*(\d{1,3}))?(\*?)$/.exec(name)
    const base = extended?.[1]
    if (base === undefined) continue
    if (extended?.[2] === undefined && extended?.[3] === '') {
      if (!plain.has(base)) plain.set(base, withoutControls(text))
    } else {
      addPiece(pieces, base, Number(extended?.[2] ?? 0), { text, encoded: extended?.[3] === '*' })
    }
  }
  // RFC 6266 §4.3: where both stand, the extended form is meant and the plain one is for old readers.
  for (const [base, found] of pieces) {
    const text = joined(found)
    if (text !== undefined) plain.set(base, withoutControls(text))
  }
  return { value: withoutComment(withoutControls(first)).trim().toLowerCase(), params: plain }
}

/**
 * A parameter for a header, `name="value"`; RFC 2231 form if the value is not ASCII or too long for a line. Control characters
 * become spaces. The name is one of ours.
 */
export function formatParameter(name: string, value: string): string {
  const text = withoutControls(value)
  if (/^[ -~]*$/.test(text) && text.length <= MAX_QUOTED) return `${name}=${quoted(text)}`
  const pieces = percentPieces(text)
  const [only = ''] = pieces
  if (pieces.length === 1) return `${name}*=utf-8''${only}`
  return pieces.map((piece, index) => `${name}*${index}*=${index === 0 ? "utf-8''" : ''}${piece}`).join('; ')
}

/** Whether this is a type and a subtype, in lower case. */
export function isMediaType(value: string): boolean {
  return MEDIA_TYPE.test(value)
}

function splitAtSemicolons(value: string): string[] {
  const parts: string[] = []
  let start = 0
  let inQuotes = false
  for (let at = 0; at < value.length; at += 1) {
    const character = value.charAt(at)
    if (character === '"') {
      inQuotes = !inQuotes
    } else if (character === '\\' && inQuotes) {
      at += 1
    } else if (character === ';' && !inQuotes) {
      parts.push(value.slice(start, at))
      start = at + 1
    }
  }
  parts.push(value.slice(start))
  return parts
}

function unquoted(text: string): string {
  if (!text.startsWith('"')) return withoutComment(text).trim()
  let end = 1
  while (end < text.length && text.charAt(end) !== '"') end += text.charAt(end) === '\\' ? 2 : 1
  return text.slice(1, end).replace(/\\([^])/g, '$1')
}

/** QUIRK: file names with brackets stand unquoted in real mail, so only a bracket after white space begins a comment. */
function withoutComment(text: string): string {
  const comment = /(?:^|[ \t])\(/.exec(text)
  return comment === null ? text : text.slice(0, comment.index)
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function addPiece(pieces: Map<string, Map<number, Piece>>, base: string, index: number, piece: Piece): void {
  const found = pieces.get(base) ?? new Map<number, Piece>()
  pieces.set(base, found)
  if (index < MAX_PIECES && !found.has(index)) found.set(index, piece)
}

/** The pieces from number 0 on, up to the first that is missing. RFC 2231 §3, §4.1 */
function joined(pieces: ReadonlyMap<number, Piece>): string | undefined {
  const first = pieces.get(0)
  if (first === undefined) return undefined
  const label = first.encoded ? /^([^']*)'[^']*'/.exec(first.text) : null
  const bytes: Buffer[] = []
  for (let index = 0; ; index += 1) {
    const piece = pieces.get(index)
    if (piece === undefined) break
    const text = index === 0 && label !== null ? piece.text.slice(label[0].length) : piece.text
    bytes.push(piece.encoded ? percentDecoded(text) : Buffer.from(text))
  }
  const all = Buffer.concat(bytes)
  return decodeCharset(all, label?.[1] ?? '') ?? decodeUnlabelled(all)
}

function percentDecoded(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (!text.includes('%')) return bytes
  let length = 0
  for (let at = 0; at < bytes.length; at += 1, length += 1) {
    const hex = bytes[at] === 0x25 ? bytes.toString('latin1', at + 1, at + 3) : ''
    const isHex = /^[0-9A-Fa-f]{2}$/.test(hex)
    bytes[length] = isHex ? parseInt(hex, 16) : (bytes[at] ?? 0)
    if (isHex) at += 2
  }
  return bytes.subarray(0, length)
}

function percentPieces(text: string): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const character of text) {
    const encoded = /^[A-Za-z0-9._-]$/.test(character) ? character : percentEncoded(character)
    if (piece.length + encoded.length > PIECE_LENGTH) {
      pieces.push(piece)
      piece = ''
    }
    piece += encoded
  }
  pieces.push(piece)
  return pieces
}

function percentEncoded(character: string): string {
  let text = ''
  for (const byte of Buffer.from(character)) text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return text
}
