/**
 * The reception point: everything that comes in for our domains is judged; valid envelopes are taken in charge, valid receipts
 * passed on, and whatever else is let in goes into an anomaly envelope that says why. RFC 6109 §2.2.2, §3.2
 */
import { PecError, reasonOf } from '../errors.js'
import { readHead } from '../pec/head.js'
import type { SpamLevel } from '../pec/kinds.js'
import { momentOf, type Moment } from '../pec/moment.js'
import { originFault } from '../pec/origin-faults.js'
import { anomalyFor } from './anomaly.js'
import { deliveries } from './dispatch.js'
import type { House } from './house.js'
import { chargeInfected, infectedBy, refusalFor, refusedInfected } from './infected.js'
import { judge, type Fault, type Judgement, type Trust } from './judge.js'
import { ordinaryStep, refusalOf, sortByPolicy, type Sorted } from './ordinary.js'
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
  /** Where neither mailbox nor domain has a policy of its own. */
  readonly ordinaryMail: 'accept' | 'reject'
}

type Envelope = Extract<Judgement, { readonly verdict: 'envelope' }>

/** A conflict means that the same message came in twice at once: what is left to do is then another thing. */
const TRIES = 3

export function openReceptionPoint(house: ReceptionHouse): ReceptionPoint {
  return {
    async receive(transaction) {
      const incoming = { ...transaction, recipients: distinct(transaction.recipients) }
      const judgement = await judge(incoming.message, house.clock(), house.index, house.trust)
      const sorted =
        judgement.verdict === 'ordinary' ? await sortByPolicy(incoming.recipients, judgement.fault, house) : undefined
      const reason = sorted === undefined ? undefined : refusalOf(sorted)
      if (reason !== undefined) return { accepted: false, reason }
      const [virus, spam] = await Promise.all([
        virusIn(judgement, incoming, house),
        judgement.verdict === 'ordinary' ? incoming.rateSpam?.() : undefined,
      ])
      // The time is that of the take-charge, and a scan may take long.
      const arrival = { incoming, virus, spam, sorted: sorted ?? NOBODY, moment: momentOf(house.clock()) }
      for (let attempt = 1; ; attempt++) {
        try {
          const { step, refusal } = await decide(judgement, arrival, house)
          await carryOut(step, house)
          return refusal === undefined ? { accepted: true, as: judgement.verdict } : { accepted: false, reason: refusal }
        } catch (error) {
          if (!isConflict(error)) throw error
          if (attempt === TRIES) throw new PecError('ledger', reasonOf(error), { temporary: true, cause: error })
        }
      }
    },
  }
}

/** The name of a virus in it. Receipts are not looked into (infected.ts). */
async function virusIn({ verdict }: Judgement, { message }: Incoming, house: House): Promise<string | undefined> {
  if (verdict === 'receipt') return undefined
  const scan = await house.antivirus.scan(message)
  return scan.verdict === 'infected' ? scan.name : undefined
}

/** A message that came in, with all that is known of it beside its judgement. */
interface Arrival {
  readonly incoming: Incoming
  readonly virus: string | undefined
  /** Of ordinary mail: how much it looks like spam, and what its recipients make of it. */
  readonly spam: SpamLevel | undefined
  readonly sorted: Sorted
  readonly moment: Moment
}

/** What is done about a message, and with what reply it is refused, if it is. */
interface Decision {
  readonly step: Step
  readonly refusal?: string
}

async function decide(judgement: Judgement, arrival: Arrival, house: House): Promise<Decision> {
  const { incoming, moment } = arrival
  switch (judgement.verdict) {
    case 'envelope':
      return decideOnEnvelope(judgement, arrival, house)
    case 'receipt':
      return { step: await receiptStep(judgement, incoming, moment, house) }
    case 'incorrect':
      return decideOnUncertified(judgement.faults, judgement.provider.name, arrival, house)
    case 'ordinary':
      return decideOnOrdinary(judgement.fault, arrival, house)
  }
}

async function decideOnOrdinary(fault: Fault, arrival: Arrival, house: House): Promise<Decision> {
  const { incoming, virus, moment } = arrival
  if (virus !== undefined) return refuseInfected(virus, incoming, incoming.host, moment)
  return { step: { at: moment, claims: [], ...(await ordinaryStep({ ...arrival, fault }, moment, house)) } }
}

/** An anomaly envelope, but not around a virus. RFC 6109 §2.2.2 */
async function decideOnUncertified(
  faults: readonly Fault[],
  provider: string,
  { incoming, virus, moment }: Arrival,
  house: House,
): Promise<Decision> {
  if (virus !== undefined) return refuseInfected(virus, incoming, provider, moment)
  return { step: { at: moment, claims: [], ...(await anomalyFor({ ...incoming, faults, provider }, moment, house)) } }
}

function refuseInfected(virus: string, incoming: Incoming, provider: string, moment: Moment): Decision {
  return { step: refusedInfected(virus, incoming, provider, moment), refusal: refusalFor(virus) }
}

async function decideOnEnvelope(envelope: Envelope, arrival: Arrival, house: House): Promise<Decision> {
  const { data, provider } = envelope
  const known = await house.ledger.message(data.identifier)
  if (known !== undefined && !isSame(known, envelope)) {
    return decideOnUncertified([originFault('identifier-taken', known.sender)], provider.name, arrival, house)
  }
  return { step: await envelopeStep(envelope, known === undefined, arrival, house) }
}

/**
 * Taken in charge for the recipients named as certified in daticert.xml and not taken yet (pec.md 17.4). Those named as ordinary
 * get the envelope without receipts, as their provider was not known to be one; those not named at all, an anomaly envelope. With
 * a virus nobody gets anything; whoever was taken in charge gets a notice instead.
 */
async function envelopeStep(envelope: Envelope, isFirst: boolean, arrival: Arrival, house: House): Promise<Step> {
  const { incoming, virus, moment } = arrival
  const { identifier } = envelope.data
  const named = groupRecipients(incoming.recipients, envelope)
  const claims = named.certified.map((recipient): Claim => ({ identifier, what: 'take-charge', recipient }))
  const taken = new Set(await house.ledger.taken(claims))
  const fresh = claims.filter((claim) => !taken.has(claim)).map(({ recipient }) => recipient)

  const isDuplicate = named.certified.length > 0 && fresh.length === 0
  const isForNobody = fresh.length + named.ordinary.length + named.unknown.length === 0
  const outcome = virus === undefined ? (isDuplicate ? 'duplicate' : 'valid') : `virus: ${virus}`
  const reception = received('reception', envelope, incoming, outcome)
  const others = virus === undefined ? await othersStep(envelope, named, incoming, moment, house) : NOTHING
  const facts = await factsOf(envelope, incoming, moment)
  const rest = {
    at: moment,
    events: [reception, ...others.events],
    dispatches: others.dispatches,
    // Kept if it is kept from anybody: a duplicate of what has come through, or is kept already, is not.
    infected: virus === undefined || isForNobody ? undefined : infectedBy(virus, incoming.message, facts),
  }
  if (fresh.length === 0) return { ...rest, claims: [] }

  const { original, provider } = envelope
  const charged = { message: incoming.message, original, facts, serviceMailbox: provider.mailReceipt }
  const charge =
    virus === undefined
      ? await takeCharge(charged, fresh, moment, house)
      : await chargeInfected(charged, fresh, virus, moment, house)
  return {
    ...rest,
    ...charge,
    message: facts,
    // Whoever brings an identifier first has it, should another message come under it at the same time.
    claims: [...(isFirst ? [{ identifier, what: 'take-charge', recipient: '' } as const] : []), ...charge.claims],
    events: [...rest.events, ...charge.events],
    dispatches: [...rest.dispatches, ...charge.dispatches],
  }
}

const NOTHING = { events: [], dispatches: [] }
const NOBODY: Sorted = { wrapped: [], forwarded: new Map(), refused: new Map() }

/** The recipients that are not taken in charge. */
async function othersStep(
  { data, provider }: Envelope,
  { ordinary, unknown }: NamedRecipients,
  { sender, message }: Incoming,
  moment: Moment,
  house: House,
): Promise<Pick<Step, 'events' | 'dispatches'>> {
  const plain = deliveries(sender, ordinary, message, { kind: 'deliver-other', identifier: data.identifier })
  const faults = [originFault('recipient-not-named')]
  const anomaly = await anomalyFor({ sender, message, recipients: unknown, faults, provider: provider.name }, moment, house)
  return { events: anomaly.events, dispatches: [...plain, ...anomaly.dispatches] }
}

/** Whether an envelope is of the message that we know by its identifier. A provider's identifiers are nobody else's to use. */
function isSame(known: StoredMessage, { data, provider }: Envelope): boolean {
  return known.sender.toLowerCase() === data.sender.toLowerCase() && known.provider.toLowerCase() === provider.name.toLowerCase()
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
