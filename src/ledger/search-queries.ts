/** The statements of retrieval (L5), prepared once: pages of events by each of their marks, and how many there are. */
import { sql, type Kysely, type SelectQueryBuilder } from 'kysely'
import type { SqlDialect } from './dialect.js'
import type { Tables } from './schema.js'
import { prepare } from './statements.js'

export type SearchQueries = ReturnType<typeof prepareSearchQueries>

type Mark = 'identifier' | 'sender' | 'provider' | 'type'

export function prepareSearchQueries(db: Kysely<Tables>, dialect: Pick<SqlDialect, 'by'>) {
  const columns = [
    'event.id',
    'event.at',
    'event.type',
    'event.identifier',
    'event.message_id',
    'event.sender',
    'event.sender_address',
    'event.recipients',
    'event.subject',
    'event.provider',
    'event.outcome',
  ] as const

  /** The register by one of its indexes: another may have fewer rows, but not in the order of time. */
  const events = (index: string) => db.selectFrom(sql<Tables['event']>`event`.as<'event'>(sql`event ${dialect.by(index)}`))
  /** All marks, in their order, then (from, to, at, id, limit) */
  const by = (...marks: readonly Mark[]) =>
    prepare(
      withMarks(events(indexOf(marks)), marks)
        .select(columns)
        .where('at', '>=', 0)
        .where('at', '<', 0)
        .where((eb) => eb(eb.refTuple('at', 'id'), '>', eb.tuple(0, 0)))
        .orderBy('at')
        .orderBy('id')
        .limit(0),
    )
  /** All marks, in their order, then (from, to, limit) */
  const count = (...marks: readonly Mark[]) =>
    prepare(
      db
        .selectFrom(
          withMarks(events(indexOf(marks)), marks)
            .select('event.id')
            .where('at', '>=', 0)
            .where('at', '<', 0)
            .limit(0)
            .as('some'),
        )
        .select((eb) => eb.fn.countAll().as('count')),
    )

  return {
    by: { identifier: by('identifier'), sender: by('sender'), provider: by('provider'), type: by('type') },

    byProviderAndType: by('provider', 'type'),

    count: { identifier: count('identifier'), sender: count('sender'), provider: count('provider'), type: count('type') },

    countProviderAndType: count('provider', 'type'),

    /** (recipient, from, to, at, id, limit) */
    byRecipient: prepare(
      db
        .selectFrom('event_recipient')
        .innerJoin('event', 'event.id', 'event_recipient.event_id')
        .select(columns)
        .where('event_recipient.recipient', '=', '')
        .where('event_recipient.at', '>=', 0)
        .where('event_recipient.at', '<', 0)
        .where((eb) => eb(eb.refTuple('event_recipient.at', 'event_recipient.event_id'), '>', eb.tuple(0, 0)))
        .orderBy('event_recipient.at')
        .orderBy('event_recipient.event_id')
        .limit(0),
    ),

    /** (recipient, from, to, limit) */
    countRecipient: prepare(
      db
        .selectFrom(
          db
            .selectFrom('event_recipient')
            .select('event_id')
            .where('recipient', '=', '')
            .where('at', '>=', 0)
            .where('at', '<', 0)
            .limit(0)
            .as('some'),
        )
        .select((eb) => eb.fn.countAll().as('count')),
    ),

    /** (from, to, at, type, id, limit) */
    byTime: prepare(
      events('event_time')
        .select(columns)
        .where('at', '>=', 0)
        .where('at', '<', 0)
        .where((eb) => eb(eb.refTuple('at', 'type', 'id'), '>', eb.tuple(0, '', 0)))
        .orderBy('at')
        .orderBy('type')
        .orderBy('id')
        .limit(0),
    ),

    /** (client's Message-ID, last identifier, limit) */
    identifiers: prepare(
      db
        .selectFrom('message')
        .select('identifier')
        .where('client_message_id', '=', '')
        .where('identifier', '>', '')
        .orderBy('identifier')
        .limit(0),
    ),

    /** (event id) */
    evidence: prepare(db.selectFrom('evidence').select(['daticert', 'signature']).where('event_id', '=', 0)),
  }
}

export type EventRow = Tables['event']

function indexOf(marks: readonly Mark[]): string {
  return `event_${marks.join('_')}`
}

function withMarks<T>(
  events: SelectQueryBuilder<{ event: EventRow }, 'event', T>,
  marks: readonly Mark[],
): SelectQueryBuilder<{ event: EventRow }, 'event', T> {
  return marks.reduce((query, mark) => query.where(mark, '=', ''), events)
}
