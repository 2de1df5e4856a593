/**
 * The delivery point: once the mailbox store has taken a message, or refused it for good, the sender is told so; and what became
 * of messages sent to other hosts. RFC 6109 §2.2.3, §3.3
 */
import type { Source } from '../mail/source.js'
import { briefOriginal, type BriefSettings } from '../pec/brief.js'
import { failureOf, refusalOf, type Failure } from '../pec/error-codes.js'
import type { ReceiptType } from '../pec/kinds.js'
import { momentOf, type Moment } from '../pec/moment.js'
import { composeNotification, type Occurrence } from '../pec/notification.js'
import { notificationTo } from './dispatch.js'
import type { House } from './house.js'
import { issued } from './issued.js'
import type { Errand, EventType, Outcome, RecipientState, RegisterEvent, StoredMessage } from './ports.js'
import { carryOut, isConflict } from './step.js'

type EnvelopeErrand = Extract<Errand, { readonly kind: 'deliver-envelope' }>

/** Each is durable when it resolves, and may be told again: the second time changes nothing (P2). */
export interface DeliveryPoint {
  /** The store took an envelope for its recipient; `original` is the message that it carries. */
  delivered(errand: EnvelopeErrand, original: Source): Promise<void>
  /** The store took something that owes no receipt, or another host took a message of ours. */
  passedOn(errand: Errand, recipients: readonly string[], sender: string, response: string): Promise<void>
  /** A recipient was refused for good; `reply` is what was said, e.g. `550 5.1.1 User unknown`. */
  refused(errand: Errand, recipient: string, sender: string, reply: string): Promise<void>
}

export function openDeliveryPoint(house: House & { readonly briefHash: BriefSettings }): DeliveryPoint {
  return {
    async delivered({ identifier, recipient }, original) {
      const moment = momentOf(house.clock())
      const message = await house.ledger.message(identifier)
      const state = stateOf(message, recipient)
      if (message === undefined || state === undefined)
        throw new Error(`${identifier} was delivered to ${recipient}, but is not in the ledger`)
      if (isFinal(state)) return
      const form = formFor(state, message.receiptType)
      const copy = form === 'complete' ? original : form === 'brief' ? await briefOriginal(original, house.briefHash) : undefined
      const occurrence = {
        kind: 'delivery',
        recipient: state.address,
        requested: message.receiptType,
        form,
        original: copy,
      } as const
      await conclude(message, state, 'delivered', occurrence, moment, house)
    },

    async passedOn({ kind, identifier }, recipients, sender, response) {
      const type = kind === 'deliver-other' || kind === 'deliver-anomaly' ? 'mailbox-delivery' : 'relay'
      await record(rowOf(type, identifier, recipients, sender, response, house), house)
    },

    async refused(errand, recipient, sender, reply) {
      const moment = momentOf(house.clock())
      const isEnvelope = errand.kind === 'deliver-envelope' || errand.kind === 'send-envelope'
      const message = isEnvelope ? await house.ledger.message(errand.identifier) : undefined
      const state = stateOf(message, recipient)
      if (message === undefined || state === undefined) {
        await record(rowOf('delivery-failure', errand.identifier, [recipient], sender, reply, house), house)
        return
      }
      if (isFinal(state)) return
      const failure =
        errand.kind === 'deliver-envelope' ? failureOfStore(reply, house.issuer.name) : refusalOf(reply, house.issuer.name)
      const occurrence = { kind: 'non-delivery', recipient: state.address, ...failure } as const
      await conclude(message, state, 'not-delivered', occurrence, moment, house)
    },
  }
}

function stateOf(message: StoredMessage | undefined, recipient: string): RecipientState | undefined {
  return message?.recipients.find(({ address }) => address.toLowerCase() === recipient.toLowerCase())
}

/** The notice of twenty-four hours ends the waiting; what happens later is told all the same. */
function isFinal({ outcome }: RecipientState): boolean {
  return outcome !== undefined && outcome !== 'expired'
}

/** Copies get the concise form, whatever was asked. RFC 6109 §3.3.2 */
function formFor({ primary }: RecipientState, requested: ReceiptType): ReceiptType {
  return primary ? requested : 'concise'
}

/** The codes of note 12, by the enhanced status codes that LMTP servers give. */
function failureOfStore(reply: string, provider: string): Failure {
  const status = /\b5\.\d\.\d+\b/.exec(reply)?.[0]
  if (status === '5.1.1') return failureOf('unknown-mailbox', provider)
  if (status === '5.2.1') return failureOf('mailbox-disabled', provider)
  if (status === '5.2.2' || reply.startsWith('552')) return failureOf('mailbox-full', provider)
  return refusalOf(reply, provider)
}

/** The one final outcome of a recipient, with its receipt or notice to the sender. */
async function conclude(
  message: StoredMessage,
  { address, type }: RecipientState,
  outcome: Outcome,
  occurrence: Extract<Occurrence, { readonly kind: 'delivery' | 'non-delivery' }>,
  moment: Moment,
  house: House,
): Promise<void> {
  const { identifier, sender } = message
  const signed = await composeNotification({ message, moment, occurrence }, house.issuer)
  const detail = occurrence.kind === 'delivery' ? occurrence.form : occurrence.errorDetail
  try {
    await carryOut(
      {
        at: moment,
        claims: [{ identifier, what: 'outcome', recipient: address }],
        events: [issued(occurrence.kind, signed, message, house.issuer, { recipients: [address], outcome: detail })],
        // Ordinary recipients are told of, but not tracked.
        outcomes: type === 'certified' ? [{ identifier, recipient: address, outcome }] : [],
        dispatches: [notificationTo(sender, identifier, signed.message, house)],
      },
      house,
    )
  } catch (error) {
    // Told twice, or by two processes at once: the first receipt stands.
    if (!isConflict(error)) throw error
  }
}

function rowOf(
  type: EventType,
  identifier: string,
  recipients: readonly string[],
  sender: string,
  outcome: string,
  { issuer }: House,
): RegisterEvent {
  return {
    ...{ type, identifier, messageId: '', sender, recipients, subject: undefined, provider: issuer.name, outcome },
    ...{ daticert: undefined, signature: undefined },
  }
}

/** A row of the register that certifies nothing. */
async function record(event: RegisterEvent, house: House): Promise<void> {
  await carryOut({ at: momentOf(house.clock()), claims: [], events: [event], dispatches: [] }, house)
}
