/**
 * The tree of a message: its parts as offsets into the bytes, so that whoever copies, hashes or signs a part takes it exactly as it
 * stands. A message/rfc822 part is a leaf; parse its body to go on. RFC 2045, RFC 2046
 */
import { PecError } from '../errors.js'
import { decodeCharset, decodeUnlabelled } from './charset.js'
import { isMediaType, parseParameterized } from './content-type.js'
import { decodeWords } from './encoded-word.js'
import { firstValue, parseHeader, type Header } from './header.js'
import { readAll, slice, type Source } from './source.js'
import { decoderFor } from './transfer.js'
import { transformedChunks } from './transformed.js'
import { Window } from './window.js'

export interface Entity {
  readonly header: Header
  /** Offsets in the source: of the header, of the body, and of the end, which excludes the CRLF that belongs to the next delimiter. */
  readonly start: number
  readonly bodyStart: number
  readonly end: number
  /** Media type in lower case, text/plain if none is given. */
  readonly type: string
  /** Parameters of Content-Type. */
  readonly params: ReadonlyMap<string, string>
  /** Content-Transfer-Encoding in lower case, 7bit if none is given. */
  readonly encoding: string
  /** File name of Content-Disposition, else name of Content-Type, decoded. */
  readonly name: string | undefined
  /** The parts of a multipart. */
  readonly parts: readonly Entity[]
  /** Whether the closing delimiter of a multipart was found. */
  readonly closed: boolean
}

export interface EntityLimits {
  /** Where the entity begins and ends in the source; all of it if left out. */
  readonly start?: number
  readonly end?: number
  /** Multiparts within one another, 16 if left out. */
  readonly maxDepth?: number
  /** Parts in all, 1000 if left out. */
  readonly maxParts?: number
  /** Bytes of all headers together, 1 MiB if left out. */
  readonly maxHeader?: number
}

/** What may still be read. */
interface Budget {
  depth: number
  parts: number
  header: number
}

interface Range {
  readonly start: number
  readonly end: number
}

interface Delimiter {
  /** Of the CRLF it begins with. */
  readonly start: number
  /** After its own CRLF. */
  readonly end: number
  readonly closing: boolean
}

const CRLF = '\r\n'
const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const DASH = 0x2d
const BLANK_LINE = Buffer.from('\r\n\r\n')
// RFC 2046 §5.1.1 allows 70; longer ones are no boundaries to us.
const BOUNDARY = /^[ -~]{0,255}[!-~]$/
// So that a delimiter line is never longer than a line may be.
const MAX_PADDING = 600
const DEFAULT_TYPE = 'text/plain'

/**
 * Reads the structure of a message or part. Streams: memory does not grow with the bodies.
 * Throws PecError 'malformed' (permanent) if it is deeper, has more parts or longer headers than the limits allow.
 */
export async function parseEntity(source: Source, limits: EntityLimits = {}): Promise<Entity> {
  const { start = 0, end = source.size, maxDepth = 16, maxParts = 1000, maxHeader = 1024 * 1024 } = limits
  const budget = { depth: maxDepth, parts: maxParts, header: maxHeader }
  return readEntity(new Window(source), { start, end: Math.min(end, source.size) }, budget, DEFAULT_TYPE)
}

/** The body of an entity as it stands, still encoded. */
export function body(source: Source, entity: Entity): Source {
  return slice(source, entity.bodyStart, entity.end)
}

/** The body with its transfer encoding undone. Throws PecError 'malformed' if that makes more than `limit` bytes. */
export async function decodedBody(source: Source, entity: Entity, limit: number): Promise<Buffer> {
  const decoder = decoderFor(entity.encoding)
  const encoded = body(source, entity)
  if (decoder === undefined) return encoded.size > limit ? tooLong(limit) : readAll(encoded)
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of transformedChunks(encoded, decoder)) {
    pieces.push(piece)
    size += piece.length
    if (size > limit) tooLong(limit)
  }
  return Buffer.concat(pieces)
}

/** The decoded body as text, in the character set of its Content-Type if we know it. Throws as decodedBody does. */
export async function decodedText(source: Source, entity: Entity, limit: number): Promise<string> {
  const bytes = await decodedBody(source, entity, limit)
  return decodeCharset(bytes, entity.params.get('charset') ?? '') ?? decodeUnlabelled(bytes)
}

function tooLong(limit: number): never {
  throw new PecError('malformed', `a part has more than ${limit} bytes`)
}

async function readEntity(window: Window, range: Range, budget: Budget, defaultType: string): Promise<Entity> {
  const { header, bodyStart } = await readHeader(window, range, budget)
  const contentType = parseParameterized(firstValue(header, 'content-type') ?? '')
  const type = isMediaType(contentType.value) ? contentType.value : defaultType
  const { parts, closed } = await readParts(
    window,
    { start: bodyStart, end: range.end },
    budget,
    type,
    contentType.params.get('boundary'),
  )
  return {
    header,
    start: range.start,
    bodyStart,
    end: range.end,
    type,
    params: contentType.params,
    encoding: parseParameterized(firstValue(header, 'content-transfer-encoding') ?? '').value || '7bit',
    name: fileName(header, contentType.params),
    parts,
    closed,
  }
}

async function readHeader(window: Window, range: Range, budget: Budget): Promise<{ header: Header; bodyStart: number }> {
  if ((await window.read(range.start, Math.min(range.start + 2, range.end))).toString('latin1') === CRLF) {
    return { header: { fields: [] }, bodyStart: range.start + 2 }
  }
  const limit = Math.min(range.end, range.start + budget.header + BLANK_LINE.length)
  const blankLine = await window.indexOf(BLANK_LINE, range.start, limit)
  const headerEnd = blankLine === -1 ? range.end : blankLine + 2
  budget.header -= headerEnd - range.start
  if (budget.header < 0) throw new PecError('malformed', 'the headers of the message are too long')
  // A copy: the header lives longer than the window's block.
  const section = Buffer.from(await window.read(range.start, headerEnd))
  return { header: parseHeader(section), bodyStart: blankLine === -1 ? range.end : headerEnd + 2 }
}

async function readParts(
  window: Window,
  range: Range,
  budget: Budget,
  type: string,
  boundary: string | undefined,
): Promise<{ parts: readonly Entity[]; closed: boolean }> {
  if (!type.startsWith('multipart/') || boundary === undefined) return { parts: [], closed: false }
  const found = await findParts(window, range, budget, boundary.trimEnd())
  if (budget.depth === 0 && found.ranges.length > 0)
    throw new PecError('malformed', 'the parts of the message are nested too deep')
  // RFC 2046 §5.1.5: what stands in a digest is a message unless it says otherwise.
  const defaultType = type === 'multipart/digest' ? 'message/rfc822' : DEFAULT_TYPE
  const parts: Entity[] = []
  budget.depth -= 1
  for (const part of found.ranges) parts.push(await readEntity(window, part, budget, defaultType))
  budget.depth += 1
  return { parts, closed: found.closed }
}

/** The ranges between the delimiters of a multipart's body; the last one runs to the end if nothing closes it. */
async function findParts(
  window: Window,
  range: Range,
  budget: Budget,
  boundary: string,
): Promise<{ ranges: Range[]; closed: boolean }> {
  const ranges: Range[] = []
  if (!BOUNDARY.test(boundary)) return { ranges, closed: false }
  const needle = Buffer.from(`\r\n--${boundary}`, 'latin1')
  let start: number | undefined
  // A delimiter right at the start of the body takes its CRLF from the blank line above it.
  for (let from = range.start - 2; ;) {
    const delimiter = await nextDelimiter(window, needle, from, range.end)
    if (start !== undefined) ranges.push({ start, end: Math.max(start, delimiter?.start ?? range.end) })
    if (delimiter === undefined || delimiter.closing) return { ranges, closed: delimiter !== undefined }
    budget.parts -= 1
    if (budget.parts < 0) throw new PecError('malformed', 'the message has too many parts')
    start = delimiter.end
    from = delimiter.end - 2
  }
}

/** The next line that is the delimiter and nothing else but white space: a longer boundary that begins alike is not it. */
async function nextDelimiter(window: Window, needle: Buffer, from: number, end: number): Promise<Delimiter | undefined> {
  const lineLength = needle.length + MAX_PADDING
  for (let at = from; at + needle.length <= end;) {
    const view = await window.view(at, end, lineLength)
    // Beyond this a line may go on outside the view.
    const reach = at + view.length === end ? view.length : view.length - lineLength
    let next = view.length - needle.length + 1
    // No waiting in here: a hostile body may hold a hundred thousand lines that begin like the delimiter.
    for (let found = view.indexOf(needle); found !== -1; found = view.indexOf(needle, found + needle.length)) {
      if (found > reach) {
        next = found
        break
      }
      const delimiter = delimiterAt(view, found, needle.length)
      if (delimiter !== undefined) return { start: at + delimiter.start, end: at + delimiter.end, closing: delimiter.closing }
    }
    at += next
  }
  return undefined
}

/** The delimiter line whose first characters stand at `start`; undefined if the line goes on with something else. */
function delimiterAt(view: Buffer, start: number, length: number): Delimiter | undefined {
  let at = start + length
  const limit = at + MAX_PADDING - CRLF.length
  const closing = view[at] === DASH && view[at + 1] === DASH
  if (closing) at += 2
  while (at < limit && (view[at] === SPACE || view[at] === TAB)) at += 1
  if (at === view.length) return { start, end: at, closing }
  return view[at] === CR && view[at + 1] === LF ? { start, end: at + CRLF.length, closing } : undefined
}

function fileName(header: Header, contentTypeParams: ReadonlyMap<string, string>): string | undefined {
  const disposition = parseParameterized(firstValue(header, 'content-disposition') ?? '')
  const name = disposition.params.get('filename') ?? contentTypeParams.get('name')
  // QUIRK: RFC 2047 §5 forbids encoded words in parameters; most clients write them there.
  return name === undefined ? undefined : decodeWords(name)
}
