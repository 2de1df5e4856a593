/**
 * Messages that every carrier takes as they are: what is to be signed must be 7-bit, or the first relay that re-encodes it breaks
 * the signature. RFC 6109 §4.3, RFC 8551 §3.1.3
 */
import { PecError } from '../errors.js'
import { parseEntity, type Entity } from './entity.js'
import { MAX_LINE, endsInReturn, hasLoneReturn, readSevenBitLines, scrubLines } from './line.js'
import { sevenBitHeader } from './seven-bit-header.js'
import { concatenate, Scratch, slice, type Source } from './source.js'
import { decodeBase64, decoderFor, encodeBase64, encodeQuotedPrintable } from './transfer.js'
import { transformed } from './transformed.js'

/** A body as it is to be, and its transfer encoding if that is another now. */
interface Rewritten {
  readonly pieces: readonly (Buffer | Source)[]
  readonly encoding: string | undefined
}

const MAX_NESTED_MESSAGES = 16

/** Whether there is no byte above 127, no NUL, no CR without its LF and no line of more than 998 octets. RFC 2045 §2.7 */
export async function isSevenBit(source: Source): Promise<boolean> {
  let open = 0
  let afterReturn = false
  for await (const chunk of source.chunks(0, source.size, new Scratch())) {
    if (hasLoneReturn(chunk, afterReturn)) return false
    open = readSevenBitLines(chunk, open)
    if (open === -1) return false
    afterReturn = chunk.length === 0 ? afterReturn : endsInReturn(chunk)
  }
  return open <= MAX_LINE && !afterReturn
}

/**
 * The message with the parts re-encoded that are not 7-bit (text as quoted-printable, else base64; messages within it in the same
 * way) and raw 8-bit header fields as encoded words; every other byte stays. What the parts decode to stays the same. The source
 * itself if nothing is to be done. Nothing is held in memory: re-encoded parts are made anew at each reading.
 * Throws PecError 'malformed' beyond the limits of parseEntity or 16 messages within one another.
 */
export async function toSevenBit(source: Source): Promise<Source> {
  if (await isSevenBit(source)) return source
  return concatenate(await rewriteMessage(source, 0, source.size, MAX_NESTED_MESSAGES))
}

async function rewriteMessage(source: Source, start: number, end: number, depth: number): Promise<readonly (Buffer | Source)[]> {
  if (depth < 0) throw new PecError('malformed', 'messages are nested too deep')
  return rewriteEntity(source, await parseEntity(source, { start, end }), true, depth)
}

async function rewriteEntity(
  source: Source,
  entity: Entity,
  ofMessage: boolean,
  depth: number,
): Promise<readonly (Buffer | Source)[]> {
  const { start, bodyStart, end } = entity
  if (await isSevenBit(slice(source, start, end))) return [slice(source, start, end)]
  const { pieces, encoding } = await rewriteBody(source, entity, depth)
  const header = sevenBitHeader(entity.header, encoding === undefined ? undefined : { encoding, ofMessage })
  // Between the header and the body: the blank line, or nothing where the header is all there is.
  const headerEnd = start + entity.header.fields.reduce((sum, field) => sum + field.raw.length, 0)
  return [header, slice(source, headerEnd, bodyStart), ...pieces]
}

async function rewriteBody(source: Source, entity: Entity, depth: number): Promise<Rewritten> {
  const { bodyStart, end } = entity
  const content = slice(source, bodyStart, end)
  if (await isSevenBit(content)) return { pieces: [content], encoding: undefined }
  if (entity.parts.length > 0) return { pieces: await rewriteParts(source, entity, depth), encoding: '7bit' }
  const decoder = decoderFor(entity.encoding)
  if (entity.type === 'message/rfc822' && decoder === undefined) {
    return { pieces: await rewriteMessage(source, bodyStart, end, depth - 1), encoding: '7bit' }
  }
  const decoded = decoder === undefined ? content : await transformed(content, decoder)
  const asText = isTextual(entity.type) && decoder !== decodeBase64
  return {
    pieces: [await transformed(decoded, asText ? encodeQuotedPrintable : encodeBase64)],
    encoding: asText ? 'quoted-printable' : 'base64',
  }
}

async function rewriteParts(source: Source, entity: Entity, depth: number): Promise<readonly (Buffer | Source)[]> {
  const pieces: (Buffer | Source)[] = []
  let at = entity.bodyStart
  for (const part of entity.parts) {
    pieces.push(await scrubbed(slice(source, at, part.start)), ...(await rewriteEntity(source, part, false, depth)))
    at = part.end
  }
  pieces.push(await scrubbed(slice(source, at, entity.end)))
  return pieces
}

/** Delimiters and the text around the parts, which no reader of MIME shows: there is no way to encode it. RFC 2046 §5.1.1 */
async function scrubbed(between: Source): Promise<Source> {
  return (await isSevenBit(between)) ? between : transformed(between, scrubLines)
}

/** The kinds of message/* other than rfc822 are reports in lines of text. */
function isTextual(type: string): boolean {
  return type.startsWith('text/') || type.startsWith('message/')
}
