/** What an extract of the register is about: who asked for what, and what was found (L5). */
import { PecError } from '../errors.js'
import type { RegisterQuery } from '../ledger/search.js'
import type { EventType, StoredMessage } from '../points/ports.js'
import { checkProof, type CheckedProof, type CheckMeans } from './signature-check.js'
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
  { source, register, means, archives }: ExtractionPlace,
): Promise<Extraction> {
  const found: Omit<ExtractedEvent, 'sealed'>[] = []
  for await (const event of source.search(request.query)) {
    if (request.query.type === undefined && CONFIDENTIAL.has(event.type)) continue
    if (found.length === MOST_EVENTS)
      throw new PecError('configuration', `more than ${MOST_EVENTS} events fit: narrow the search, to a day or a message`)
    const proof = await event.evidence()
    const checked = await checkProof({ identifier: event.identifier, ...proof }, means)
    found.push({ event, proof, checked, files: filesOf(event, proof, found.length + 1) })
  }
  if (found.length === 0) throw new PecError('configuration', 'nothing in the register fits: there is nothing to extract')
  const seals = await findSeals(
    found.map(({ event, proof }) => ({ ...event, ...proof })),
    archives,
  )
  const events = found.map((each) => ({ ...each, sealed: seals.events.get(each.event.id) }))
  return { request, provider, source: source.name, events, messages: await messagesOf(events, register), seals: seals.days }
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
