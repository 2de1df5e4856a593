/** The pieces of a PEC message that can be looked at by themselves: certification data, the original, the signature. */
import { isPecError } from '../errors.js'
import { body, decodedBody, type Entity } from '../mail/entity.js'
import type { Source } from '../mail/source.js'
import { MAX_CERTIFICATION } from './certification.js'
import { PART, type Kind } from './kinds.js'
import { openPecMessage, type OpenedMessage } from './message.js'
import { subjectOf } from './original.js'

export interface EnclosedOriginal {
  readonly message: Source
  /** Without angle brackets. */
  readonly messageId: string | undefined
  readonly subject: string | undefined
  /** What it claims to be, where it is a PEC message itself. */
  readonly claimed: Kind | undefined
}

export interface Enclosures {
  /** The bytes that are signed; undefined unless the signature stands beside them. */
  readonly signedPart: Source | undefined
  /** smime.p7s, DER or BER. */
  readonly signature: Buffer | undefined
  /** daticert.xml, decoded. */
  readonly certification: Buffer | undefined
  /** postacert.eml. */
  readonly original: EnclosedOriginal | undefined
}

const IDENTITY_ENCODINGS = ['7bit', '8bit', 'binary']

/** The pieces, as far as they are there and can be read: the first where there are several. Nothing is judged here. */
export async function readEnclosures({ source, signed, structure }: OpenedMessage): Promise<Enclosures> {
  const parts = structure?.parts[0]?.parts ?? []
  const certification = parts.find((part) => isNamed(part, PART.certification))
  const message = parts.filter(({ type, encoding }) => type === 'message/rfc822' && IDENTITY_ENCODINGS.includes(encoding))
  const original = message.find((part) => isNamed(part, PART.original)) ?? message[0]
  return {
    signedPart: signed?.form === 'detached' ? signed.content : undefined,
    signature: signed?.signature,
    certification: certification && (await unlessMalformed(decodedBody(source, certification, MAX_CERTIFICATION))),
    original: original && (await readOriginal(body(source, original))),
  }
}

async function readOriginal(message: Source): Promise<EnclosedOriginal> {
  const opened = await unlessMalformed(openPecMessage(message))
  return { message, messageId: opened?.messageId, subject: opened && subjectOf(opened.header), claimed: opened?.claimed }
}

async function unlessMalformed<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isPecError(error) && error.code === 'malformed') return undefined
    throw error
  }
}

function isNamed(part: Entity, name: string): boolean {
  return part.name?.trim().toLowerCase() === name
}
