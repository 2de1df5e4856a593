/**
 * Retrieval of the register (L5): events by any of their marks and by time, a page at a time. Each mark has an index that goes on in
 * the order of time. The one with the fewest rows in the period is read, the other marks are looked at in its rows.
 */
import type { EventType, RegisterEvent } from '../points/ports.js'
import { eventOf } from './event-row.js'
import { addressKey, keyOf } from './keys.js'
import type { EventRow, SearchQueries } from './search-queries.js'
import type { Executor } from './statements.js'

/** All that is given must hold; with nothing given, the whole register is found. */
export interface RegisterQuery {
  readonly identifier?: string
  /** Of the message as its user sent it, as he wrote it, with angle brackets. Refused messages are not known by it. */
  readonly clientMessageId?: string
  readonly sender?: string
  readonly recipient?: string
  /** The sending provider's name, as it is in the register. */
  readonly provider?: string
  readonly type?: EventType
  /** Included. */
  readonly from?: Date
  /** Excluded. */
  readonly to?: Date
}

/** A row of the register without its evidence, which `evidenceOf` gives. */
export interface FoundEvent extends Omit<RegisterEvent, 'daticert' | 'signature'> {
  readonly id: number
  readonly at: Date
}

/** Where a page ended. */
export interface Position {
  readonly identifier: string
  readonly at: number
  readonly type: string
  readonly id: number
}

export interface RegisterPage {
  /** In the order of time; by a client's Message-ID, message after message. */
  readonly events: readonly FoundEvent[]
  /**
   * Where the next page begins, undefined after the last one. A page may hold fewer events than asked for, even none, and have a next:
   * many rows were looked at, and few had all the marks.
   */
  readonly next: Position | undefined
}

// Rows looked at for one page, and in one statement where other marks have to be looked at.
const MOST_ROWS = 5000
const BATCH = 500
// How far the rows of a mark are counted to find the one with the fewest.
const PROBE = 5000

type Mark = keyof SearchQueries['by']

/** A way to the rows: those that follow a position, at most `size`. Fewer than that are the last. */
interface Way {
  read(after: Position, size: number): Promise<readonly EventRow[]>
  /** How many there are, counted up to `PROBE`. */
  count(): Promise<number>
}

/** One page, of at most `limit` events. */
export async function searchRegister(
  db: Executor,
  queries: SearchQueries,
  query: RegisterQuery,
  limit: number,
  after?: Position,
): Promise<RegisterPage> {
  const way = await narrowest(waysOf(db, queries, query))
  const events: FoundEvent[] = []
  let position = after ?? beginningOf(query)
  for (let looked = 0; looked < MOST_ROWS;) {
    // As many as it takes if they go on to fit as often as they did.
    const share = looked === 0 ? 1 : Math.max(events.length, 1) / looked
    const size = Math.max(limit, Math.min(BATCH, Math.ceil((limit - events.length) / share)))
    const rows = await way.read(position, size)
    for (const row of rows) {
      position = { identifier: row.identifier, at: row.at, type: row.type, id: row.id }
      const event = foundOf(row)
      if (isMeant(event, query)) events.push(event)
      if (events.length === limit) return { events, next: position }
    }
    if (rows.length < size) return { events, next: undefined }
    looked += size
  }
  return { events, next: position }
}

function beginningOf({ from }: RegisterQuery): Position {
  return { identifier: '', at: from?.getTime() ?? 0, type: '', id: -1 }
}

function waysOf(db: Executor, queries: SearchQueries, query: RegisterQuery): readonly Way[] {
  const from = query.from?.getTime() ?? 0
  const to = query.to?.getTime() ?? Number.MAX_SAFE_INTEGER
  const by = (mark: Mark, value: string): Way => ({
    read: async ({ at, id }, size) => (await queries.by[mark](db, value, Math.max(from, at), to, at, id, size)).rows,
    count: async () => countIn(await queries.count[mark](db, value, from, to, PROBE)),
  })
  const { identifier, clientMessageId, sender, recipient, provider, type } = query
  // Message after message, which is another order than that of all others: it cannot be one among several.
  if (clientMessageId !== undefined) return [byClient(db, queries, clientMessageId, by)]
  const ways: Way[] = []
  if (identifier !== undefined) ways.push(by('identifier', keyOf(identifier)))
  if (recipient !== undefined) {
    const key = addressKey(recipient)
    ways.push({
      read: async ({ at, id }, size) => (await queries.byRecipient(db, key, Math.max(from, at), to, at, id, size)).rows,
      count: async () => countIn(await queries.countRecipient(db, key, from, to, PROBE)),
    })
  }
  if (sender !== undefined) ways.push(by('sender', addressKey(sender)))
  // Very many rows have the one, and very many the other: those with both have an index of their own.
  if (provider !== undefined && type !== undefined)
    ways.push({
      read: async ({ at, id }, size) =>
        (await queries.byProviderAndType(db, provider, type, Math.max(from, at), to, at, id, size)).rows,
      count: async () => countIn(await queries.countProviderAndType(db, provider, type, from, to, PROBE)),
    })
  else if (provider !== undefined) ways.push(by('provider', provider))
  else if (type !== undefined) ways.push(by('type', type))
  if (ways.length > 0) return ways
  return [
    {
      read: async ({ at, type: kind, id }, size) => (await queries.byTime(db, Math.max(from, at), to, at, kind, id, size)).rows,
      count: () => Promise.resolve(PROBE),
    },
  ]
}

/** Anybody may give any number of his messages one Message-ID, so they come in pieces, too. */
function byClient(
  db: Executor,
  queries: SearchQueries,
  clientMessageId: string,
  by: (mark: 'identifier', value: string) => Way,
): Way {
  return {
    read: async (after, size) => {
      const eventsOf = (identifier: string, position: Position, most: number) => by('identifier', identifier).read(position, most)
      const rows = after.identifier === '' ? [] : [...(await eventsOf(after.identifier, after, size))]
      for (let last = after.identifier; rows.length < size;) {
        const messages = (await queries.identifiers(db, clientMessageId, last, size)).rows
        for (const { identifier } of messages) {
          if (rows.length === size) break
          rows.push(...(await eventsOf(identifier, { ...after, at: 0, id: -1 }, size - rows.length)))
          last = identifier
        }
        if (messages.length < size) break
      }
      return rows
    },
    count: () => Promise.resolve(0),
  }
}

async function narrowest(ways: readonly Way[]): Promise<Way> {
  let [best] = ways as [Way]
  if (ways.length === 1) return best
  let fewest = Infinity
  for (const way of ways) {
    const count = await way.count()
    if (count < fewest) [best, fewest] = [way, count]
  }
  return best
}

function countIn({ rows }: { readonly rows: readonly { readonly count: string | number | bigint }[] }): number {
  return Number(rows[0]?.count ?? 0)
}

type Marks = Pick<RegisterEvent, 'identifier' | 'sender' | 'recipients' | 'provider' | 'type'>

/** Whether an event has every mark that is asked for. The client's Message-ID is none of events, and leads to those of its messages only. */
export function isMeant(event: Marks, { identifier, sender, recipient, provider, type }: RegisterQuery): boolean {
  return (
    (identifier === undefined || event.identifier === keyOf(identifier)) &&
    (sender === undefined || addressKey(event.sender) === addressKey(sender)) &&
    (provider === undefined || event.provider === provider) &&
    (type === undefined || event.type === type) &&
    (recipient === undefined || event.recipients.map(addressKey).includes(addressKey(recipient)))
  )
}

function foundOf(row: EventRow): FoundEvent {
  return { id: row.id, identifier: row.identifier, ...eventOf(row) }
}
