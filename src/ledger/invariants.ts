/**
 * What must hold of each message in a ledger, whatever has happened: pec.md 11, P1 and P2. Each function tells what does not, with the
 * recipient it is about.
 */
import { CERTIFIED, type Dossier, type DossierEvent } from './dossier.js'
import { addressKey } from './keys.js'
import type { Tables } from './schema.js'

export interface Violation {
  /** Short and stable, for programs. */
  readonly invariant: string
  readonly identifier: string
  /** As a key; undefined where it is about the whole message. */
  readonly recipient?: string
  /** In plain English. */
  readonly what: string
  /** What the operator does about it. */
  readonly remedy: string
}

/** What a dossier is judged by. */
export interface Bounds {
  /** The last commit of the ledger, in milliseconds: the present, as far as it knows. */
  readonly now: number
  /** The first event of the register: of older messages only a part may be left, as rows are purged by their time. */
  readonly horizon: number
  /** Milliseconds after its acceptance by which a message of ours has an outcome for every certified recipient. */
  readonly overdue: number
  /** Milliseconds for which an infected message is kept at the least. */
  readonly quarantine: number
}

type Fault = Omit<Violation, 'identifier'>

/** Empty if all holds. */
export function violationsOf(dossier: Dossier, bounds: Bounds): readonly Violation[] {
  const { identifier, message } = dossier
  if (isPartlyPurged(dossier, bounds)) return []
  const faults = [
    ...(message === undefined ? faultsWithoutMessage(dossier) : faultsOfMessage(dossier, message, bounds)),
    ...evidenceFaults(dossier),
    ...quarantineFaults(dossier, bounds),
  ]
  return faults.map((fault) => ({ identifier, ...fault }))
}

function isPartlyPurged({ message, events, quarantined }: Dossier, { horizon }: Bounds): boolean {
  if (message !== undefined) return message.accepted_at < horizon
  return events.length === 0 && quarantined.every(({ since }) => since < horizon)
}

const KEEP = 'Keep a copy of the ledger (pec backup) before anything else'
const LOOK = `${KEEP}; compare its register with the mailboxes and the log to see what the user has got`
const TWICE = `${KEEP}; tell the sender which of the two counts: the one that the claim was committed with, the first`
const FOREIGN = `${KEEP}; rows were changed from outside: find out by whom, and restore from a backup if it was no accident`

const FINAL = new Set(['delivery', 'non-delivery', 'virus-detection'])

/** A message that was not accepted has its notice and nothing else. */
function faultsWithoutMessage({ events, claims, recipients }: Dossier): Fault[] {
  const faults: Fault[] = []
  const notices = events.filter(({ type }) => type === 'non-acceptance').length
  const hasClaim = claims.some(({ what }) => what === 'acceptance')
  if (notices > 1) faults.push(fault('refused-twice', `it has ${notices} notices of non-acceptance`, TWICE))
  if (notices > 0 && !hasClaim)
    faults.push(fault('claim-missing', 'its notice of non-acceptance was issued without a claim', FOREIGN))
  if (notices === 0 && hasClaim)
    faults.push(fault('notice-missing', 'it is neither accepted nor refused, but its claim is taken', LOOK))
  const strays = new Set(events.filter(({ type }) => CERTIFIED.has(type) && type !== 'non-acceptance').map(({ type }) => type))
  for (const type of strays)
    faults.push(fault('message-missing', `the register has its ${type}, but no message is known by it`, FOREIGN))
  if (recipients.length > 0)
    faults.push(fault('message-missing', `it has ${recipients.length} recipients, but is not known itself`, FOREIGN))
  const left = new Set(claims.filter(({ what }) => what !== 'acceptance').map(({ what }) => what))
  for (const what of left)
    faults.push(fault('message-missing', `the claim ${what} is taken, but no message is known by it`, FOREIGN))
  return faults
}

function faultsOfMessage(dossier: Dossier, message: Tables['message'], bounds: Bounds): Fault[] {
  const { events, recipients } = dossier
  const named = new Set(recipients.map(({ recipient }) => recipient))
  const strangers = events
    .filter(({ type }) => CERTIFIED.has(type))
    .flatMap(({ type, recipients: list }) =>
      keysOf(list)
        .filter((key) => !named.has(key))
        .map((key) => ({ type, key })),
    )
  const mentions = mentionsIn(events)
  return [
    ...(recipients.length === 0 ? [fault('recipients-missing', 'it has no recipients', FOREIGN)] : []),
    ...(message.own === 1 ? faultsOfAcceptance(dossier, named) : faultsOfReception(dossier)),
    ...senderFaults(events, message),
    ...strangers.map(({ type, key }) =>
      fault('recipient-unknown', `its ${type} names somebody it was not sent to`, FOREIGN, key),
    ),
    ...recipients.flatMap((recipient) => faultsOfRecipient(recipient, message, dossier, mentions, bounds)),
  ]
}

/** Of a message that we accepted: one acceptance and one envelope, for all its recipients. */
function faultsOfAcceptance({ events, claims }: Dossier, named: ReadonlySet<string>): Fault[] {
  const faults: Fault[] = []
  for (const type of ['acceptance', 'transport']) {
    const found = events.filter((event) => event.type === type)
    if (found.length === 0) faults.push(fault(`${type}-missing`, `it was accepted, but no ${type} was issued`, LOOK))
    if (found.length > 1) faults.push(fault(`${type}-twice`, `${found.length} of type ${type} were issued`, TWICE))
    for (const { recipients } of found) {
      const listed = new Set(keysOf(recipients))
      if (listed.size !== named.size || [...named].some((key) => !listed.has(key)))
        faults.push(fault('recipients-differ', `its ${type} does not name the recipients that the message has`, FOREIGN))
    }
  }
  if (events.some(({ type }) => type === 'non-acceptance'))
    faults.push(fault('accepted-and-refused', 'it was accepted and refused', TWICE))
  if (!claims.some(({ what, recipient }) => what === 'acceptance' && recipient === ''))
    faults.push(fault('claim-missing', 'it was accepted without a claim', FOREIGN))
  return faults
}

/** Of a message of another provider: it came in, and is not ours to accept. */
function faultsOfReception({ events, claims }: Dossier): Fault[] {
  const faults: Fault[] = []
  const ours = new Set(
    events.filter(({ type }) => ['acceptance', 'non-acceptance', 'transport'].includes(type)).map(({ type }) => type),
  )
  for (const type of ours) faults.push(fault('not-ours', `it is another provider's, but we issued its ${type}`, FOREIGN))
  if (!events.some(({ type }) => type === 'reception'))
    faults.push(fault('reception-missing', 'it was taken in charge, but never came in', FOREIGN))
  if (!claims.some(({ what, recipient }) => what === 'take-charge' && recipient === ''))
    faults.push(fault('claim-missing', 'it was taken in charge without a claim to its identifier', FOREIGN))
  return faults
}

/** The sender is the same in all rows, case apart. */
function senderFaults(events: readonly DossierEvent[], { sender }: Tables['message']): Fault[] {
  const key = addressKey(sender)
  const types = new Set(events.filter((event) => CERTIFIED.has(event.type) && event.sender !== key).map(({ type }) => type))
  return [...types].map((type) => fault('sender-differs', `its ${type} has another sender`, FOREIGN))
}

/** What was issued about each recipient. */
type Mentions = ReadonlyMap<string, readonly DossierEvent[]>

function mentionsIn(events: readonly DossierEvent[]): Mentions {
  const mentions = new Map<string, DossierEvent[]>()
  for (const event of events)
    for (const key of keysOf(event.recipients)) {
      const list = mentions.get(key)
      if (list === undefined) mentions.set(key, [event])
      else list.push(event)
    }
  return mentions
}

function faultsOfRecipient(
  row: Tables['recipient'],
  message: Tables['message'],
  { claims, events }: Dossier,
  mentions: Mentions,
  bounds: Bounds,
): Fault[] {
  const about = mentions.get(row.recipient) ?? []
  const claimed = new Set(claims.filter(({ recipient }) => recipient === row.recipient).map(({ what }) => what))
  const known = { row, message, about, claimed, answered: events.some(({ type }) => type === 'receipt-reception') }
  const faults =
    row.type === 'certified'
      ? [...takeChargeFaults(known), ...outcomeFaults(known), ...timeFaults(known), ...waitingFaults(known, bounds)]
      : ordinaryFaults(known)
  return faults.map((one) => ({ ...one, recipient: row.recipient }))
}

interface Recipient {
  readonly row: Tables['recipient']
  readonly message: Tables['message']
  /** Events that name it. */
  readonly about: readonly DossierEvent[]
  /** Claims on it. */
  readonly claimed: ReadonlySet<string>
  /** Whether another provider's receipt has come in for the message. */
  readonly answered: boolean
}

function countOf(about: readonly DossierEvent[], type: string): number {
  return about.filter((event) => event.type === type).length
}

/** Each recipient of ours is taken in charge once. */
function takeChargeFaults({ row, about, claimed }: Recipient): Fault[] {
  const receipts = countOf(about, 'take-charge')
  const isClaimed = claimed.has('take-charge')
  const faults: Fault[] = []
  if (receipts > 1) faults.push(fault('take-charge-twice', `${receipts} take-charge receipts name it`, TWICE))
  if (receipts > 0 && !isClaimed) faults.push(fault('claim-missing', 'it was taken in charge without a claim', FOREIGN))
  if (receipts === 0 && isClaimed)
    faults.push(fault('take-charge-missing', 'it was taken in charge, but no receipt names it', LOOK))
  if (isClaimed && row.taken_at === null)
    faults.push(fault('state-differs', 'it was taken in charge, but its row does not say so', FOREIGN))
  return faults
}

/** A delivery receipt or a notice, and never both; the state says the same. */
function outcomeFaults({ row, message, about, claimed, answered }: Recipient): Fault[] {
  const papers = about.filter(({ type }) => FINAL.has(type))
  const isClaimed = claimed.has('outcome')
  const faults: Fault[] = []
  if (papers.length > 1)
    faults.push(fault('outcome-twice', `it has ${papers.length} outcomes: ${papers.map(({ type }) => type).join(', ')}`, TWICE))
  if (papers.length > 0 && !isClaimed) faults.push(fault('claim-missing', 'its outcome was issued without a claim', FOREIGN))
  if (papers.length === 0 && isClaimed && !answered)
    faults.push(fault('outcome-missing', 'its outcome is claimed, but no receipt or notice tells of it', LOOK))
  if (isClaimed && row.outcome === null)
    faults.push(fault('state-differs', 'its outcome is claimed, but its row has none', FOREIGN))
  const isTold = row.outcome !== null && row.outcome !== 'expired'
  if (isTold && !isClaimed) faults.push(fault('claim-missing', `its outcome is ${row.outcome}, without a claim`, FOREIGN))
  if (row.outcome === 'delivered' && papers.some(({ type }) => type !== 'delivery'))
    faults.push(fault('state-differs', 'its row says delivered, the register says otherwise', FOREIGN))
  return [...faults, ...virusFaults(row, message, papers)]
}

/** Each detection of a virus has its notice of non-delivery at the sender's provider, and each such notice its detection. */
function virusFaults(row: Tables['recipient'], message: Tables['message'], papers: readonly DossierEvent[]): Fault[] {
  const isInfected = row.outcome === 'virus'
  if (message.own === 0) {
    const isDetected = papers.some(({ type }) => type === 'virus-detection')
    if (isInfected && !isDetected)
      return [fault('virus-notice-missing', 'a virus was found, but the notice of it is missing', LOOK)]
    if (!isInfected && isDetected) return [fault('state-differs', 'a virus was found, but its row does not say so', FOREIGN)]
    return []
  }
  const isTold = papers.some(({ type, outcome }) => type === 'non-delivery' && outcome.startsWith('virus:'))
  if (isInfected && !isTold)
    return [fault('virus-notice-missing', 'its provider found a virus, but the sender got no notice of it', LOOK)]
  return []
}

/** The notices of 12 and 24 hours. */
function timeFaults({ row, about, claimed }: Recipient): Fault[] {
  const faults: Fault[] = []
  for (const hours of [12, 24]) {
    const notices = about.filter(({ type, outcome }) => type === 'time-limit' && outcome === `${hours} hours`).length
    const isClaimed = claimed.has(`time-limit-${hours}`)
    if (notices > 1) faults.push(fault('time-limit-twice', `${notices} notices of ${hours} hours were given`, TWICE))
    if (notices > 0 && !isClaimed) faults.push(fault('claim-missing', `its notice of ${hours} hours has no claim`, FOREIGN))
    if (notices === 0 && isClaimed)
      faults.push(fault('notice-missing', `its notice of ${hours} hours is claimed, but was not given`, LOOK))
  }
  if (row.outcome === 'expired' && !claimed.has('time-limit-24'))
    faults.push(fault('notice-missing', 'its time is over, but no notice of 24 hours was given', LOOK))
  if (row.outcome === null && claimed.has('time-limit-24'))
    faults.push(fault('state-differs', 'it has its notice of 24 hours, but still waits', FOREIGN))
  return faults
}

/** It is waited for as long as it has no outcome, and not for ever. */
function waitingFaults({ row, message }: Recipient, { now, overdue }: Bounds): Fault[] {
  const waits = message.own === 1 && row.outcome === null
  if ((waits ? message.accepted_at : null) !== row.open_since)
    return [
      fault('state-differs', waits ? 'it has no outcome, and nobody waits for one' : 'it is waited for, without need', FOREIGN),
    ]
  if (!waits || now - message.accepted_at <= overdue) return []
  const hours = Math.floor((now - message.accepted_at) / 3_600_000)
  return [
    fault(
      'outcome-overdue',
      `it has no outcome ${hours} hours after the acceptance`,
      'See that a node is running: it gives the notice of 24 hours; if one is, look for errors of the time limits in its log',
    ),
  ]
}

/** Nothing is certified to those who have no certified mail, but that a message could not go there. */
function ordinaryFaults({ row, about }: Recipient): Fault[] {
  const papers = new Set(
    about
      .filter(({ type }) => ['take-charge', 'delivery', 'virus-detection', 'time-limit'].includes(type))
      .map(({ type }) => type),
  )
  const faults = [...papers].map((type) => fault('ordinary-certified', `it is no certified mailbox, but has a ${type}`, FOREIGN))
  const notices = countOf(about, 'non-delivery')
  if (notices > 1) faults.push(fault('outcome-twice', `it has ${notices} notices of non-delivery`, TWICE))
  if (row.outcome !== null || row.open_since !== null || row.taken_at !== null)
    faults.push(fault('ordinary-certified', 'it is no certified mailbox, but is waited for or has an outcome', FOREIGN))
  return faults
}

/** L1: whatever we issued stands in the register with its certification data and signature. */
function evidenceFaults({ events }: Dossier): Fault[] {
  const bare = events.filter(({ type, has_daticert, has_signature }) => CERTIFIED.has(type) && (!has_daticert || !has_signature))
  const types = new Set(bare.map(({ type }) => type))
  return [...types].map((type) =>
    fault('evidence-missing', `its ${type} is in the register without daticert.xml or signature`, FOREIGN),
  )
}

/** Whoever finds a virus keeps the message. RFC 6109 §2.2.4 */
function quarantineFaults({ events, quarantined, message }: Dossier, { now, quarantine }: Bounds): Fault[] {
  const found = events.filter(
    ({ type, outcome }) => type === 'virus-detection' || (type === 'non-acceptance' && outcome.startsWith('virus:')),
  )
  const isKept = found.length === 0 || quarantined.length > 0 || found.every(({ at }) => now - at > quarantine)
  const faults = isKept ? [] : [fault('quarantine-missing', 'a virus was found in it, but it is not in quarantine', LOOK)]
  const isKnown = message !== undefined || events.length > 0
  return quarantined.length > 0 && !isKnown
    ? [...faults, fault('quarantine-unknown', 'it is in quarantine, but the register does not know it', FOREIGN)]
    : faults
}

function keysOf(recipients: string): string[] {
  return [...new Set((JSON.parse(recipients) as string[]).map(addressKey))]
}

function fault(invariant: string, what: string, remedy: string, recipient?: string): Fault {
  return { invariant, what, remedy, ...(recipient === undefined ? {} : { recipient }) }
}
