/**
 * The header of a message or of a part: a list of fields, each kept as the bytes it came in, so that what is read and written
 * again is the same to the last byte. Fields are only taken out or added; none is changed in place. RFC 5322 §2.2
 */
import { decodeUnlabelled } from './charset.js'
import { encodeWords, withoutControls } from './encoded-word.js'

export interface Field {
  /** As written; empty for a line that is no field. */
  readonly name: string
  /** The whole field, with its folding and its final CRLF. */
  readonly raw: Buffer
}

export interface Header {
  readonly fields: readonly Field[]
}

const COLON = 0x3a
const LINE_LENGTH = 76
const MAX_WORD_LENGTH = 900
const FIELD_NAME = /^[!-9;-~]{1,76}$/

/** The fields of a header section: all its lines, each with its CRLF, without the blank line that ends it. */
export function parseHeader(section: Buffer): Header {
  const text = section.toString('latin1')
  const fields: Field[] = []
  for (let start = 0; start < text.length;) {
    const end = endOfField(text, start)
    fields.push({ name: nameAt(text, start), raw: section.subarray(start, end) })
    start = end
  }
  return { fields }
}

/** The bytes of the header section: of a parsed header, those it was parsed from. */
export function headerBytes(header: Header): Buffer {
  return Buffer.concat(header.fields.map((field) => field.raw))
}

/** The values of all fields of this name (any case), unfolded and trimmed; encoded words are left encoded. */
export function allValues(header: Header, name: string): string[] {
  return fieldsNamed(header, name).map(fieldValue)
}

/** The value of the first field of this name, or undefined. */
export function firstValue(header: Header, name: string): string | undefined {
  const wanted = name.toLowerCase()
  const field = header.fields.find((candidate) => isNamed(candidate, wanted))
  return field === undefined ? undefined : fieldValue(field)
}

/** The value of one field, unfolded and trimmed; its bytes as UTF-8 if they are that, else as ISO-8859-1. */
export function fieldValue(field: Field): string {
  const bytes = field.name === '' ? field.raw : field.raw.subarray(field.raw.indexOf(COLON) + 1)
  return trimmed(decodeUnlabelled(bytes).replace(/\r\n(?=[ \t])/g, ''))
}

/** The bytes of the fields of these names as they stand, in their order in the header. */
export function rawFields(header: Header, ...names: readonly string[]): Buffer {
  const wanted = names.map((name) => name.toLowerCase())
  const kept = header.fields.filter((field) => wanted.includes(field.name.toLowerCase()))
  return Buffer.concat(kept.map((field) => field.raw))
}

/** The header without the fields of these names. */
export function withoutFields(header: Header, ...names: readonly string[]): Header {
  const unwanted = names.map((name) => name.toLowerCase())
  return { fields: header.fields.filter((field) => !unwanted.includes(field.name.toLowerCase())) }
}

/**
 * One field with its CRLF. An ASCII value is folded at its spaces, so that unfolding gives it back; any other becomes encoded
 * words. Control characters become spaces: a value cannot add a field. Throws a plain Error for a name that is none.
 */
export function formatField(name: string, value: string): Buffer {
  if (!FIELD_NAME.test(name)) throw new Error(`not a field name: ${JSON.stringify(name)}`)
  const text = trimmed(withoutControls(value))
  const words = splitWords(text)
  const fits = /^[ -~]*$/.test(text) && words.every((word) => word.length <= MAX_WORD_LENGTH)
  return Buffer.from(fold(`${name}:`, fits ? words : splitWords(encodeWords(text))), 'latin1')
}

function fold(start: string, words: readonly string[]): string {
  let folded = ''
  let line = `${start} ${words[0] ?? ''}`
  for (const word of words.slice(1)) {
    if (line.length + word.length > LINE_LENGTH) {
      folded += `${line}\r\n`
      line = word
    } else {
      line += word
    }
  }
  return `${folded}${line}\r\n`
}

/** Words, each with the spaces before it. The text must not end in spaces. */
function splitWords(text: string): readonly string[] {
  return text === '' ? [] : text.split(/(?<=[^ ])(?= )/)
}

function fieldsNamed(header: Header, name: string): Field[] {
  const wanted = name.toLowerCase()
  return header.fields.filter((field) => isNamed(field, wanted))
}

function isNamed(field: Field, lowerCaseName: string): boolean {
  return field.name.length === lowerCaseName.length && field.name.toLowerCase() === lowerCaseName
}

function endOfField(text: string, start: number): number {
  for (let at = start; ;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return text.length
    at = lineEnd + 2
    const next = text.charCodeAt(at)
    if (next !== 0x20 && next !== 0x09) return at
  }
}

function nameAt(text: string, start: number): string {
  let end = start
  while (isNameCharacter(text.charCodeAt(end))) end += 1
  let colon = end
  // RFC 5322 §4.5 still reads white space before the colon.
  while (isSpace(text.charCodeAt(colon))) colon += 1
  return text.charCodeAt(colon) === COLON ? text.slice(start, end) : ''
}

function isNameCharacter(code: number): boolean {
  return code > 0x20 && code < 0x7f && code !== COLON
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Without white space at both ends; a loop, since a regular expression would take quadratic time on long runs of spaces. */
function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return isSpace(code) || code === 0x0d || code === 0x0a
}
