/** All that a ledger holds about each identifier, one after the other, in bounded memory. */
import { sql } from 'kysely'
import type { Tables } from './schema.js'
import type { LedgerView } from './snapshot.js'

export interface DossierEvent {
  readonly id: number
  readonly at: number
  readonly type: string
  readonly identifier: string
  /** A key. */
  readonly sender: string
  /** Addresses as they were written, a JSON array. */
  readonly recipients: string
  readonly outcome: string
  /** 1 where the row has it. */
  readonly has_daticert: number
  readonly has_signature: number
}

export interface Dossier {
  readonly identifier: string
  readonly message: Tables['message'] | undefined
  readonly recipients: readonly Tables['recipient'][]
  /** All but those of received receipts, which are not about a message. */
  readonly claims: readonly Tables['claim'][]
  /** What we issued, and of all that came in or was refused the first of each type. */
  readonly events: readonly DossierEvent[]
  readonly quarantined: readonly Tables['quarantine'][]
}

const PAGE = 1000

/** In the order of identifiers; what has none is in no dossier. */
export async function* dossiersOf(view: LedgerView): AsyncGenerator<Dossier> {
  const messages = new Cursor(messagesOf(view))
  const recipients = new Cursor(recipientsOf(view))
  const claims = new Cursor(claimsOf(view))
  const events = new Cursor(eventsOf(view))
  const quarantined = new Cursor(quarantinedOf(view))
  const all = [messages, recipients, claims, events, quarantined]
  for (;;) {
    for (const cursor of all) await cursor.fill()
    const identifier = leastOf(all.flatMap(({ next }) => (next === undefined ? [] : [next.identifier])))
    if (identifier === undefined) return
    const [message] = await messages.take(identifier)
    yield {
      identifier,
      message,
      recipients: await recipients.take(identifier),
      claims: await claims.take(identifier),
      events: await events.take(identifier, firstOfEachType()),
      quarantined: await quarantined.take(identifier),
    }
  }
}

/** As both databases order keys: by their bytes. */
function leastOf(identifiers: readonly string[]): string | undefined {
  return identifiers.reduce<string | undefined>((least, one) => (least === undefined || one < least ? one : least), undefined)
}

/** Types of the events that are receipts, notices and envelopes of our own. */
export const CERTIFIED: ReadonlySet<string> = new Set([
  'acceptance',
  'non-acceptance',
  'transport',
  'take-charge',
  'delivery',
  'non-delivery',
  'time-limit',
  'virus-detection',
])

/** Each of what we have certified; of the rest the first of each type: strangers may send any number of messages under one identifier. */
function firstOfEachType(): (event: DossierEvent) => boolean {
  const seen = new Set<string>()
  return ({ type }) => {
    if (CERTIFIED.has(type)) return true
    const isFirst = !seen.has(type)
    seen.add(type)
    return isFirst
  }
}

/** A list that is read in pages, looked at from its front. */
class Cursor<Row extends { readonly identifier: string }> {
  private readonly rows: AsyncGenerator<Row>
  private front: Row | undefined
  private isOver = false

  constructor(rows: AsyncGenerator<Row>) {
    this.rows = rows
  }

  get next(): Row | undefined {
    return this.front
  }

  async fill(): Promise<void> {
    if (this.front !== undefined || this.isOver) return
    const result = await this.rows.next()
    if (result.done === true) this.isOver = true
    else this.front = result.value
  }

  /** Those of an identifier that are wanted. */
  async take(identifier: string, isWanted: (row: Row) => boolean = () => true): Promise<readonly Row[]> {
    const taken: Row[] = []
    for (;;) {
      await this.fill()
      if (this.front?.identifier !== identifier) return taken
      if (isWanted(this.front)) taken.push(this.front)
      this.front = undefined
    }
  }
}

/** Page after page, each beginning after the last row of the one before. */
async function* paged<Row>(read: (after: Row | undefined) => Promise<readonly Row[]>): AsyncGenerator<Row> {
  for (let after: Row | undefined; ;) {
    const rows = await read(after)
    yield* rows
    after = rows.at(-1)
    if (after === undefined || rows.length < PAGE) return
  }
}

// In place of a number in a first page: rows without an identifier are about no message, and all come before it.
const LAST = Number.MAX_SAFE_INTEGER

function messagesOf(view: LedgerView): AsyncGenerator<Tables['message']> {
  return paged((after) =>
    view
      .selectFrom('message')
      .selectAll()
      .where('identifier', '>', after?.identifier ?? '')
      .orderBy('identifier')
      .limit(PAGE)
      .execute(),
  )
}

function recipientsOf(view: LedgerView): AsyncGenerator<Tables['recipient']> {
  return paged((after) =>
    view
      .selectFrom('recipient')
      .selectAll()
      // Says no more than the next line, but tells the database where in the index to begin; so below.
      .where('identifier', '>=', after?.identifier ?? '')
      .where((eb) => eb(eb.refTuple('identifier', 'recipient'), '>', eb.tuple(after?.identifier ?? '', after?.recipient ?? '')))
      .orderBy('identifier')
      .orderBy('recipient')
      .limit(PAGE)
      .execute(),
  )
}

function claimsOf(view: LedgerView): AsyncGenerator<Tables['claim']> {
  return paged((after) =>
    view
      .selectFrom('claim')
      .selectAll()
      .where('identifier', '>=', after?.identifier ?? '')
      .where((eb) =>
        eb(
          eb.refTuple('identifier', 'what', 'recipient'),
          '>',
          eb.tuple(after?.identifier ?? '', after?.what ?? '', after?.recipient ?? ''),
        ),
      )
      .where('what', '<>', 'received')
      .orderBy('identifier')
      .orderBy('what')
      .orderBy('recipient')
      .limit(PAGE)
      .execute(),
  )
}

function eventsOf(view: LedgerView): AsyncGenerator<DossierEvent> {
  return paged((after) =>
    view
      .selectFrom('event')
      .leftJoin('evidence', 'evidence.event_id', 'event.id')
      .select(['id', 'at', 'type', 'identifier', 'sender', 'recipients', 'outcome'])
      .select([
        sql<number>`evidence.daticert is not null`.as('has_daticert'),
        sql<number>`evidence.signature is not null`.as('has_signature'),
      ])
      .where('identifier', '>=', after?.identifier ?? '')
      .where((eb) =>
        eb(eb.refTuple('identifier', 'at', 'id'), '>', eb.tuple(after?.identifier ?? '', after?.at ?? LAST, after?.id ?? LAST)),
      )
      .orderBy('identifier')
      .orderBy('at')
      .orderBy('id')
      .limit(PAGE)
      .execute(),
  )
}

function quarantinedOf(view: LedgerView): AsyncGenerator<Tables['quarantine']> {
  return paged((after) =>
    view
      .selectFrom('quarantine')
      .selectAll()
      .where('identifier', '>=', after?.identifier ?? '')
      .where((eb) =>
        eb(
          eb.refTuple('identifier', 'since', 'id'),
          '>',
          eb.tuple(after?.identifier ?? '', after?.since ?? LAST, after?.id ?? ''),
        ),
      )
      .orderBy('identifier')
      .orderBy('since')
      .orderBy('id')
      .limit(PAGE)
      .execute(),
  )
}
