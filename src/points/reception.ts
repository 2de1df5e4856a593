/**
 * The reception point: everything that comes in for our domains is judged; valid envelopes are taken in charge, valid receipts
 * passed on, and whatever else is let in goes into an anomaly envelope that says why. RFC 6109 §2.2.2, §3.2
 */
import { PecError, reasonOf } from '../errors.js'
import { readHead } from '../pec/head.js'
import { momentOf, type Moment } from '../pec/moment.js'
import { oneLine } from '../pec/one-line.js'
import { originFault } from '../pec/origin-faults.js'
import { anomalyFor } from './anomaly.js'
import { deliveries } from './dispatch.js'
import type { House } from './house.js'
import { judge, type Fault, type Judgement, type Trust } from './judge.js'
import type { Claim, MessageFacts, StoredMessage } from './ports.js'
import { receiptStep } from './receipts.js'
import { received, type Incoming } from './received.js'
import { copiesIn, distinct } from './recipients.js'
import { carryOut, isConflict, type Step } from './step.js'
import { takeCharge } from './take-charge.js'

export type { Incoming } from './received.js'

export type ReceptionOutcome =
  { readonly accepted: true; readonly as: Judgement['verdict'] } | { readonly accepted: false; readonly reason: string }

export interface ReceptionPoint {
  /** Durable when it resolves as accepted (P1). Rejects with a temporary PecError if it cannot be dealt with now. */
  receive(incoming: Incoming): Promise<ReceptionOutcome>
}

export interface ReceptionHouse extends House {
  readonly trust: Trust
  readonly ordinaryMail: 'accept' | 'reject'
}

type Envelope = Extract<Judgement, { readonly verdict: 'envelope' }>

/** A conflict means that the same message came in twice at once: what is left to do is then another thing. */
const TRIES = 3

export function openReceptionPoint(house: ReceptionHouse): ReceptionPoint {
  return {
    async receive(transaction) {
      const incoming = { ...transaction, recipients: distinct(transaction.recipients) }
      const moment = momentOf(house.clock())
      const judgement = await judge(incoming.message, moment.date, house.index, house.trust)
      if (judgement.verdict === 'ordinary') {
        const refusal = await refusalOfOrdinary(incoming, judgement.fault, house)
        if (refusal !== undefined) return { accepted: false, reason: refusal }
      }
      for (let attempt = 1; ; attempt++) {
        try {
          await carryOut(await stepFor(judgement, incoming, moment, house), house)
          return { accepted: true, as: judgement.verdict }
        } catch (error) {
          if (!isConflict(error)) throw error
          if (attempt === TRIES) throw new PecError('ledger', reasonOf(error), { temporary: true, cause: error })
        }
      }
    },
  }
}

/** By policy; and where none of the recipients exists there is nobody to deliver an anomaly envelope to. */
async function refusalOfOrdinary({ recipients }: Incoming, fault: Fault, house: ReceptionHouse): Promise<string | undefined> {
  if (house.ordinaryMail === 'reject') return `5.7.1 Only certified mail is accepted here: ${speakable(fault.english)}`
  const mailboxes = await Promise.all(recipients.map((address) => house.directory.mailbox(address)))
  return mailboxes.every((mailbox) => mailbox === undefined) ? '5.1.1 Unknown mailbox' : undefined
}

/** Fit for an SMTP reply: a fault may quote what stands in the message. */
function speakable(text: string): string {
  return oneLine(text)
    .slice(0, MAX_REASON)
    .replace(/[^ -~]/g, '?')
}

const MAX_REASON = 200

function stepFor(judgement: Judgement, incoming: Incoming, moment: Moment, house: House): Promise<Step> {
  switch (judgement.verdict) {
    case 'envelope':
      return envelopeStep(judgement, incoming, moment, house)
    case 'receipt':
      return receiptStep(judgement, incoming, moment, house)
    case 'incorrect':
      return anomalyStep(judgement.faults, judgement.provider.name, incoming, moment, house)
    case 'ordinary':
      return anomalyStep([judgement.fault], incoming.host, incoming, moment, house)
  }
}

async function anomalyStep(
  faults: readonly Fault[],
  provider: string,
  incoming: Incoming,
  moment: Moment,
  house: House,
): Promise<Step> {
  return { at: moment, claims: [], ...(await anomalyFor({ ...incoming, faults, provider }, moment, house)) }
}

/**
 * Taken in charge for the recipients named as certified in daticert.xml and not taken yet (pec.md 17.4). Those named as ordinary
 * get the envelope without receipts, as their provider was not known to be one; those not named at all, an anomaly envelope.
 */
async function envelopeStep(envelope: Envelope, incoming: Incoming, moment: Moment, house: House): Promise<Step> {
  const { data, provider } = envelope
  const { identifier } = data
  const known = await house.ledger.message(identifier)
  if (known !== undefined && !isSame(known, envelope)) {
    return anomalyStep([originFault('identifier-taken', known.sender)], provider.name, incoming, moment, house)
  }
  const named = groupRecipients(incoming.recipients, envelope)
  const claims = named.certified.map((recipient): Claim => ({ identifier, what: 'take-charge', recipient }))
  const taken = new Set(await house.ledger.taken(claims))
  const fresh = claims.filter((claim) => !taken.has(claim)).map(({ recipient }) => recipient)

  const { sender, message } = incoming
  const isDuplicate = named.certified.length > 0 && fresh.length === 0
  const reception = received('reception', envelope, incoming, isDuplicate ? 'duplicate' : 'valid')
  const plain = deliveries(sender, named.ordinary, message, { kind: 'deliver-other', identifier })
  const faults = [originFault('recipient-not-named')]
  const uncertified = { sender, message, recipients: named.unknown, faults, provider: provider.name }
  const anomaly = await anomalyFor(uncertified, moment, house)
  const rest = { events: [reception, ...anomaly.events], dispatches: [...plain, ...anomaly.dispatches] }
  if (fresh.length === 0) return { at: moment, claims: [], ...rest }

  const facts = await factsOf(envelope, incoming, moment)
  const { original } = envelope
  const charge = await takeCharge({ message, original, facts, serviceMailbox: provider.mailReceipt }, fresh, moment, house)
  return {
    at: moment,
    message: facts,
    // Whoever brings an identifier first has it, should another message come under it at the same time.
    claims: [...(known === undefined ? [{ identifier, what: 'take-charge', recipient: '' } as const] : []), ...charge.claims],
    events: [...rest.events, ...charge.events],
    takenInCharge: charge.takenInCharge,
    dispatches: [...rest.dispatches, ...charge.dispatches],
  }
}

/** Whether an envelope is of the message that we know by its identifier. A provider's identifiers are nobody else's to use. */
function isSame(known: StoredMessage, { data, provider }: Envelope): boolean {
  return known.sender.toLowerCase() === data.sender.toLowerCase() && known.provider === provider.name
}

interface NamedRecipients {
  readonly certified: readonly string[]
  readonly ordinary: readonly string[]
  readonly unknown: readonly string[]
}

function groupRecipients(recipients: readonly string[], { data }: Envelope): NamedRecipients {
  const types = new Map(data.recipients.map(({ address, type }) => [address.toLowerCase(), type]))
  const of = (wanted: string | undefined): string[] => recipients.filter((address) => types.get(address.toLowerCase()) === wanted)
  return { certified: of('certified'), ordinary: of('ordinary'), unknown: of(undefined) }
}

async function factsOf({ data, provider, original }: Envelope, { message }: Incoming, moment: Moment): Promise<MessageFacts> {
  const { identifier, clientMessageId, sender, replyTo, subject } = data
  const isCopy = copiesIn((await readHead(message)).header)
  return {
    ...{ identifier, clientMessageId, sender, replyTo, subject },
    receiptType: data.receiptType ?? 'complete',
    provider: provider.name,
    own: false,
    acceptedAt: moment.date,
    size: original.end - original.start,
    recipients: data.recipients.map(({ address, type }) => ({ address, type, primary: !isCopy(address) })),
  }
}
