/**
 * The form that all messages of a provider have: a readable text, the certification data, sometimes a message, signed together.
 * RFC 6109 §4.3
 */
import { base64Part, messagePart, multipart, textPart } from '../mail/compose.js'
import { formatField } from '../mail/header.js'
import { encodePhrase } from '../mail/encoded-word.js'
import { concatenate, indexOf, type Source } from '../mail/source.js'
import { signDetached } from '../smime/sign.js'
import type { Signer } from '../smime/signer.js'
import type { MessageNames } from './identifier.js'
import { PART, subjectPrefix, type ErrorKind, type Kind } from './kinds.js'
import type { Moment } from './moment.js'
import { oneLine } from './one-line.js'

/** The provider that a message comes from. */
export interface Issuer {
  /** As in the provider index. */
  readonly name: string
  /** posta-certificata@domain, the address in the certificate. */
  readonly address: string
  readonly domain: string
  readonly signer: Signer
}

export interface Range {
  readonly start: number
  readonly end: number
}

export interface SignedMessage {
  readonly message: Source
  /** Without angle brackets. */
  readonly messageId: string
  readonly daticert: Buffer | undefined
  /** DER of smime.p7s. */
  readonly signature: Buffer
}

export interface SignedEnvelope extends SignedMessage {
  /** Where the message it carries stands in it. */
  readonly original: Range
}

/** What goes into a message, before it is put together and signed. */
export interface Contents {
  /** The header, without the fields of MIME. */
  readonly fields: Buffer
  readonly text: string
  readonly daticert: Buffer | undefined
  readonly original: Source | undefined
  readonly moment: Moment
}

type Pieces = readonly (Buffer | Source)[]

const PREAMBLE = 'This is an S/MIME signed message'
const SIGNATURE_TYPE = 'application/pkcs7-signature'
const SIGNED = `signed; protocol="${SIGNATURE_TYPE}"; micalg="sha-256"`

/** Puts a message together and signs it. Rejects with PecError 'signer', temporary, if the key cannot be used. */
export async function signMessage(contents: Contents, issuer: Issuer, names: MessageNames): Promise<SignedMessage> {
  const content = multipart('mixed', names.inner, partsOf(contents))
  return sealed(content, contents, issuer, names)
}

/** The same, for a message that must carry one. */
export async function signEnvelope(
  contents: Contents & { readonly original: Source },
  issuer: Issuer,
  names: MessageNames,
): Promise<SignedEnvelope> {
  const content = multipart('mixed', names.inner, partsOf(contents))
  const signed = await sealed(content, contents, issuer, names)
  // The original is the last part: it ends where the closing delimiter begins.
  const outer = Buffer.from(`--${names.outer}\r\n`)
  const contentStart = (await indexOf(signed.message, outer)) + outer.length
  const close = Buffer.from(`\r\n--${names.inner}--`)
  const end = contentStart + (await indexOf(content, close, Math.max(0, content.size - 2 * close.length)))
  return { ...signed, original: { start: end - contents.original.size, end } }
}

async function sealed(content: Source, contents: Contents, issuer: Issuer, names: MessageNames): Promise<SignedMessage> {
  const signature = await signDetached(content, issuer.signer, contents.moment.date)
  const signaturePart = base64Part(SIGNATURE_TYPE, PART.signature, signature, 'attachment')
  const body = multipart(SIGNED, names.outer, [[content], [signaturePart]], PREAMBLE)
  const message = concatenate([contents.fields, formatField('MIME-Version', '1.0'), body])
  return { message, messageId: names.messageId, daticert: contents.daticert, signature }
}

function partsOf({ text, daticert, original }: Contents): readonly Pieces[] {
  return [
    // Before textPart composes accents: what ISO-8859-1 lacks is to become `?`, character by character.
    [textPart(text.replace(/[^\0-\xff]/gu, '?'))],
    ...(daticert === undefined ? [] : [[base64Part('application/xml', PART.certification, daticert, 'inline')]]),
    ...(original === undefined ? [] : [messagePart(PART.original, original, 'inline')]),
  ]
}

/** The Subject of a message about one of this subject. */
export function subjectField(kind: Kind, error: ErrorKind, subject: string | undefined): Buffer {
  const text = oneLine(subject ?? '')
  // The prefix stays readable as it stands; text that looks like an encoded word must not be taken for one.
  const plain = /^[ -~]*$/.test(text) && !text.includes('=?')
  return formatField('Subject', subjectPrefix(kind, error) + (plain ? text : encodePhrase(text)))
}
