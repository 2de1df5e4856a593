/** The access point: what our users send is checked, certified and put into a transport envelope. RFC 6109 §2.2.1, §3.1 */
import { domainOf } from '../mail/address.js'
import { hasBareLineEnd } from '../mail/line-ends.js'
import type { Source } from '../mail/source.js'
import { composeTransportEnvelope, prepareOriginal, type Original } from '../pec/envelope.js'
import { describeFormalException, type FormalException } from '../pec/formal-exception.js'
import { readHead } from '../pec/head.js'
import { newIdentifier } from '../pec/identifier.js'
import type { RecipientType } from '../pec/kinds.js'
import { momentOf, type Moment } from '../pec/moment.js'
import { composeNotification } from '../pec/notification.js'
import type { SignedEnvelope } from '../pec/signed-message.js'
import { archiveCopy } from './copies.js'
import { notificationTo } from './dispatch.js'
import { findFormalExceptions, type FormalLimits } from './formal-checks.js'
import type { House } from './house.js'
import { infectedBy } from './infected.js'
import { issued } from './issued.js'
import { optionsOf } from './options.js'
import type { Dispatch, MessageFacts, RegisterEvent } from './ports.js'
import { copiesIn, distinct } from './recipients.js'
import { carryOut } from './step.js'
import { takeCharge, type Charge } from './take-charge.js'

/** A message from an authenticated user who owns the sender's address. */
export interface Submission {
  /** Reverse path. */
  readonly sender: string
  /** Forward paths. */
  readonly recipients: readonly string[]
  readonly message: Source
}

/** Either way the message is dealt with: a notice tells the user why it was not accepted. */
export interface AccessOutcome {
  readonly accepted: boolean
  readonly identifier: string
}

export interface AccessPoint {
  /**
   * Durable when it resolves (P1). Rejects with a temporary PecError if nothing could be certified now, and with one that is not
   * if the message is beyond what can be read.
   */
  submit(submission: Submission): Promise<AccessOutcome>
}

export interface AccessHouse extends House {
  readonly limits: FormalLimits
}

export function openAccessPoint(house: AccessHouse): AccessPoint {
  return {
    async submit(transaction) {
      const submission = { ...transaction, recipients: distinct(transaction.recipients) }
      const fault = await findFault(submission, house)
      // The time is that of the acceptance, and a scan may take long.
      const moment = momentOf(house.clock())
      const identifier = newIdentifier(moment, house.issuer.domain)
      const original = await prepareOriginal(submission.message, identifier)
      const facts = factsOf(submission, original, moment, house)
      if (fault === undefined) await accept(facts, original, moment, house)
      else await refuse(facts, fault, submission.message, moment, house)
      return { accepted: fault === undefined, identifier }
    },
  }
}

/** Why a message is not accepted. */
type Fault =
  { readonly kind: 'formal'; readonly exceptions: readonly FormalException[] } | { readonly kind: 'virus'; readonly name: string }

/** What the form has against it, or else the antivirus: what is refused anyway need not be scanned. */
async function findFault(submission: Submission, house: AccessHouse): Promise<Fault | undefined> {
  const exceptions = await formalExceptions(submission, house.limits)
  if (exceptions.length > 0) return { kind: 'formal', exceptions }
  const scan = await house.antivirus.scan(submission.message)
  return scan.verdict === 'infected' ? { kind: 'virus', name: scan.name } : undefined
}

async function formalExceptions({ message, sender, recipients }: Submission, limits: FormalLimits): Promise<FormalException[]> {
  const { header, end } = await readHead(message)
  const structure = { header, headerEnds: end < message.size, hasBareLineEnd: await hasBareLineEnd(message) }
  return findFormalExceptions({ ...structure, size: message.size, sender, recipients }, limits)
}

/** The certification data come from the SMTP transaction; the header only tells primary recipients from copies. RFC 6109 §2.1 */
function factsOf({ sender, recipients, message }: Submission, original: Original, moment: Moment, house: House): MessageFacts {
  const { identifier, clientMessageId, subject, receiptType } = original
  const isCopy = copiesIn(original.header)
  return {
    identifier,
    clientMessageId,
    sender,
    replyTo: original.replyTo === '' ? sender : original.replyTo,
    subject,
    receiptType,
    provider: house.issuer.name,
    own: true,
    acceptedAt: moment.date,
    size: message.size,
    recipients: recipients.map((address) => ({ address, type: typeOf(address, house), primary: !isCopy(address) })),
  }
}

function typeOf(address: string, { index, directory }: House): RecipientType {
  const domain = domainOf(address)
  return directory.managesDomain(domain) || index.byDomain(domain) !== undefined ? 'certified' : 'ordinary'
}

async function accept(facts: MessageFacts, original: Original, moment: Moment, house: House): Promise<void> {
  const { identifier, sender } = facts
  const [envelope, receipt] = await Promise.all([
    composeTransportEnvelope({ message: facts, original, moment }, house.issuer),
    composeNotification({ message: facts, moment, occurrence: { kind: 'acceptance' } }, house.issuer),
  ])
  const charge = await chargeOfOwn(facts, envelope, moment, house)
  const sent = { mailbox: sender, as: 'other', from: sender, message: envelope.message, identifier, at: moment.date } as const
  await carryOut(
    {
      at: moment,
      message: facts,
      claims: [{ identifier, what: 'acceptance', recipient: '' }, ...charge.claims],
      events: [
        issued('acceptance', receipt, facts, house.issuer),
        issued('transport', envelope, facts, house.issuer),
        ...charge.events,
      ],
      ...(charge.takenInCharge === undefined ? {} : { takenInCharge: charge.takenInCharge }),
      dispatches: [
        notificationTo(sender, identifier, receipt.message, house),
        ...sendings(facts, envelope, house),
        ...charge.dispatches,
        ...(await optionsOf(sent, house.directory, (mailbox) => archiveCopy(mailbox, sent))),
      ],
    },
    house,
  )
}

/**
 * A message for our own users goes straight on to our reception point: what the signature and the index would have to prove
 * there is known here. RFC 6109 §3.4
 */
async function chargeOfOwn(
  facts: MessageFacts,
  envelope: SignedEnvelope,
  moment: Moment,
  house: House,
): Promise<Charge | NoCharge> {
  const own = addressesOf(facts, (address) => isOwn(address, house))
  if (own.length === 0) return NO_CHARGE
  const charge = await takeCharge(
    { message: envelope.message, original: envelope.original, facts, serviceMailbox: house.receipts },
    own,
    moment,
    house,
  )
  // Its certification data and signature stand in the row of its issue.
  const reception: RegisterEvent = {
    ...{ type: 'reception', identifier: facts.identifier, messageId: envelope.messageId, sender: facts.sender, recipients: own },
    ...{ subject: facts.subject, provider: facts.provider, outcome: 'valid', daticert: undefined, signature: undefined },
  }
  return { ...charge, events: [reception, ...charge.events] }
}

type NoCharge = Omit<Charge, 'takenInCharge'> & { readonly takenInCharge?: undefined }
const NO_CHARGE: NoCharge = { dispatches: [], claims: [], events: [] }

function isOwn(address: string, { directory }: House): boolean {
  return directory.managesDomain(domainOf(address))
}

function addressesOf({ recipients }: MessageFacts, wanted: (address: string) => boolean): string[] {
  return recipients.map(({ address }) => address).filter(wanted)
}

/** One envelope for all recipients elsewhere, PEC and ordinary; its paths stay those of the user's message. RFC 6109 §3.1.5 */
function sendings(facts: MessageFacts, { message }: SignedEnvelope, house: House): Dispatch[] {
  const elsewhere = addressesOf(facts, (address) => !isOwn(address, house))
  if (elsewhere.length === 0) return []
  return [{ from: facts.sender, to: elsewhere, message, errand: { kind: 'send-envelope', identifier: facts.identifier } }]
}

/** The whole message is refused, with a notice that says why. RFC 6109 §3.1.2, §3.1.3 */
async function refuse(facts: MessageFacts, fault: Fault, message: Source, moment: Moment, house: House): Promise<void> {
  const { error, errorDetail, outcome } = wordsOf(fault)
  const occurrence = { kind: 'non-acceptance', error, errorDetail } as const
  const notice = await composeNotification({ message: facts, moment, occurrence }, house.issuer)
  await carryOut(
    {
      at: moment,
      claims: [{ identifier: facts.identifier, what: 'acceptance', recipient: '' }],
      events: [issued('non-acceptance', notice, facts, house.issuer, { outcome })],
      dispatches: [notificationTo(facts.sender, facts.identifier, notice.message, house)],
      infected: fault.kind === 'virus' ? infectedBy(fault.name, message, facts) : undefined,
    },
    house,
  )
}

/** For the notice, every reason in Italian; for the register, in English. */
function wordsOf(fault: Fault): { readonly error: 'virus' | 'other'; readonly errorDetail: string; readonly outcome: string } {
  if (fault.kind === 'virus') return { error: 'virus', errorDetail: fault.name, outcome: `virus: ${fault.name}` }
  return {
    error: 'other',
    errorDetail: fault.exceptions.map(describeFormalException).join('; '),
    outcome: fault.exceptions.map(({ kind }) => kind).join(', '),
  }
}
