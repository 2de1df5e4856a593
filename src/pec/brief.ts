/**
 * The brief form of an original, for delivery receipts: the same structure, with the hash of each attachment in its place.
 * RFC 6109 §3.3.2.2
 */
import { formatParameter } from '../mail/content-type.js'
import { body, parseEntity, type Entity } from '../mail/entity.js'
import { formatField, headerBytes, withoutFields } from '../mail/header.js'
import { concatenate, digest, slice, type Source } from '../mail/source.js'
import { decoderFor } from '../mail/transfer.js'
import { transformed } from '../mail/transformed.js'

export interface BriefSettings {
  /** Whether the hash is of the part as it stands in the message, or with its transfer encoding undone. */
  readonly input: 'encoded' | 'decoded'
  readonly algorithm: 'sha1' | 'sha256'
}

type Pieces = readonly (Buffer | Source)[]

const ENVELOPED = ['application/pkcs7-mime', 'application/x-pkcs7-mime']
const MESSAGE = 'message/rfc822'
const UNNAMED_MESSAGE = 'message.eml'
const CONTENT_FIELDS = ['Content-Type', 'Content-Transfer-Encoding', 'Content-Disposition', 'Content-MD5']
const NOTHING = Buffer.alloc(0)
const CRLF = Buffer.from('\r\n')

/**
 * Replaces every named part, and every message/rfc822, by a text part NAME.hash that holds its hash in hexadecimal. Of an S/MIME
 * original the signature stays, and a pkcs7-mime one is left whole. What is not replaced is read from the original, not copied.
 * Throws PecError 'malformed' if the structure is beyond what we read.
 */
export async function briefOriginal(original: Source, settings: BriefSettings): Promise<Source> {
  const top = await parseEntity(original)
  if (ENVELOPED.includes(top.type)) return original
  const [content] = top.parts
  if (top.type !== 'multipart/signed' || content === undefined) return concatenate(await briefPieces(original, top, settings))
  // RFC 6109 §3.3.2.2: the second part of a signed message is its signature, to be left unchanged.
  const replaced = await briefPieces(original, content, settings)
  return concatenate([slice(original, 0, content.start), ...replaced, slice(original, content.end, original.size)])
}

async function briefPieces(original: Source, entity: Entity, settings: BriefSettings): Promise<Pieces> {
  if (entity.parts.length > 0) {
    const pieces: (Buffer | Source)[] = []
    let at = entity.start
    for (const part of entity.parts) {
      pieces.push(slice(original, at, part.start), ...(await briefPieces(original, part, settings)))
      at = part.end
    }
    return [...pieces, slice(original, at, entity.end)]
  }
  // Of a message that was cut off, the last delimiter may have no part after it, nor a line end.
  const isEmpty = entity.start === entity.end
  if (!isEmpty && (entity.name !== undefined || entity.type === MESSAGE)) return [await hashPart(original, entity, settings)]
  return [slice(original, entity.start, entity.end)]
}

/** The text part in place of this one; the fields that are not about its content stay, as a whole message may be one part. */
async function hashPart(original: Source, entity: Entity, { input, algorithm }: BriefSettings): Promise<Buffer> {
  const name = `${entity.name ?? UNNAMED_MESSAGE}.hash`
  const encoded = body(original, entity)
  const decoder = input === 'decoded' ? decoderFor(entity.encoding) : undefined
  const hash = await digest(decoder === undefined ? encoded : await transformed(encoded, decoder), algorithm)
  const kept = headerBytes(withoutFields(entity.header, ...CONTENT_FIELDS))
  return Buffer.concat([
    kept,
    // The last field of a part without a body has no line end of its own.
    kept.length === 0 || kept.subarray(-2).equals(CRLF) ? NOTHING : CRLF,
    formatField('Content-Type', `text/plain; charset=us-ascii; ${formatParameter('name', name)}`),
    formatField('Content-Disposition', `attachment; ${formatParameter('filename', name)}`),
    formatField('Content-Transfer-Encoding', '7bit'),
    CRLF,
    Buffer.from(hash.toString('hex'), 'latin1'),
  ])
}
