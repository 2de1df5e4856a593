/** What the ledger asks its tables, each query built once. The parameters are listed in the order of the text. */
import type { Kysely } from 'kysely'
import type { SqlDialect } from './dialect.js'
import type { Tables } from './schema.js'
import { prepare, prepareForKeys, prepareInsert } from './statements.js'

export type Queries = ReturnType<typeof prepareQueries>

export function prepareQueries(db: Kysely<Tables>, dialect: SqlDialect) {
  const openRecipients = db
    .selectFrom('recipient')
    .select(['identifier', 'address', 'open_since', 'taken_at'])
    .where('open_since', '<', 0)
    .orderBy('open_since')
    .orderBy('identifier')
    .orderBy('recipient')
    .limit(0)

  return {
    ...prepareStepQueries(db),

    /** (identifier) */
    message: prepare(db.selectFrom('message').selectAll().where('identifier', '=', '')),

    /** (identifier) */
    recipients: prepare(
      db
        .selectFrom('recipient')
        .select(['address', 'type', 'is_primary', 'taken_at', 'outcome', 'outcome_at'])
        .where('identifier', '=', '')
        .orderBy('position'),
    ),

    /** (identifier, what), recipients */
    claims: prepareForKeys((keys) =>
      db
        .selectFrom('claim')
        .select('recipient')
        .where('identifier', '=', '')
        .where('what', '=', '')
        .where('recipient', 'in', keys),
    ),

    /** (identifier) */
    events: prepare(
      db
        .selectFrom('event')
        .leftJoin('evidence', 'evidence.event_id', 'event.id')
        .selectAll('event')
        .select(['evidence.daticert', 'evidence.signature'])
        .where('event.identifier', '=', '')
        .orderBy('event.at')
        .orderBy('event.id'),
    ),

    /** (identifier) */
    quarantined: prepare(db.selectFrom('quarantine').selectAll().where('identifier', '=', '').orderBy('since')),

    /** (before, limit) */
    open: prepare(openRecipients),

    /** (before, since, since, identifier, recipient, limit) */
    openAfter: prepare(
      openRecipients
        // Says no more than the next line, but tells the database where in the index to begin.
        .where('open_since', '>=', 0)
        .where((eb) => eb(eb.refTuple('open_since', 'identifier', 'recipient'), '>', eb.tuple(0, '', ''))),
    ),

    /** (before, limit) */
    lastEvent: prepare(db.selectFrom('event').select('at').where('at', '<', 0).orderBy('at', 'desc').limit(0)),

    newJob: prepareInsert(db, dialect, 'job', ['name', 'holder', 'until'], 'unless-known'),

    /** (holder, until, job, holder, now, farthest) */
    takeJob: prepare(
      db
        .updateTable('job')
        .set({ holder: '', until: 0 })
        .where('name', '=', '')
        .where((eb) => eb.or([eb('holder', '=', ''), eb('until', '<', 0), eb('until', '>', 0)])),
    ),

    /** (from, to) */
    counts: prepare(
      db
        .selectFrom('event')
        .select((eb) => ['type', eb.fn.countAll().as('count')])
        .where('at', '>=', 0)
        .where('at', '<', 0)
        .groupBy('type'),
    ),

    /** steps */
    stepNumbers: prepareForKeys((keys) => db.selectFrom('step').select('id').where('step', 'in', keys)),

    /** (limit) */
    firstSteps: prepare(db.selectFrom('step').select(['id', 'committed_at']).orderBy('id').limit(0)),

    /** (last id, before) */
    deleteSteps: prepare(db.deleteFrom('step').where('id', '<=', 0).where('committed_at', '<', 0)),
  }
}

export function prepareStepQueries(db: Kysely<Tables>) {
  return {
    /** (step) */
    step: prepare(db.selectFrom('step').select('committed_at').where('step', '=', '')),

    /** (step, committed at) */
    newStep: prepare(db.insertInto('step').values({ step: '', committed_at: 0 })),
  }
}
