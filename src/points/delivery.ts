/**
 * The delivery point: once the mailbox store has taken a message, or refused it for good, the sender is told so; and what became
 * of messages sent to other hosts. RFC 6109 §2.2.3, §3.3
 */
import { isPecError } from '../errors.js'
import { slice, type Source } from '../mail/source.js'
import { briefOriginal, type BriefSettings } from '../pec/brief.js'
import type { ArrivalDetails } from '../pec/arrival-notice.js'
import { failureOf, refusalOf, type Failure } from '../pec/error-codes.js'
import type { ReceiptType } from '../pec/kinds.js'
import { momentOf, type Moment } from '../pec/moment.js'
import { composeNotification, type Occurrence } from '../pec/notification.js'
import { noticeFor, noticeOfAnomaly, type NoticeHouse } from './arrival-notices.js'
import { archiveCopy } from './copies.js'
import { notificationTo } from './dispatch.js'
import type { House } from './house.js'
import { issued } from './issued.js'
import { optionsOf, readMailbox, type Add, type OptionsErrand, type Passed } from './options.js'
import type { Dispatch, Errand, EventType, Outcome, RecipientState, RegisterEvent, StoredMessage } from './ports.js'
import { carryOut, isConflict } from './step.js'

type EnvelopeErrand = Extract<Errand, { readonly kind: 'deliver-envelope' }>
export type OtherErrand = Extract<Errand, { readonly kind: 'deliver-other' | 'deliver-anomaly' }>

/** Each is durable when it resolves, and may be told again: nothing is certified twice (P2), but an archive may get a copy again. */
export interface DeliveryPoint {
  /** The store took an envelope for its recipient. */
  delivered(errand: EnvelopeErrand, envelope: Source): Promise<void>
  /** The store took something that owes no receipt. */
  stored(errand: OtherErrand, message: Source, recipient: string, sender: string, response: string): Promise<void>
  /** A message whose mailbox nobody could ask for its options. Rejects with PecError 'directory', temporary, while nobody can. */
  optionsOwed(errand: OptionsErrand, message: Source, recipient: string, sender: string): Promise<void>
  /** Another host took a message of ours, or an archive a copy. */
  passedOn(errand: Errand, recipients: readonly string[], sender: string, response: string): Promise<void>
  /** A recipient was refused for good; `reply` is what was said, e.g. `550 5.1.1 User unknown`. */
  refused(errand: Errand, recipient: string, sender: string, reply: string): Promise<void>
  /** The last of many attempts failed; `reply` is what was said or what went wrong in it. */
  gaveUp(errand: Errand, recipient: string, sender: string, reply: string): Promise<void>
}

export interface DeliveryHouse extends House, NoticeHouse {
  readonly briefHash: BriefSettings
  /** Whether the sender is told at once what another provider has refused for good, or by the time limits (pec.md 17.7). */
  readonly peerRefusal: 'notice' | 'wait'
}

export function openDeliveryPoint(house: DeliveryHouse): DeliveryPoint {
  return {
    async delivered({ identifier, recipient, original: { start, end } }, envelope) {
      const moment = momentOf(house.clock())
      const message = await house.ledger.message(identifier)
      const state = stateOf(message, recipient)
      if (message === undefined || state === undefined) {
        const why = 'delivered without a receipt: not in the ledger'
        await record(rowOf('mailbox-delivery', identifier, [recipient], '', why, house), house)
        return
      }
      if (isFinal(state)) return
      const original = slice(envelope, start, end)
      const about = { mailbox: recipient, as: 'envelope', from: message.sender, message: envelope, identifier } as const
      const passed = { ...about, at: moment.date }
      const options = await optionsOf(passed, house.directory, additions(passed, message, house))
      const copy = await copyFor(state, message.receiptType, original, house.briefHash)
      const occurrence = { kind: 'delivery', recipient: state.address, requested: message.receiptType, ...copy } as const
      const event = rowOf('mailbox-delivery', identifier, [state.address], message.sender, 'stored', house)
      await conclude(message, state, { outcome: 'delivered', event, occurrence, options }, moment, house)
    },

    async stored({ kind, identifier }, message, recipient, sender, response) {
      const moment = momentOf(house.clock())
      const as = kind === 'deliver-anomaly' ? 'anomaly' : 'other'
      const passed = { mailbox: recipient, as, from: sender, message, identifier, at: moment.date } as const
      const options = await optionsOf(passed, house.directory, additions(passed, undefined, house))
      await record(rowOf('mailbox-delivery', identifier, [recipient], sender, response, house), house, options)
    },

    async optionsOwed({ identifier, at, as }, message, mailbox, from) {
      const passed = { mailbox, as, from, message, identifier, at: new Date(at) }
      const details = as === 'envelope' ? await house.ledger.message(identifier) : undefined
      const dispatches = await additions(passed, details, house)(await readMailbox(mailbox, house.directory))
      if (dispatches.length > 0) await carryOut({ at: momentOf(house.clock()), claims: [], events: [], dispatches }, house)
    },

    async passedOn({ kind, identifier }, recipients, sender, response) {
      await record(rowOf(PASSINGS[kind] ?? 'relay', identifier, recipients, sender, response, house), house)
    },

    async refused(errand, recipient, sender, reply) {
      const found = await envelopeFor(errand, recipient, house)
      const waits = house.peerRefusal === 'wait' && errand.kind === 'send-envelope'
      if (found === undefined || (waits && isTimed(found)))
        await record(rowOf(failureTypeOf(errand), errand.identifier, [recipient], sender, reply, house), house)
      else await notDelivered(found, errand, reply, house)
    },

    async gaveUp(errand, recipient, sender, reply) {
      const found = await envelopeFor(errand, recipient, house)
      // It is for the time limits to say that the time is over. RFC 6109 §3.1.6
      if (found === undefined || isTimed(found))
        await record(rowOf(failureTypeOf(errand), errand.identifier, [recipient], sender, reply, house), house)
      else await notDelivered(found, errand, reply, house)
    },
  }
}

/** `details` are those of a notice of an envelope. */
function additions(passed: Passed, details: ArrivalDetails | undefined, house: DeliveryHouse): Add {
  const { as, identifier, message, from } = passed
  const moment = momentOf(passed.at)
  return async (mailbox) => [
    ...archiveCopy(mailbox, passed),
    ...(details === undefined ? [] : noticeFor(mailbox, identifier, details, moment, house)),
    ...(as === 'anomaly' ? await noticeOfAnomaly(mailbox, message, from, moment, house) : []),
  ]
}

/** What is passed on for the options of a mailbox. */
const PASSINGS: { readonly [K in Errand['kind']]?: EventType } = {
  archive: 'copy',
  'deliver-copy': 'copy',
  notify: 'arrival-notice',
}

function failureTypeOf({ kind }: Errand): EventType {
  return kind === 'options' || kind in PASSINGS ? 'option-failure' : 'delivery-failure'
}

/** Whether the time limits wait for this recipient. */
function isTimed({ message, state }: Addressed): boolean {
  return message.own && state.type === 'certified'
}

interface Addressed {
  readonly message: StoredMessage
  readonly state: RecipientState
}

/** The message and recipient of an errand that carries an envelope. */
async function envelopeFor({ kind, identifier }: Errand, recipient: string, { ledger }: House): Promise<Addressed | undefined> {
  if (kind !== 'deliver-envelope' && kind !== 'send-envelope') return undefined
  const message = await ledger.message(identifier)
  const state = stateOf(message, recipient)
  return message === undefined || state === undefined ? undefined : { message, state }
}

async function notDelivered({ message, state }: Addressed, errand: Errand, reply: string, house: House): Promise<void> {
  if (isFinal(state)) return
  const occurrence = { kind: 'non-delivery', recipient: state.address, ...failureAt(state, errand, reply, house) } as const
  const event = rowOf('delivery-failure', message.identifier, [state.address], message.sender, reply, house)
  await conclude(message, state, { outcome: 'not-delivered', event, occurrence }, momentOf(house.clock()), house)
}

/** What the reply means: to our own store's we know the codes; what an ordinary host says, certification data do not classify. */
function failureAt({ type }: RecipientState, errand: Errand, reply: string, { issuer }: House): Failure {
  if (errand.kind === 'deliver-envelope') return failureOfStore(reply, issuer.name)
  const failure = refusalOf(reply, issuer.name)
  return type === 'ordinary' ? { ...failure, error: 'other' } : failure
}

function stateOf(message: StoredMessage | undefined, recipient: string): RecipientState | undefined {
  return message?.recipients.find(({ address }) => address.toLowerCase() === recipient.toLowerCase())
}

/** The notice of twenty-four hours ends the waiting; what happens later is told all the same. */
function isFinal({ outcome }: RecipientState): boolean {
  return outcome !== undefined && outcome !== 'expired'
}

/** Copies get the concise form, whatever was asked. RFC 6109 §3.3.2 */
async function copyFor(
  { primary }: RecipientState,
  requested: ReceiptType,
  original: Source,
  settings: BriefSettings,
): Promise<{ readonly form: ReceiptType; readonly original: Source | undefined }> {
  const form = primary ? requested : 'concise'
  if (form === 'concise') return { form, original: undefined }
  if (form === 'complete') return { form, original }
  try {
    return { form, original: await briefOriginal(original, settings) }
  } catch (error) {
    if (!isPecError(error) || error.code !== 'malformed') throw error
    // Attachments that cannot be found cannot be shortened, and the receipt is owed.
    return { form: 'complete', original }
  }
}

/** The codes of note 12, by the enhanced status codes that LMTP servers give; those of 4xx are of the last attempt. */
function failureOfStore(reply: string, provider: string): Failure {
  const [, code, status] = /^(?:([45]\d\d)[ -]?)?\s*(?:[45]\.(\d\.\d{1,3})(?!\S))?/.exec(reply) ?? []
  if (status === '1.1') return failureOf('unknown-mailbox', provider)
  if (status === '2.1') return failureOf('mailbox-disabled', provider)
  if (status === '2.2' || (status === undefined && code === '552')) return failureOf('mailbox-full', provider)
  return refusalOf(reply, provider)
}

/** How a recipient ended: what happened, and what is said of it. */
interface Conclusion {
  readonly outcome: Outcome
  readonly event: RegisterEvent
  readonly occurrence: Extract<Occurrence, { readonly kind: 'delivery' | 'non-delivery' }>
  /** What the options of the mailbox add. */
  readonly options?: readonly Dispatch[]
}

/** The one final outcome of a recipient, with its receipt or notice to the sender. */
async function conclude(
  message: StoredMessage,
  { address, type }: RecipientState,
  { outcome, event, occurrence, options = [] }: Conclusion,
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
        events: [event, issued(occurrence.kind, signed, message, house.issuer, { recipients: [address], outcome: detail })],
        // Ordinary recipients are told of, but not tracked.
        outcomes: type === 'certified' ? [{ identifier, recipient: address, outcome }] : [],
        dispatches: [notificationTo(sender, identifier, signed.message, house), ...options],
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
async function record(event: RegisterEvent, house: House, dispatches: readonly Dispatch[] = []): Promise<void> {
  await carryOut({ at: momentOf(house.clock()), claims: [], events: [event], dispatches }, house)
}
