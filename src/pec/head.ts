/**
 * The head of a message: its header, and the identifiers and fields that other messages take from it.
 */
import { PecError } from '../errors.js'
import { fieldValue, firstValue, formatField, parseHeader, type Header } from '../mail/header.js'
import { indexOf, type Source } from '../mail/source.js'
import { oneLine } from './one-line.js'

export interface Head {
  readonly header: Header
  /** Where the line end of the blank line stands; the size of the message if it has none. */
  readonly end: number
}

const MAX_HEADER = 1024 * 1024
const MAX_MESSAGE_ID = 890
const MAX_LINE = 998
const BLANK_LINE = Buffer.from('\r\n\r\n')

/** Reads the header. Throws PecError 'malformed', permanent, if it is longer than 1 MiB. */
export async function readHead(source: Source): Promise<Head> {
  if ((await source.read(0, Math.min(2, source.size))).equals(BLANK_LINE.subarray(2))) return { header: { fields: [] }, end: 0 }
  const limit = Math.min(source.size, MAX_HEADER)
  const blank = await indexOf(source, BLANK_LINE, 0, limit)
  if (blank === -1 && limit < source.size) throw new PecError('malformed', `the header is longer than ${MAX_HEADER} bytes`)
  const end = blank === -1 ? source.size : blank + 2
  return { header: parseHeader(await source.read(0, end)), end }
}

/**
 * A Message-ID as everything we make repeats it: with angle brackets, without comments, white space or characters outside ASCII.
 * Undefined where there is none, or none that fits on a line.
 */
export function cleanMessageId(written: string | undefined): string | undefined {
  const line = oneLine(written ?? '')
  const inside = /<([^<>]*)>/.exec(line)?.[1] ?? line
  const id = inside.replace(/[<>\s]/gu, '').replace(/[^!-~]/gu, '?')
  return id === '' || id.length > MAX_MESSAGE_ID ? undefined : `<${id}>`
}

/** The Message-ID of a header, cleaned. */
export function messageIdOf(header: Header): string | undefined {
  return cleanMessageId(firstValue(header, 'Message-ID'))
}

/**
 * The fields of these names, to be put at the top of another message: as they stand, except that bytes which some reader may
 * take for a line end, and lines over 998 octets, are not carried over. Fields without a value are left out.
 */
export function copiedFields(header: Header, ...names: readonly string[]): Buffer {
  const wanted = names.map((name) => name.toLowerCase())
  const copied = header.fields.filter((field) => wanted.includes(field.name.toLowerCase()) && fieldValue(field) !== '')
  return Buffer.concat(copied.map((field) => (isSafe(field.raw) ? field.raw : formatField(field.name, fieldValue(field)))))
}

/** Whether a field is lines of printable ASCII, each within the limit and ended by CRLF. */
function isSafe(raw: Buffer): boolean {
  const text = raw.toString('latin1')
  return text.endsWith('\r\n') && text.split('\r\n').every((line) => line.length <= MAX_LINE && /^[\t -~]*$/.test(line))
}
