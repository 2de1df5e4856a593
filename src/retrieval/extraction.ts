/** What an extract of the register is about: who asked for what, and what was found (L5). */
import { dayOf } from '../archive/day.js'
import { PecError } from '../errors.js'
import type { RegisterQuery } from '../ledger/search.js'
import type { EventType, StoredMessage } from '../points/ports.js'
import { checkProof, type CheckedProof, type CheckMeans } from './signature-check.js'
import { lostEvents, type Archived } from './lost-events.js'
import { findSeals, type SealedEvent, type Seals } from './sealed-events.js'
import type { EventSource, Proof, RetrievedEvent } from './source.js'
import type { MessageRegister } from './timeline.js'

export interface Request {
  /** As the operator names him. */
  readonly requestedBy: string
  readonly query: RegisterQuery
  readonly at: Date
}

/** An event with the names that the files of its proof have in the extract. */
export interface ExtractedEvent {
  readonly event: RetrievedEvent
  readonly proof: Proof
  readonly checked: CheckedProof
  /** Undefined where no sealed archive can tell. */
  readonly sealed: SealedEvent | undefined
  readonly files: { readonly daticert: string | undefined; readonly signature: string | undefined }
}

export interface ExtractedMessage {
  /** '' for what was refused before there was one. */
  readonly identifier: string
  readonly message: StoredMessage | undefined
  readonly events: readonly ExtractedEvent[]
}

export interface Extraction {
  readonly request: Request
  /** Name of our provider. */
  readonly provider: string
  /** Where the events were found. */
  readonly source: string
  readonly events: readonly ExtractedEvent[]
  /** The same events, message by message. */
  readonly messages: readonly ExtractedMessage[]
  /** What seals the archives of their days, by day. */
  readonly seals: Seals['days']
}

/** Where it is all found. */
export interface ExtractionPlace {
  readonly source: EventSource
  readonly register: MessageRegister
  readonly means: CheckMeans
  /** The folder of the archives. */
  readonly archives: string
  /** Where all of a message is looked for that the source may have lost; undefined where there are no archives, or they are the source. */
  readonly archived: Archived | undefined
}

/** Events of one extract; their proofs are some 10 KB each, and held in memory. */
export const MOST_EVENTS = 5000

/** Who else has asked for a message, and why, is not for whoever asks now: an inquiry may be secret. */
const CONFIDENTIAL: ReadonlySet<EventType> = new Set(['retrieval', 'hold'])

/**
 * Finds the events and checks their proofs; those of acts on the register only if it is these that are asked for. Rejects with PecError
 * 'configuration' if there are none, or too many.
 */
export async function extract(
  request: Request,
  provider: string,
  { source, register, means, archives, archived }: ExtractionPlace,
): Promise<Extraction> {
  const { query } = request
  const present = await presentable(source, query)
  const lost =
    archived === undefined || !isWholeMessage(query) ? [] : await lostEvents(query.identifier, present, archived, request.at)
  const found: Omit<ExtractedEvent, 'sealed'>[] = []
  for (const event of [...present, ...lost.filter(({ type }) => !CONFIDENTIAL.has(type))].toSorted(byTime)) {
    const proof = await event.evidence()
    const checked = await checkProof({ identifier: event.identifier, ...proof }, means)
    found.push({ event, proof, checked, files: filesOf(event, proof, found.length + 1) })
  }
  const seals = await findSeals(
    found.map(({ event, proof }) => ({ ...event, ...proof })),
    archives,
  )
  const sealedAs = (event: RetrievedEvent): SealedEvent | undefined => {
    const sealed = seals.events.get(event.id)
    if (!lost.includes(event) || (sealed !== undefined && sealed.as !== 'same')) return sealed
    return { day: sealed?.day ?? dayOf(event.at), as: 'only' }
  }
  const events = found.map((each) => ({ ...each, sealed: sealedAs(each.event) }))
  return { request, provider, source: source.name, events, messages: await messagesOf(events, register), seals: seals.days }
}

async function presentable(source: EventSource, query: RegisterQuery): Promise<readonly RetrievedEvent[]> {
  const events: RetrievedEvent[] = []
  for await (const event of source.search(query)) {
    if (query.type === undefined && CONFIDENTIAL.has(event.type)) continue
    if (events.length === MOST_EVENTS)
      throw new PecError('configuration', `more than ${MOST_EVENTS} events fit: narrow the search, to a day or a message`)
    events.push(event)
  }
  if (events.length === 0) throw new PecError('configuration', 'nothing in the register fits: there is nothing to extract')
  return events
}

/** Whether nothing but a message is asked for, and so all of it. */
function isWholeMessage(query: RegisterQuery): query is RegisterQuery & { readonly identifier: string } {
  return query.identifier !== undefined && Object.keys(query).length === 1
}

function byTime(one: RetrievedEvent, other: RetrievedEvent): number {
  return one.at.getTime() - other.at.getTime()
}

/** Whether anything about an event is wrong: what it was certified by, or that it is not what was sealed. */
export function isWrong({ checked, sealed }: ExtractedEvent): boolean {
  return checked.findings.length > 0 || (sealed !== undefined && sealed.as !== 'same')
}

async function messagesOf(events: readonly ExtractedEvent[], register: MessageRegister): Promise<readonly ExtractedMessage[]> {
  const groups = new Map<string, ExtractedEvent[]>()
  for (const extracted of events) {
    const group = groups.get(extracted.event.identifier)
    if (group === undefined) groups.set(extracted.event.identifier, [extracted])
    else group.push(extracted)
  }
  const messages: ExtractedMessage[] = []
  for (const [identifier, group] of groups)
    messages.push({ identifier, message: identifier === '' ? undefined : await register.message(identifier), events: group })
  return messages
}

/** Nothing that came from outside is in the names. */
function filesOf({ type }: RetrievedEvent, { daticert, signature }: Proof, number: number): ExtractedEvent['files'] {
  const name = `prove/${String(number).padStart(4, '0')}-${type}`
  return {
    daticert: daticert === undefined ? undefined : `${name}-daticert.xml`,
    signature: signature === undefined ? undefined : `${name}-smime.p7s`,
  }
}
