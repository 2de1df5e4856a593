/**
 * The ledger (P1, P2): what has been certified, and the register of it (L1), in a relational database. Written once for every
 * database that Kysely and a SqlDialect describe.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { RecordedQuarantine } from '../archive/register.js'
import type {
  Claim,
  DeadlineLedger,
  Entry,
  EventType,
  OpenRecipient,
  Outcome,
  RecipientState,
  RegisterEvent,
  StoredMessage,
} from '../points/ports.js'
import { isPecError } from '../errors.js'
import type { ReceiptType, RecipientType } from '../pec/kinds.js'
import { ArchiveDays } from './archive-days.js'
import { attempt } from './attempt.js'
import type { SqlDialect } from './dialect.js'
import { eventOf, evidenceIn } from './event-row.js'
import { Figures } from './figures.js'
import { GroupCommit } from './group-commit.js'
import { addressKey, keyOf } from './keys.js'
import { KeptMessages, recordedOf } from './kept.js'
import { Outages } from './outages.js'
import { prepareQueries, type Queries } from './queries.js'
import { Retention } from './retention.js'
import { GIVEN_UP, type Tables } from './schema.js'
import { searchRegister, type Position, type RegisterPage, type RegisterQuery } from './search.js'
import { prepareSearchQueries, type SearchQueries } from './search-queries.js'
import { entryWriter, type EntryWriter } from './writer.js'

/** A row of the register, with its time. */
export interface RecordedEvent extends RegisterEvent {
  readonly at: Date
}

const PURGE_BATCH = 1000

export class SqlLedger implements DeadlineLedger {
  /** The register by days. */
  readonly days: ArchiveDays
  /** What goes after its time, and what is held back. */
  readonly retention: Retention
  /** Figures of the register over a period. */
  readonly figures: Figures
  /** The log of outages. */
  readonly outages: Outages
  /** What is in quarantine. */
  readonly kept: KeptMessages
  private readonly db: Kysely<Tables>
  private readonly dialect: SqlDialect
  private readonly write: EntryWriter
  /** Where entries wait for one another. */
  private readonly group: GroupCommit | undefined
  private readonly queries: Queries
  private readonly searches: SearchQueries
  private isClosed = false

  /** On a database whose schema is up to date. */
  constructor(db: Kysely<Tables>, dialect: SqlDialect) {
    this.db = db
    this.dialect = dialect
    this.write = entryWriter(db, dialect)
    this.group = dialect.oneWriter ? new GroupCommit(db, dialect, this.write) : undefined
    this.queries = prepareQueries(db, dialect)
    this.searches = prepareSearchQueries(db, dialect)
    this.retention = new Retention(db, (operation) => this.attempt(operation))
    this.figures = new Figures(db, (operation) => this.attempt(operation))
    this.outages = new Outages(db, (operation) => this.attempt(operation))
    this.kept = new KeptMessages(db, (operation) => this.attempt(operation))
    this.days = new ArchiveDays(db, dialect, (operation) => this.attempt(operation))
  }

  /**
   * Durable when it resolves. Rejects with PecError 'conflict' if a claim is taken or the step was committed before, 'malformed' if an
   * entry is beyond all bounds, 'ledger' (temporary) otherwise, also if the step was given up; nothing is written then.
   */
  async commit(entry: Entry): Promise<void> {
    if (this.group !== undefined) await this.group.commit(entry)
    else await this.attempt(() => this.db.transaction().execute((transaction) => this.write(transaction, entry)))
  }

  async isCommitted(step: string): Promise<boolean> {
    const { rows } = await this.attempt(() => this.queries.step(this.db, keyOf(step)))
    return rows[0] !== undefined && rows[0].committed_at !== GIVEN_UP
  }

  /**
   * Sees to it that a step which is not committed never will be, however late its commit comes. False if it is committed. Rejects with
   * PecError 'ledger', temporary, while it is just being committed.
   */
  async giveUp(step: string): Promise<boolean> {
    try {
      await this.attempt(() => this.queries.newStep(this.db, keyOf(step), GIVEN_UP))
      return true
    } catch (error) {
      if (!isPecError(error) || !this.dialect.isDuplicate(error.cause)) throw error
      return !(await this.isCommitted(step))
    }
  }

  async message(identifier: string): Promise<StoredMessage | undefined> {
    const key = keyOf(identifier)
    const [row] = (await this.attempt(() => this.queries.message(this.db, key))).rows
    if (row === undefined) return undefined
    const recipients = (await this.attempt(() => this.queries.recipients(this.db, key))).rows
    return {
      identifier,
      clientMessageId: row.client_message_id ?? undefined,
      sender: row.sender,
      replyTo: row.reply_to,
      subject: row.subject ?? undefined,
      receiptType: row.receipt_type as ReceiptType,
      provider: row.provider,
      own: row.own === 1,
      acceptedAt: new Date(row.accepted_at),
      size: row.size,
      recipients: recipients.map((recipient): RecipientState => ({
        address: recipient.address,
        type: recipient.type as RecipientType,
        primary: recipient.is_primary === 1,
        takenInChargeAt: timeOf(recipient.taken_at),
        outcome: (recipient.outcome ?? undefined) as Outcome | undefined,
        outcomeAt: timeOf(recipient.outcome_at),
      })),
    }
  }

  async taken(claims: readonly Claim[]): Promise<readonly Claim[]> {
    // By identifier and kind: a search for many recipients is then one seek each along the primary key.
    const groups = new Map<string, Claim[]>()
    for (const claim of claims) {
      const name = `${claim.what} ${keyOf(claim.identifier)}`
      const group = groups.get(name)
      if (group === undefined) groups.set(name, [claim])
      else group.push(claim)
    }
    const found = new Set<Claim>()
    for (const group of groups.values()) for (const claim of await this.takenOf(group)) found.add(claim)
    return claims.filter((claim) => found.has(claim))
  }

  /** The register's rows about a message, in the order of time. */
  async eventsOf(identifier: string): Promise<readonly RecordedEvent[]> {
    const { rows } = await this.attempt(() => this.queries.events(this.db, keyOf(identifier)))
    return rows.map((row) => ({ identifier, ...eventOf(row), ...evidenceIn(row) }))
  }

  /** A page of the register (L5): at most `limit` of the events that a query means, those after a position where one is given. */
  async search(query: RegisterQuery, limit: number, after?: Position): Promise<RegisterPage> {
    return this.attempt(() => searchRegister(this.db, this.searches, query, limit, after))
  }

  /** What an event was certified by. */
  async evidenceOf(event: number): Promise<Pick<RegisterEvent, 'daticert' | 'signature'>> {
    const { rows } = await this.attempt(() => this.searches.evidence(this.db, event))
    return { daticert: rows[0]?.daticert ?? undefined, signature: rows[0]?.signature ?? undefined }
  }

  /** The messages kept in quarantine under an identifier, in the order of time. */
  async quarantinedOf(identifier: string): Promise<readonly RecordedQuarantine[]> {
    const { rows } = await this.attempt(() => this.queries.quarantined(this.db, keyOf(identifier)))
    return rows.map((row) => ({ ...recordedOf(row), identifier }))
  }

  /**
   * Certified recipients without an outcome of messages that we accepted before a time, the longest waiting first (RFC 6109 §3.1.6).
   * With `after`, those that follow the last of an earlier answer: a search must get past the many that wait and need nothing now.
   */
  async openRecipients(before: Date, limit: number, after?: OpenRecipient): Promise<readonly OpenRecipient[]> {
    const { rows } = await this.attempt(() =>
      after === undefined
        ? this.queries.open(this.db, before.getTime(), limit)
        : this.queries.openAfter(
            this.db,
            before.getTime(),
            after.acceptedAt.getTime(),
            after.acceptedAt.getTime(),
            keyOf(after.identifier),
            addressKey(after.address),
            limit,
          ),
    )
    return rows.map((row) => ({
      identifier: row.identifier,
      address: row.address,
      acceptedAt: new Date(row.open_since ?? 0),
      takenInChargeAt: timeOf(row.taken_at),
    }))
  }

  /**
   * Takes or renews a lease on a piece of work, in the name of `holder`, until a time. False while it is somebody else's. Taken over
   * once its time is past, so a holder must renew it well before that; and if it ends more than twice as far from now as the one asked
   * for: its holder's clock was ahead, and for as long nobody would have the work.
   */
  async lease(job: string, holder: string, now: Date, until: Date): Promise<boolean> {
    return this.attempt(() =>
      this.db.transaction().execute(async (transaction) => {
        await this.queries.newJob(transaction, [[keyOf(job), '', 0]])
        const taken = await this.queries.takeJob(
          transaction,
          keyOf(holder),
          until.getTime(),
          keyOf(job),
          keyOf(holder),
          now.getTime(),
          2 * until.getTime() - now.getTime(),
        )
        return Number(taken.numAffectedRows ?? 0) > 0
      }),
    )
  }

  async probe(now: Date): Promise<void> {
    // Its own lease is always written.
    if (!this.isClosed) await this.lease('probe', 'probe', now, now)
  }

  async serverTime(): Promise<Date | undefined> {
    const { serverTime } = this.dialect
    if (serverTime === undefined) return undefined
    const { rows } = await this.attempt(() => serverTime.execute(this.db))
    return new Date(Number(rows[0]?.now))
  }

  async lastEventBefore(time: Date): Promise<Date | undefined> {
    const { rows } = await this.attempt(() => this.queries.lastEvent(this.db, time.getTime(), 1))
    return rows[0] === undefined ? undefined : new Date(rows[0].at)
  }

  /** How many events of each type there were from a time (included) to another (excluded); none where a type is missing. */
  async countEvents(from: Date, to: Date): Promise<ReadonlyMap<EventType, number>> {
    const { rows } = await this.attempt(() => this.queries.counts(this.db, from.getTime(), to.getTime()))
    return new Map(rows.map(({ type, count }) => [type as EventType, Number(count)]))
  }

  /**
   * Forgets the steps committed before a time, which must lie further back than any message can stay in a queue: a message whose step
   * is forgotten is taken for one that was never committed. With `kept`, none that is in it nor was committed after one of them.
   * Resolves with their number. In small transactions, and other work of the process in between.
   */
  async purgeSteps(before: Date, kept: ReadonlySet<string> = new Set()): Promise<number> {
    const numbers = await this.attempt(() => this.queries.stepNumbers(this.db, [], [...kept].map(keyOf)))
    const firstKept = numbers.reduce((first, { id }) => Math.min(first, id), Infinity)
    for (let purged = 0; ;) {
      // Steps are numbered in the order of their commit, so the old ones are the first.
      const { rows } = await this.attempt(() => this.queries.firstSteps(this.db, PURGE_BATCH))
      const old = rows.filter(({ id, committed_at }) => id < firstKept && committed_at < before.getTime())
      const last = old.at(-1)
      if (last === undefined) return purged
      await this.attempt(() => this.queries.deleteSteps(this.db, last.id, before.getTime()))
      purged += old.length
      if (old.length < PURGE_BATCH) return purged
      await nextTurn()
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.db.destroy()
  }

  /** Which are taken of some claims of one kind on one message. */
  private async takenOf(claims: readonly Claim[]): Promise<readonly Claim[]> {
    const [first] = claims
    if (first === undefined) return []
    const keys = [...new Set(claims.map(({ recipient }) => addressKey(recipient)))]
    const rows = await this.attempt(() => this.queries.claims(this.db, [keyOf(first.identifier), first.what], keys))
    const taken = new Set(rows.map(({ recipient }) => recipient))
    return claims.filter(({ recipient }) => taken.has(addressKey(recipient)))
  }

  private attempt<T>(operation: () => Promise<T>): Promise<T> {
    return attempt(this.dialect, operation)
  }
}

function timeOf(milliseconds: number | null): Date | undefined {
  return milliseconds === null ? undefined : new Date(milliseconds)
}
