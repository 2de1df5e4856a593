/**
 * Receipts and notices: every message that carries X-Ricevuta. RFC 6109 §3.1.2-3.1.4, §3.1.6, §3.2.1, §3.2.3, §3.2.4, §3.3
 */
import { formatField } from '../mail/header.js'
import type { Source } from '../mail/source.js'
import { writeCertification, type CertificationData, type CertifiedMessage } from './certification.js'
import { failureOf, type Failure } from './error-codes.js'
import { newNames, type MessageNames } from './identifier.js'
import { FIELD, KINDS, SECURITY_ERROR, type NotificationKind, type ReceiptType } from './kinds.js'
import type { Moment } from './moment.js'
import { signMessage, subjectField, type Issuer, type SignedMessage } from './signed-message.js'
import {
  acceptanceText,
  deliveryText,
  firstTimeLimitText,
  nonAcceptanceForVirusText,
  nonAcceptanceText,
  nonDeliveryForVirusText,
  nonDeliveryText,
  secondTimeLimitText,
  takeChargeText,
  virusDetectionText,
} from './wording.js'

export type { Issuer, SignedMessage } from './signed-message.js'

/** What a receipt or notice says, beyond the message it is about. Its error detail is short text in Italian. */
export type Occurrence =
  | { readonly kind: 'acceptance' }
  | { readonly kind: 'non-acceptance'; readonly error: 'virus' | 'other'; readonly errorDetail: string }
  | { readonly kind: 'take-charge'; readonly takenInCharge: readonly string[]; readonly serviceMailbox: string }
  | {
      readonly kind: 'virus-detection'
      readonly recipient: string
      readonly errorDetail: string
      readonly serviceMailbox: string
    }
  | {
      readonly kind: 'delivery'
      readonly recipient: string
      /** As asked by the sender. */
      readonly requested: ReceiptType
      /** As due to this recipient: complete and brief ones carry a copy of the original. */
      readonly form: ReceiptType
      readonly original: Source | undefined
    }
  | {
      readonly kind: 'non-delivery'
      readonly recipient: string
      readonly error: Failure['error'] | 'virus'
      readonly errorDetail: string
    }
  | { readonly kind: 'time-limit'; readonly recipient: string; readonly hours: 12 | 24 }

export interface NotificationFacts {
  readonly message: CertifiedMessage
  readonly moment: Moment
  readonly occurrence: Occurrence
}

/** The parts of certification data in which notifications differ. */
type Particulars = Pick<CertificationData, 'error' | 'errorDetail' | 'receiptType' | 'delivery' | 'takenInCharge'>

const NO_PARTICULARS: Particulars = {
  error: 'none',
  errorDetail: undefined,
  receiptType: undefined,
  delivery: undefined,
  takenInCharge: [],
}

/**
 * A signed receipt or notice. It goes to the sender of the original, or to the service mailbox of the sender's provider where
 * providers talk to each other. Rejects with PecError 'signer', temporary, if the key cannot be used.
 */
export async function composeNotification(
  facts: NotificationFacts,
  issuer: Issuer,
  names: MessageNames = newNames(facts.moment, issuer.domain),
): Promise<SignedMessage> {
  const { message, moment, occurrence } = facts
  const particulars = particularsOf(occurrence, issuer)
  const { day, hour, zone } = moment
  const { identifier, clientMessageId, sender, recipients, replyTo, subject } = message
  const daticert = writeCertification({
    ...{ kind: occurrence.kind, identifier, clientMessageId, sender, recipients, replyTo, subject },
    ...{ provider: issuer.name, day, hour, zone, ...particulars },
  })
  const contents = {
    fields: fieldsOf(facts, particulars, issuer, names),
    text: textOf(facts, particulars),
    daticert,
    original: occurrence.kind === 'delivery' ? occurrence.original : undefined,
    moment,
  }
  return signMessage(contents, issuer, names)
}

function particularsOf(occurrence: Occurrence, issuer: Issuer): Particulars {
  switch (occurrence.kind) {
    case 'acceptance':
      return NO_PARTICULARS
    case 'non-acceptance':
      return { ...NO_PARTICULARS, error: occurrence.error, errorDetail: occurrence.errorDetail }
    case 'take-charge':
      return { ...NO_PARTICULARS, takenInCharge: occurrence.takenInCharge }
    case 'virus-detection':
      return { ...NO_PARTICULARS, error: 'virus', errorDetail: occurrence.errorDetail, delivery: occurrence.recipient }
    case 'delivery':
      return { ...NO_PARTICULARS, receiptType: occurrence.requested, delivery: occurrence.recipient }
    case 'non-delivery':
      return { ...NO_PARTICULARS, error: occurrence.error, errorDetail: occurrence.errorDetail, delivery: occurrence.recipient }
    case 'time-limit':
      return {
        ...NO_PARTICULARS,
        ...(occurrence.hours === 24 ? failureOf('time-limit', issuer.name) : {}),
        delivery: occurrence.recipient,
      }
  }
}

function fieldsOf(
  { message, moment, occurrence }: NotificationFacts,
  { error }: Particulars,
  issuer: Issuer,
  names: MessageNames,
): Buffer {
  const { kind } = occurrence
  const service = occurrence.kind === 'take-charge' || occurrence.kind === 'virus-detection'
  return Buffer.concat([
    subjectField(kind, error, message.subject),
    ...(message.clientMessageId === undefined ? [] : [formatField(FIELD.reference, message.clientMessageId)]),
    formatField('Date', moment.rfc5322),
    formatField('To', service ? occurrence.serviceMailbox : message.sender),
    formatField(FIELD.receipt, KINDS[kind].value),
    ...(hasSecurityField(kind) && error === 'virus' ? [formatField(FIELD.security, SECURITY_ERROR)] : []),
    ...(kind === 'virus-detection' ? [formatField(FIELD.sender, message.sender)] : []),
    formatField('From', issuer.address),
    formatField('Message-ID', `<${names.messageId}>`),
  ])
}

/** The kinds whose virus variant is told by X-VerificaSicurezza. RFC 6109 §3.1.3, §3.2.4 */
function hasSecurityField(kind: NotificationKind): boolean {
  return KINDS[kind].virusSubject !== undefined
}

function textOf(facts: NotificationFacts, { errorDetail = '' }: Particulars): string {
  const { occurrence } = facts
  switch (occurrence.kind) {
    case 'acceptance':
      return acceptanceText(facts)
    case 'non-acceptance':
      return occurrence.error === 'virus' ? nonAcceptanceForVirusText(facts, errorDetail) : nonAcceptanceText(facts, errorDetail)
    case 'take-charge':
      return takeChargeText(facts, occurrence.takenInCharge)
    case 'virus-detection':
      return virusDetectionText(facts, occurrence.recipient, errorDetail)
    case 'delivery':
      return deliveryText(facts, occurrence.recipient, occurrence.form)
    case 'non-delivery':
      return occurrence.error === 'virus'
        ? nonDeliveryForVirusText(facts, occurrence.recipient, errorDetail)
        : nonDeliveryText(facts, occurrence.recipient, errorDetail)
    case 'time-limit':
      return occurrence.hours === 24
        ? secondTimeLimitText(facts, occurrence.recipient, errorDetail)
        : firstTimeLimitText(facts, occurrence.recipient)
  }
}
