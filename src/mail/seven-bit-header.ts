/** Header fields with raw 8-bit text, NUL or lines that are too long, and what they become. RFC 2047, RFC 2231 */
import { formatAddress, parseAddresses } from './address.js'
import { formatParameter, isMediaType, parseParameterized } from './content-type.js'
import { decodeWords } from './encoded-word.js'
import { fieldValue, formatField, type Field, type Header } from './header.js'
import { areSevenBitLines, scrubLines } from './line.js'

const ADDRESS_FIELDS = /^(?:resent-)?(?:from|to|cc|bcc|reply-to|sender)$|^(?:disposition-notification|return-receipt)-to$/i
const PARAMETERIZED_FIELDS = /^content-(?:type|disposition)$/i
const ENCODING = 'content-transfer-encoding'
const TOKEN = /^[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,76}$/
const FIRST = /^[!-~]+$/
// RFC 6838 §4.2: a type and its subtype have 127 characters each at most.
const MAX_FIRST = 255
const NOTHING = Buffer.alloc(0)

/** What happened to the body that the header stands over. */
export interface BodyChange {
  /** The transfer encoding it has now. */
  readonly encoding: string
  /** Whether the header is that of a message, which needs a MIME-Version for its encoding to count. RFC 2045 §4 */
  readonly ofMessage: boolean
}

/** The bytes of the header, 7-bit; fields that are so already stay as they are. Without a change of the body the encoding stays. */
export function sevenBitHeader(header: Header, change: BodyChange | undefined): Buffer {
  const fields = change === undefined ? header.fields : withEncoding(header, change)
  return Buffer.concat(fields.map(sevenBitField))
}

function withEncoding(header: Header, { encoding, ofMessage }: BodyChange): readonly Field[] {
  const stated: Field = { name: ENCODING, raw: formatField('Content-Transfer-Encoding', encoding) }
  const first = header.fields.findIndex(isEncoding)
  const kept = header.fields.filter((field, index) => index === first || !isEncoding(field))
  const fields = first === -1 ? [...kept, stated] : kept.map((field) => (isEncoding(field) ? stated : field))
  const hasVersion = fields.some((field) => field.name.toLowerCase() === 'mime-version')
  return hasVersion || !ofMessage ? fields : [...fields, { name: 'MIME-Version', raw: formatField('MIME-Version', '1.0') }]
}

function isEncoding(field: Field): boolean {
  return field.name.toLowerCase() === ENCODING
}

function sevenBitField(field: Field): Buffer {
  if (areSevenBitLines(field.raw)) return field.raw
  const written = TOKEN.test(field.name) ? formatField(field.name, sevenBitValue(field)) : undefined
  return written !== undefined && areSevenBitLines(written) ? written : scrubLines(NOTHING, field.raw, true).output
}

function sevenBitValue(field: Field): string {
  const value = fieldValue(field)
  if (ADDRESS_FIELDS.test(field.name)) return addressList(value) ?? text(value)
  if (PARAMETERIZED_FIELDS.test(field.name)) return parameterized(field.name, value) ?? text(value)
  return text(value)
}

/** Only what is not ASCII is decoded: formatField makes encoded words of it, and those that stand there would be encoded twice. */
function text(value: string): string {
  return /^\p{ASCII}*$/u.test(value) ? value : decodeWords(value)
}

/** Encoded words may stand only in the names of an address list, so it is written anew; undefined if it holds what is no address. */
function addressList(value: string): string | undefined {
  const addresses = parseAddresses(value)
  if (addresses.length === 0 || addresses.some(({ address }) => address === '')) return undefined
  return addresses.map(({ name, address }) => formatAddress(name, address)).join(', ')
}

function parameterized(name: string, value: string): string | undefined {
  const { value: first, params } = parseParameterized(value)
  if (!FIRST.test(first)) return undefined
  const written = [...params].filter(([param]) => TOKEN.test(param)).map(([param, content]) => formatParameter(param, content))
  return [first.length > MAX_FIRST ? shortened(name, first) : first, ...written].join('; ')
}

/** What no line has room for is nothing that anybody knows, so it becomes what every reader takes it for. */
function shortened(name: string, first: string): string {
  // RFC 2183 §2.8
  if (/disposition$/i.test(name)) return 'attachment'
  // RFC 2045 §5.2
  if (!isMediaType(first) || first.startsWith('text/')) return 'text/plain'
  // RFC 2046 §5.1.3, §4.5.1
  return first.startsWith('multipart/') ? 'multipart/mixed' : 'application/octet-stream'
}
