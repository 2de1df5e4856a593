/**
 * The two envelopes: transport, which carries a certified original, and anomaly, which carries whatever came in without
 * certifying it. RFC 6109 §3.1.5, §3.2.2
 */
import { formatAddress } from '../mail/address.js'
import { formatField, type Header } from '../mail/header.js'
import { toSevenBit } from '../mail/seven-bit.js'
import type { Source } from '../mail/source.js'
import { writeCertification, type CertifiedMessage } from './certification.js'
import { copiedFields, messageIdOf, readHead } from './head.js'
import { newNames, type MessageNames } from './identifier.js'
import { FIELD, KINDS, ON_BEHALF_OF, RECEIPT_WORDS, SPAM_FIELD, type SpamLevel } from './kinds.js'
import type { Moment } from './moment.js'
import { oneLine } from './one-line.js'
import { addressesIn, subjectOf, type Original } from './original.js'
import { signEnvelope, subjectField, type Issuer, type SignedEnvelope } from './signed-message.js'
import { anomalyText, transportText } from './wording.js'

export { prepareOriginal, type Original } from './original.js'
export type { SignedEnvelope } from './signed-message.js'

export interface TransportFacts {
  /** About the original; its identifier becomes the envelope's Message-ID. */
  readonly message: CertifiedMessage
  readonly original: Original
  readonly moment: Moment
}

export interface AnomalyFacts {
  /** The message as it came in. */
  readonly received: Source
  readonly moment: Moment
  /** The reverse path; '' for none: then From stands for it. */
  readonly sender: string
  /** Of this SMTP transaction. */
  readonly recipients: readonly string[]
  /** Why it is not certified: short phrases in Italian. */
  readonly faults: readonly string[]
  /** How much it looks like spam. */
  readonly spam?: SpamLevel | undefined
}

/**
 * The signed transport envelope of an original. RFC 6109 §3.1.5
 * Rejects with PecError 'signer', temporary, if the key cannot be used.
 */
export async function composeTransportEnvelope(
  { message, original, moment }: TransportFacts,
  issuer: Issuer,
  names: Omit<MessageNames, 'messageId'> = newNames(moment, issuer.domain),
): Promise<SignedEnvelope> {
  const { day, hour, zone } = moment
  const { identifier, clientMessageId, sender, recipients, replyTo, subject } = message
  const daticert = writeCertification({
    ...{ kind: 'transport', error: 'none', identifier, clientMessageId, sender, recipients, replyTo, subject },
    ...{ provider: issuer.name, day, hour, zone, receiptType: original.receiptType },
    ...{ delivery: undefined, takenInCharge: [], errorDetail: undefined },
  })
  const { header } = original
  const fields = Buffer.concat([
    copiedFields(header, 'Return-Path', 'Received'),
    subjectField('transport', 'none', subject),
    ...(clientMessageId === undefined ? [] : [formatField(FIELD.reference, clientMessageId)]),
    formatField('Date', moment.rfc5322),
    replyToFields(header, replyTo),
    copiedFields(header, 'To', 'Cc'),
    formatField(FIELD.transport, KINDS.transport.value),
    formatField('From', formatAddress(ON_BEHALF_OF + sender, issuer.address)),
    formatField(FIELD.receiptType, RECEIPT_WORDS[original.receiptType]),
    formatField('Message-ID', `<${identifier}>`),
  ])
  const contents = { fields, text: transportText({ message, moment }), daticert, original: original.source, moment }
  return signEnvelope(contents, issuer, { ...names, messageId: identifier })
}

/**
 * The signed anomaly envelope around a message as it came in, re-encoded only where it is not 7-bit. RFC 6109 §3.2.2
 * Its Message-ID is that of the message, if it has one. Rejects with PecError 'signer', temporary, if the key cannot be used,
 * and 'malformed' if the message's header is longer than 1 MiB.
 */
export async function composeAnomalyEnvelope(
  facts: AnomalyFacts,
  issuer: Issuer,
  names: MessageNames = newNames(facts.moment, issuer.domain),
): Promise<SignedEnvelope> {
  const { moment } = facts
  const original = await toSevenBit(facts.received)
  const { header } = await readHead(original)
  const author = addressesIn(header, 'From')[0]
  const sender = facts.sender === '' ? (author ?? UNKNOWN_SENDER) : facts.sender
  const subject = subjectOf(header)
  const messageId = messageIdOf(header)
  const fields = Buffer.concat([
    copiedFields(header, 'Return-Path', 'Received'),
    subjectField('anomaly', 'none', subject),
    formatField('Date', moment.rfc5322),
    replyToFields(header, facts.sender === '' ? (author ?? issuer.address) : facts.sender),
    copiedFields(header, 'To', 'Cc'),
    formatField(FIELD.transport, KINDS.anomaly.value),
    ...(facts.spam === undefined ? [] : [formatField(SPAM_FIELD, facts.spam)]),
    formatField('From', formatAddress(ON_BEHALF_OF + oneLine(sender), issuer.address)),
    messageId === undefined ? formatField('Message-ID', `<${names.messageId}>`) : copiedFields(header, 'Message-ID'),
  ])
  const text = anomalyText({ moment, subject, sender, recipients: facts.recipients, faults: facts.faults })
  const contents = { fields, text, daticert: undefined, original, moment }
  return signEnvelope(contents, issuer, { ...names, messageId: messageId?.slice(1, -1) ?? names.messageId })
}

const UNKNOWN_SENDER = 'mittente sconosciuto'

/** The Reply-To of the message inside, else one with this address. */
function replyToFields(header: Header, address: string): Buffer {
  const copied = copiedFields(header, 'Reply-To')
  return copied.length > 0 ? copied : formatField('Reply-To', address)
}
