/**
 * A message that came in, as far as its bytes tell: what it claims to be, what is signed, whether its form is right. Whether the
 * signature holds and whose it is are other questions, to be asked between openPecMessage and readCertified. RFC 6109 §2.2.2
 */
import { isPecError } from '../errors.js'
import { parseAddresses, type Address } from '../mail/address.js'
import { decodedBody, parseEntity, type Entity } from '../mail/entity.js'
import { allValues, type Header } from '../mail/header.js'
import { parseParameterized } from '../mail/content-type.js'
import { slice, type Source } from '../mail/source.js'
import { MAX_CERTIFICATION, readCertification, type CertificationData } from './certification.js'
import { formalFault, type FormalFault } from './formal-faults.js'
import { messageIdOf, readHead } from './head.js'
import { FIELD, KINDS, ON_BEHALF_OF, PART, kindOfReceipt, kindOfTransport, type CertifiedKind, type Kind } from './kinds.js'
import type { Range } from './signed-message.js'

export type { FormalFault, FormalFaultKind } from './formal-faults.js'

/** What carries a signature, not yet verified. */
export type SignedForm =
  | {
      readonly form: 'detached'
      /** The bytes that are signed. */
      readonly content: Source
      /** DER or BER of smime.p7s. */
      readonly signature: Buffer
    }
  /** application/pkcs7-mime: never correct, but it may be a provider's. */
  | { readonly form: 'enclosed'; readonly signature: Buffer }

export interface OpenedMessage {
  readonly source: Source
  /** The outer header, which nobody signed. */
  readonly header: Header
  /** The one address of From; undefined if there is not exactly one. */
  readonly from: Address | undefined
  /** Without angle brackets. */
  readonly messageId: string | undefined
  /** What X-Trasporto or X-Ricevuta says; undefined if neither or both. */
  readonly claimed: Kind | undefined
  readonly signed: SignedForm | undefined
  /** Why it is not taken for a signed message; undefined if it is. */
  readonly unsigned: string | undefined
  /** The parts, for readCertified; undefined where they were not read. */
  readonly structure: Entity | undefined
}

/** The verdict on the form. All faults are told, outermost first. */
export type FormalVerdict =
  | {
      readonly correct: true
      readonly kind: CertifiedKind
      readonly data: CertificationData
      readonly daticert: Buffer
      /** Where postacert.eml's message stands in the source. */
      readonly original: Range | undefined
    }
  | {
      readonly correct: false
      readonly faults: readonly FormalFault[]
      /** Certification data that could be read all the same, for the register: they prove nothing. */
      readonly data: CertificationData | undefined
    }

const SIGNATURE_TYPES = ['application/pkcs7-signature', 'application/x-pkcs7-signature']
const ENCLOSED_TYPES = ['application/pkcs7-mime', 'application/x-pkcs7-mime']
const MAX_SIGNATURE = 1024 * 1024
const MAX_ENCLOSED = 16 * 1024 * 1024

/**
 * Looks at the outside of a message. Of one that is not signed in a form known to S/MIME only the header is read.
 * Throws PecError 'malformed', permanent, only if the header is longer than 1 MiB.
 */
export async function openPecMessage(source: Source): Promise<OpenedMessage> {
  const { header } = await readHead(source)
  const outside = {
    ...{
      source,
      header,
      from: soleFrom(header),
      messageId: messageIdOf(header)?.slice(1, -1),
      claimed: kindsClaimed(header).kind,
    },
  }
  const unsigned = (reason: string): OpenedMessage => ({ ...outside, signed: undefined, unsigned: reason, structure: undefined })
  const type = parseParameterized(allValues(header, 'Content-Type')[0] ?? '').value
  try {
    if (ENCLOSED_TYPES.includes(type)) {
      const signature = await decodedBody(source, await parseEntity(source), MAX_ENCLOSED)
      return { ...outside, signed: { form: 'enclosed', signature }, unsigned: undefined, structure: undefined }
    }
    if (type !== 'multipart/signed') return unsigned('no signature')
    const structure = await parseEntity(source)
    const [content, signature, ...others] = structure.parts
    if (content === undefined || signature === undefined) return unsigned('multipart/signed with less than two parts')
    if (others.length > 0) return unsigned('multipart/signed with more than two parts')
    if (!SIGNATURE_TYPES.includes(signature.type)) return unsigned(`multipart/signed with a ${signature.type} for its signature`)
    const signed = {
      form: 'detached',
      content: slice(source, content.start, content.end),
      signature: await decodedBody(source, signature, MAX_SIGNATURE),
    } as const
    return { ...outside, signed, unsigned: undefined, structure }
  } catch (error) {
    if (isPecError(error) && error.code === 'malformed') return unsigned(error.message)
    throw error
  }
}

/**
 * Judges the form of a message whose signature is a provider's: header, parts and certification data, and whether they agree. The
 * outer Subject, X-TipoRicevuta and the order of the parts do not count, nor do parts of the provider's own. RFC 6109 §3, §4.3
 * What stands inside postacert.eml is never looked at.
 */
export async function readCertified({
  source,
  header,
  from,
  messageId,
  signed,
  structure,
}: OpenedMessage): Promise<FormalVerdict> {
  const faults: FormalFault[] = []
  const { kind, fault } = kindsClaimed(header)
  if (fault !== undefined) faults.push(formalFault(fault))
  if (kind === 'anomaly') faults.push(formalFault('not-certified'))
  if (from === undefined) faults.push(formalFault('no-from'))

  const content = structure?.parts[0]
  if (signed?.form !== 'detached' || content === undefined) {
    return { correct: false, faults: [...faults, formalFault('enclosed-content')], data: undefined }
  }
  if (!beginsWithText(content)) faults.push(formalFault('structure'))
  const certification = await certificationIn(source, content, faults)
  const original = originalIn(content, kind, faults)
  const data = certification?.data
  if (data !== undefined) faults.push(...disagreements(data, kind, from, messageId))
  if (faults.length > 0 || certification === undefined) return { correct: false, faults, data }
  return { correct: true, kind: certification.data.kind, ...certification, original }
}

interface Claims {
  readonly kind: Kind | undefined
  readonly fault: 'no-kind' | 'several-kinds' | undefined
}

function kindsClaimed(header: Header): Claims {
  const receipts = allValues(header, FIELD.receipt).map(kindOfReceipt)
  const transports = allValues(header, FIELD.transport).map(kindOfTransport)
  const [kind, ...others] = [...receipts, ...transports]
  if (others.length > 0) return { kind: undefined, fault: 'several-kinds' }
  return { kind, fault: kind === undefined ? 'no-kind' : undefined }
}

function soleFrom(header: Header): Address | undefined {
  const [from, ...others] = allValues(header, 'From').flatMap(parseAddresses)
  return from === undefined || from.address === '' || others.length > 0 ? undefined : from
}

function beginsWithText(content: Entity): boolean {
  const first = content.parts[0]?.type
  return (
    content.type === 'multipart/mixed' && (first === 'text/plain' || first === 'text/html' || first === 'multipart/alternative')
  )
}

async function certificationIn(
  source: Source,
  content: Entity,
  faults: FormalFault[],
): Promise<{ readonly data: CertificationData; readonly daticert: Buffer } | undefined> {
  const [part, ...others] = content.parts.filter((candidate) => isNamed(candidate, PART.certification))
  if (part === undefined || others.length > 0) {
    faults.push(formalFault(part === undefined ? 'no-certification' : 'several-certifications'))
    return undefined
  }
  try {
    const daticert = await decodedBody(source, part, MAX_CERTIFICATION)
    const verdict = readCertification(daticert)
    if (verdict.ok) return { data: verdict.data, daticert }
    faults.push(formalFault('unreadable-certification', verdict.reason))
  } catch (error) {
    if (!isPecError(error) || error.code !== 'malformed') throw error
    faults.push(formalFault('unreadable-certification', error.message))
  }
  return undefined
}

/** postacert.eml, by its name; a message without it may stand for it, since RFC 6109 §4.3.2 does not oblige to the name. */
function originalIn(content: Entity, kind: Kind | undefined, faults: FormalFault[]): Range | undefined {
  const named = content.parts.filter((part) => isNamed(part, PART.original))
  const candidates = named.length > 0 ? named : content.parts.filter((part) => part.type === MESSAGE)
  const [original, ...others] = candidates
  const rule = kind === undefined ? 'optional' : KINDS[kind].original
  if (original === undefined) {
    if (rule === 'required') faults.push(formalFault('no-original'))
    return undefined
  }
  if (others.length > 0) faults.push(formalFault('several-originals'))
  if (rule === 'forbidden') faults.push(formalFault('unwanted-original'))
  if (original.type !== MESSAGE || !IDENTITY_ENCODINGS.includes(original.encoding))
    faults.push(formalFault('unreadable-original'))
  return { start: original.bodyStart, end: original.end }
}

const MESSAGE = 'message/rfc822'
const IDENTITY_ENCODINGS = ['7bit', '8bit', 'binary']

function isNamed(part: Entity, name: string): boolean {
  return part.name?.trim().toLowerCase() === name
}

/** Where certification data and header differ, or the data lack what their kind is about. */
function disagreements(
  data: CertificationData,
  kind: Kind | undefined,
  from: Address | undefined,
  messageId: string | undefined,
): readonly FormalFault[] {
  const faults: FormalFault[] = []
  if (kind !== undefined && kind !== 'anomaly' && kind !== data.kind) faults.push(formalFault('other-kind', data.kind))
  if (data.kind === 'transport') {
    const onBehalf = from?.name.trim().toLowerCase() ?? ''
    const prefix = ON_BEHALF_OF.trim().toLowerCase()
    // A provider's own words in place of the prefix are let through: the address counts.
    if (onBehalf.startsWith(prefix) && onBehalf.slice(prefix.length).trim() !== data.sender.toLowerCase()) {
      faults.push(formalFault('other-from', from?.name))
    }
    if (messageId !== data.identifier) faults.push(formalFault('other-identifier', messageId ?? 'none'))
  }
  if (lacksRecipient(data)) faults.push(formalFault('no-recipient'))
  return faults
}

function lacksRecipient({ kind, delivery, takenInCharge }: CertificationData): boolean {
  switch (kind) {
    case 'take-charge':
      return takenInCharge.length === 0
    case 'delivery':
    case 'non-delivery':
    case 'time-limit':
      return delivery === undefined
    // QUIRK: older software names the recipient of a virus notice in `ricezione`.
    case 'virus-detection':
      return delivery === undefined && takenInCharge.length === 0
    case 'acceptance':
    case 'non-acceptance':
    case 'transport':
      return false
  }
}
