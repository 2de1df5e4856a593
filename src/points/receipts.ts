/**
 * Valid receipts and notices that came in: passed on, once to each they are for, and taken note of where they are about a message
 * of our users. RFC 6109 §2.2.2, §3.2.4
 */
import type { Moment } from '../pec/moment.js'
import { composeNotification } from '../pec/notification.js'
import { statementOf } from '../smime/statement.js'
import { deliveries, notificationTo } from './dispatch.js'
import type { House } from './house.js'
import { issued } from './issued.js'
import type { Judgement } from './judge.js'
import type { Claim, Outcome, RecipientState, StoredMessage } from './ports.js'
import { distinct, lowerCase } from './recipients.js'
import { received, type Incoming } from './received.js'
import type { Step } from './step.js'

type Receipt = Extract<Judgement, { readonly verdict: 'receipt' }>
type Changes = Pick<Step, 'claims' | 'events' | 'dispatches' | 'takenInCharge' | 'outcomes'>

/** What a receipt does, as of now: the claims say if that has changed when the step is carried out. */
export async function receiptStep(receipt: Receipt, incoming: Incoming, moment: Moment, house: House): Promise<Step> {
  const { identifier } = receipt.data
  const claims = await fresh(claimsOn(receipt, addresseesOf(receipt, incoming, house)), house)
  const recipients = claims.map(({ recipient }) => recipient)
  const changes = await changesBy(receipt, moment, house)
  const outcome = claims.length > 0 ? receipt.kind : `${receipt.kind}, duplicate`
  return {
    at: moment,
    ...changes,
    claims: [...claims, ...changes.claims],
    events: [received('receipt-reception', receipt, incoming, outcome), ...changes.events],
    dispatches: [
      ...deliveries(incoming.sender, recipients, incoming.message, { kind: 'deliver-other', identifier }),
      ...changes.dispatches,
    ],
  }
}

/** What providers tell each other is not for users, whomever it is addressed to (R3). */
function addresseesOf({ kind }: Receipt, { recipients }: Incoming, { receipts }: House): readonly string[] {
  return kind === 'take-charge' || kind === 'virus-detection' ? distinct(recipients.map(() => receipts)) : recipients
}

/** What is signed tells one receipt from all others, whoever made it and whatever Message-ID he chose. */
function claimsOn({ signature }: Receipt, recipients: readonly string[]): readonly Claim[] {
  const identifier = statementOf(signature)
  return recipients.map((recipient) => ({ identifier, what: 'received', recipient }))
}

async function fresh(claims: readonly Claim[], { ledger }: House): Promise<readonly Claim[]> {
  const taken = new Set(await ledger.taken(claims))
  return claims.filter((claim) => !taken.has(claim))
}

const NOTHING: Changes = { claims: [], events: [], dispatches: [] }

const OUTCOMES: { readonly [K in Receipt['kind']]?: Outcome } = {
  delivery: 'delivered',
  'non-delivery': 'not-delivered',
  'virus-detection': 'virus',
}

/** Nothing where we do not know the message, or it is not ours to track. */
async function changesBy(receipt: Receipt, moment: Moment, house: House): Promise<Changes> {
  const { kind, data } = receipt
  const { identifier } = data
  const outcome = OUTCOMES[kind]
  if (kind !== 'take-charge' && outcome === undefined) return NOTHING
  const message = await house.ledger.message(identifier)
  if (message?.own !== true) return NOTHING
  const about = trackedAmong(message, data.delivery === undefined ? data.takenInCharge : [data.delivery])
  if (outcome === undefined) return { ...NOTHING, takenInCharge: { identifier, recipients: about } }
  // The first word on a recipient counts, whoever says it: ours, when a peer refused the envelope, or the peer's.
  const claims = await fresh(
    about.map((recipient): Claim => ({ identifier, what: 'outcome', recipient })),
    house,
  )
  const recipients = claims.map(({ recipient }) => recipient)
  return {
    ...(kind === 'virus-detection' ? await virusNotices(message, recipients, data.errorDetail ?? '', moment, house) : NOTHING),
    claims,
    outcomes: recipients.map((recipient) => ({ identifier, recipient, outcome })),
  }
}

/** Those of these addresses that the time limits wait for, as the message writes them. */
function trackedAmong({ recipients }: StoredMessage, addresses: readonly string[]): string[] {
  const wanted = lowerCase(addresses)
  const isTracked = ({ type, address }: RecipientState): boolean => type === 'certified' && wanted.has(address.toLowerCase())
  return recipients.filter(isTracked).map(({ address }) => address)
}

/** What an antivirus found may be of any length. */
const MAX_DETAIL = 500

/** To our user: one non-delivery notice for each recipient of a peer's virus detection notice. RFC 6109 §3.2.4 */
async function virusNotices(
  message: StoredMessage,
  recipients: readonly string[],
  detail: string,
  moment: Moment,
  house: House,
): Promise<Changes> {
  const errorDetail = detail.slice(0, MAX_DETAIL)
  const notices = await Promise.all(
    recipients.map(async (recipient) => {
      const occurrence = { kind: 'non-delivery', recipient, error: 'virus', errorDetail } as const
      return { recipient, notice: await composeNotification({ message, moment, occurrence }, house.issuer) }
    }),
  )
  return {
    claims: [],
    events: notices.map(({ recipient, notice }) =>
      issued('non-delivery', notice, message, house.issuer, { recipients: [recipient], outcome: `virus: ${errorDetail}` }),
    ),
    dispatches: notices.map(({ notice }) => notificationTo(message.sender, message.identifier, notice.message, house)),
  }
}
