/**
 * The reception point: everything that comes in for our domains is judged; valid envelopes are taken in charge, valid receipts
 * passed on, and whatever else is let in goes into an anomaly envelope that says why. RFC 6109 §2.2.2, §3.2
 */
import { createHash } from 'node:crypto'
import type { Source } from '../mail/source.js'
import { composeAnomalyEnvelope } from '../pec/envelope.js'
import { readHead } from '../pec/head.js'
import { momentOf, type Moment } from '../pec/moment.js'
import { addressesIn } from '../pec/original.js'
import { originFault } from '../pec/origin-faults.js'
import { deliveries } from './dispatch.js'
import type { House } from './house.js'
import { judge, type Fault, type Judgement, type Trust } from './judge.js'
import type { Claim, MessageFacts, Outcome, RegisterEvent } from './ports.js'
import { carryOut, isConflict, type Step } from './step.js'
import { takeCharge } from './take-charge.js'

/** A message from another host, for addresses of our domains. */
export interface Incoming {
  /** Reverse path; '' for none. */
  readonly sender: string
  readonly recipients: readonly string[]
  readonly message: Source
  /** Who brought it, for the register. */
  readonly host: string
}

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
type Receipt = Extract<Judgement, { readonly verdict: 'receipt' }>

/** A conflict means that the same message came in twice at once: what is left to do is then another thing. */
const TRIES = 3

export function openReceptionPoint(house: ReceptionHouse): ReceptionPoint {
  return {
    async receive(incoming) {
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
          if (!isConflict(error) || attempt === TRIES) throw error
        }
      }
    },
  }
}

/** By policy; and where none of the recipients exists there is nobody to deliver an anomaly envelope to. */
async function refusalOfOrdinary({ recipients }: Incoming, fault: Fault, house: ReceptionHouse): Promise<string | undefined> {
  if (house.ordinaryMail === 'reject') return `5.7.1 Only certified mail is accepted here: ${fault.english}`
  const mailboxes = await Promise.all(recipients.map((address) => house.directory.mailbox(address)))
  return mailboxes.every((mailbox) => mailbox === undefined) ? '5.1.1 Unknown mailbox' : undefined
}

function stepFor(judgement: Judgement, incoming: Incoming, moment: Moment, house: House): Promise<Step> {
  switch (judgement.verdict) {
    case 'envelope':
      return envelopeStep(judgement, incoming, moment, house)
    case 'receipt':
      return receiptStep(judgement, incoming, moment, house)
    case 'incorrect':
      return anomalyStep(incoming.recipients, judgement.faults, judgement.provider.name, incoming, moment, house)
    case 'ordinary':
      return anomalyStep(incoming.recipients, [judgement.fault], incoming.host, incoming, moment, house)
  }
}

// -- envelopes ----------------------------------------------------------------------------------------------------------

/**
 * Taken in charge for the recipients named as certified in daticert.xml and not taken yet (pec.md 17.4). Those named as ordinary
 * get the envelope without receipts, as their provider was not known to be one; those not named at all, an anomaly envelope.
 */
async function envelopeStep(envelope: Envelope, incoming: Incoming, moment: Moment, house: House): Promise<Step> {
  const { identifier } = envelope.data
  const named = groupRecipients(incoming.recipients, envelope)
  const claims = named.certified.map((recipient): Claim => ({ identifier, what: 'take-charge', recipient }))
  const taken = new Set((await house.ledger.taken(claims)).map(({ recipient }) => recipient.toLowerCase()))
  const fresh = named.certified.filter((recipient) => !taken.has(recipient.toLowerCase()))

  const facts = factsOf(envelope, await copiesIn(incoming.message), moment)
  const reception = row('reception', envelope, incoming, fresh.length > 0 ? 'valid' : 'duplicate')
  const plain = deliveries(incoming.sender, named.ordinary, incoming.message, { kind: 'deliver-other', identifier })
  const anomaly = await anomalyFor(
    named.unknown,
    [originFault('recipient-not-named')],
    envelope.provider.name,
    incoming,
    moment,
    house,
  )
  const rest = { events: [reception, ...anomaly.events], dispatches: [...plain, ...anomaly.dispatches] }
  if (fresh.length === 0) return { at: moment, claims: [], ...rest }

  const { message } = incoming
  const serviceMailbox = envelope.provider.mailReceipt
  const charge = await takeCharge({ message, original: envelope.original, facts, serviceMailbox }, fresh, moment, house)
  return {
    at: moment,
    message: facts,
    claims: charge.claims,
    events: [...rest.events, ...charge.events],
    takenInCharge: charge.takenInCharge,
    dispatches: [...rest.dispatches, ...charge.dispatches],
  }
}

interface NamedRecipients {
  readonly certified: readonly string[]
  readonly ordinary: readonly string[]
  readonly unknown: readonly string[]
}

function groupRecipients(recipients: readonly string[], { data }: Envelope): NamedRecipients {
  const types = new Map(data.recipients.map(({ address, type }) => [address.toLowerCase(), type]))
  const distinct = [...new Map(recipients.map((address) => [address.toLowerCase(), address])).values()]
  const of = (wanted: string | undefined): string[] => distinct.filter((address) => types.get(address.toLowerCase()) === wanted)
  return { certified: of('certified'), ordinary: of('ordinary'), unknown: of(undefined) }
}

/** The addresses that are in Cc and not in To. */
async function copiesIn(message: Source): Promise<ReadonlySet<string>> {
  const { header } = await readHead(message)
  const primary = new Set(addressesIn(header, 'To').map((address) => address.toLowerCase()))
  const copies = addressesIn(header, 'Cc').map((address) => address.toLowerCase())
  return new Set(copies.filter((address) => !primary.has(address)))
}

function factsOf({ data, provider, original }: Envelope, copies: ReadonlySet<string>, moment: Moment): MessageFacts {
  const { identifier, clientMessageId, sender, replyTo, subject } = data
  return {
    ...{ identifier, clientMessageId, sender, replyTo, subject },
    receiptType: data.receiptType ?? 'complete',
    provider: provider.name,
    own: false,
    acceptedAt: moment.date,
    size: original.end - original.start,
    recipients: data.recipients.map(({ address, type }) => ({ address, type, primary: !copies.has(address.toLowerCase()) })),
  }
}

// -- receipts -----------------------------------------------------------------------------------------------------------

/** Passed on once to each it is for, and taken note of where it is about a message of ours. RFC 6109 §2.2.2 */
async function receiptStep(receipt: Receipt, incoming: Incoming, moment: Moment, house: House): Promise<Step> {
  const { identifier } = receipt.data
  // The signature tells one receipt from all others, whoever made it and whatever Message-ID he chose.
  const signature = createHash('sha256').update(receipt.signature).digest('hex')
  const claims = incoming.recipients.map((recipient): Claim => ({ identifier: signature, what: 'received', recipient }))
  const known = new Set((await house.ledger.taken(claims)).map(({ recipient }) => recipient.toLowerCase()))
  const fresh = claims.filter(({ recipient }) => !known.has(recipient.toLowerCase()))
  const recipients = fresh.map(({ recipient }) => recipient)
  return {
    at: moment,
    claims: fresh,
    events: [row('receipt-reception', receipt, incoming, fresh.length > 0 ? receipt.kind : `${receipt.kind}, duplicate`)],
    ...(await stateChanges(receipt, house)),
    dispatches: deliveries(incoming.sender, recipients, incoming.message, { kind: 'deliver-other', identifier }),
  }
}

const OUTCOMES: { readonly [K in Receipt['kind']]?: Outcome } = {
  delivery: 'delivered',
  'non-delivery': 'not-delivered',
  'virus-detection': 'virus',
}

/** What a receipt changes: nothing where we do not know the message, or it is not ours to track. */
async function stateChanges({ kind, data }: Receipt, { ledger }: House): Promise<Pick<Step, 'takenInCharge' | 'outcomes'>> {
  const { identifier, delivery, takenInCharge } = data
  const outcome = OUTCOMES[kind]
  if (kind !== 'take-charge' && outcome === undefined) return {}
  const message = await ledger.message(identifier)
  if (message?.own !== true) return {}
  const certified = new Set(
    message.recipients.filter(({ type }) => type === 'certified').map(({ address }) => address.toLowerCase()),
  )
  const tracked = (address: string): boolean => certified.has(address.toLowerCase())
  if (kind === 'take-charge') return { takenInCharge: { identifier, recipients: takenInCharge.filter(tracked) } }
  const about = (delivery === undefined ? takenInCharge : [delivery]).filter(tracked)
  return outcome === undefined ? {} : { outcomes: about.map((recipient) => ({ identifier, recipient, outcome })) }
}

// -- anomalies ----------------------------------------------------------------------------------------------------------

async function anomalyStep(
  recipients: readonly string[],
  faults: readonly Fault[],
  provider: string,
  incoming: Incoming,
  moment: Moment,
  house: House,
): Promise<Step> {
  return { at: moment, claims: [], ...(await anomalyFor(recipients, faults, provider, incoming, moment, house)) }
}

/** An anomaly envelope keeps the paths of what it carries. RFC 6109 §3.2.2 */
async function anomalyFor(
  recipients: readonly string[],
  faults: readonly Fault[],
  provider: string,
  { message, sender }: Incoming,
  moment: Moment,
  { issuer }: House,
): Promise<Pick<Step, 'events' | 'dispatches'>> {
  if (recipients.length === 0) return { events: [], dispatches: [] }
  const reasons = faults.map(({ italian }) => italian)
  const anomaly = await composeAnomalyEnvelope({ received: message, moment, sender, recipients, faults: reasons }, issuer)
  const event: RegisterEvent = {
    type: 'anomaly',
    identifier: '',
    messageId: anomaly.messageId,
    sender,
    recipients,
    subject: undefined,
    provider,
    outcome: faults.map(({ english }) => english).join('; '),
    daticert: undefined,
    signature: anomaly.signature,
  }
  return {
    events: [event],
    dispatches: deliveries(sender, recipients, anomaly.message, { kind: 'deliver-anomaly', identifier: '' }),
  }
}

function row(type: RegisterEvent['type'], message: Envelope | Receipt, incoming: Incoming, outcome: string): RegisterEvent {
  const { data, provider, messageId, daticert, signature } = message
  return {
    ...{ type, identifier: data.identifier, messageId, sender: data.sender, recipients: incoming.recipients },
    ...{ subject: data.subject, provider: provider.name, outcome, daticert, signature },
  }
}
