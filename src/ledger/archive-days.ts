/** The register by days, for the archive: pages of a day's events, and what is archived of which day. */
import type { Kysely } from 'kysely'
import { dayOf, periodOf } from '../archive/day.js'
import type { ArchivedDay, ArchiveRegister, DayState, RecordedQuarantine, RegisterRow } from '../archive/register.js'
import { PecError } from '../errors.js'
import type { SqlDialect } from './dialect.js'
import { eventOf, evidenceIn } from './event-row.js'
import { recordedOf } from './kept.js'
import { prepare, type Executor } from './statements.js'
import type { Tables } from './schema.js'

/** Runs an operation as the ledger does: again, within a bound, where it failed for a passing reason. */
export type Attempt = <T>(operation: () => Promise<T>) => Promise<T>

export class ArchiveDays implements ArchiveRegister {
  private readonly db: Kysely<Tables>
  private readonly dialect: SqlDialect
  private readonly attempt: Attempt
  private readonly queries: ReturnType<typeof prepareDayQueries>

  constructor(db: Kysely<Tables>, dialect: SqlDialect, attempt: Attempt) {
    this.db = db
    this.dialect = dialect
    this.attempt = attempt
    this.queries = prepareDayQueries(db)
  }

  async eventsOfDay(day: string, limit: number, after?: RegisterRow): Promise<readonly RegisterRow[]> {
    const { from, to } = periodOf(day)
    const [at, type, id] = after === undefined ? [from.getTime(), '', -1] : [after.at.getTime(), after.type, after.id]
    const { rows } = await this.attempt(() => this.queries.events(this.db, at, to.getTime(), at, type, id, limit))
    return rows.map((row) => ({ id: row.id, identifier: row.identifier, ...eventOf(row), ...evidenceIn(row) }))
  }

  async countDay(day: string): Promise<Readonly<Record<string, number>>> {
    const { from, to } = periodOf(day)
    const { rows } = await this.attempt(() => this.queries.counts(this.db, from.getTime(), to.getTime()))
    return Object.fromEntries(rows.map(({ type, count }) => [type, Number(count)]))
  }

  async quarantinedOn(day: string): Promise<readonly RecordedQuarantine[]> {
    const { from, to } = periodOf(day)
    const { rows } = await this.attempt(() => this.queries.quarantined(this.db, from.getTime(), to.getTime()))
    return rows.map(recordedOf)
  }

  async firstDay(): Promise<string | undefined> {
    const { rows } = await this.attempt(() => this.queries.first(this.db, 1))
    return rows[0] === undefined ? undefined : dayOf(new Date(rows[0].at))
  }

  async lastDays(limit: number): Promise<readonly ArchivedDay[]> {
    const { rows } = await this.attempt(() => this.queries.last(this.db, limit))
    return rows.map(archivedDay)
  }

  async daysIn(states: readonly DayState[]): Promise<readonly ArchivedDay[]> {
    const found = await Promise.all(states.map((state) => this.attempt(() => this.queries.inState(this.db, state))))
    return found.flatMap(({ rows }) => rows.map(archivedDay)).toSorted((a, b) => (a.day < b.day ? -1 : 1))
  }

  async addDay({ day, state, manifest, events }: ArchivedDay, late: ReadonlyMap<string, number>): Promise<void> {
    await this.attempt(() =>
      this.db.transaction().execute(async (transaction) => {
        await this.insert(transaction, { day, state, manifest, events })
        for (const [earlier, count] of late) await this.queries.addEvents(transaction, count, earlier)
      }),
    )
  }

  async setState(day: string, state: DayState): Promise<void> {
    await this.attempt(() => this.queries.setState(this.db, state, day))
  }

  private async insert(on: Executor, { day, state, manifest, events }: ArchivedDay): Promise<void> {
    try {
      await this.queries.insert(on, day, state, manifest, events)
    } catch (error) {
      if (!this.dialect.isDuplicate(error)) throw error
      throw new PecError('conflict', `${day} was archived by another node`, { cause: error })
    }
  }
}

function archivedDay({ day, state, manifest, events }: Tables['archive_day']): ArchivedDay {
  return { day, state: state as DayState, manifest, events }
}

function prepareDayQueries(db: Kysely<Tables>) {
  return {
    /** (least at, end, at, type, id, limit): along the index by time and type. */
    events: prepare(
      db
        .selectFrom('event')
        .leftJoin('evidence', 'evidence.event_id', 'event.id')
        .selectAll('event')
        .select(['evidence.daticert', 'evidence.signature'])
        // Says no more than the next but one, but tells the database where in the index to begin.
        .where('event.at', '>=', 0)
        .where('event.at', '<', 0)
        .where((eb) => eb(eb.refTuple('event.at', 'event.type', 'event.id'), '>', eb.tuple(0, '', 0)))
        .orderBy('event.at')
        .orderBy('event.type')
        .orderBy('event.id')
        .limit(0),
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

    /** (from, to): all rows are looked at, once a day; there are few. */
    quarantined: prepare(
      db.selectFrom('quarantine').selectAll().where('since', '>=', 0).where('since', '<', 0).orderBy('since').orderBy('id'),
    ),

    /** (limit) */
    first: prepare(db.selectFrom('event').select('at').orderBy('at').limit(0)),

    /** (limit) */
    last: prepare(db.selectFrom('archive_day').selectAll().orderBy('day', 'desc').limit(0)),

    /** (state) */
    inState: prepare(db.selectFrom('archive_day').selectAll().where('state', '=', '').orderBy('day')),

    /** (day, state, manifest, events) */
    insert: prepare(db.insertInto('archive_day').values({ day: '', state: '', manifest: '', events: 0 })),

    /** (more, day) */
    addEvents: prepare(
      db
        .updateTable('archive_day')
        .set((eb) => ({ events: eb('events', '+', 0) }))
        .where('day', '=', ''),
    ),

    /** (state, day) */
    setState: prepare(db.updateTable('archive_day').set({ state: '' }).where('day', '=', '')),
  }
}
