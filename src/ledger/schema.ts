/**
 * The tables of the ledger and the migrations that make them: one schema for SQLite and for MariaDB/MySQL.
 *
 * Times are integer milliseconds UTC. Whatever is compared is a key (keys.ts): at most 255 visible ASCII characters, compared byte by
 * byte, which both databases can index. What was written by people stands beside its key as text.
 *
 * Each table is clustered by its primary key, and each index answers one question:
 * - `claim` (identifier, what, recipient): what may be done once (P2) is a row here, so that the database itself keeps it so.
 * - `message`, `recipient` (identifier, ...): what the points ask about a message, in two reads of neighbouring rows.
 * - `recipient_open` (open_since): the deadlines. Only recipients still awaited have a value there, so the search costs what is open
 *   now and not what was ever sent.
 * - `event` by identifier, sender, provider, each with the time, and `event_recipient` by recipient with the time: the retrievals of
 *   L5, narrowed to any days. `event_time` (at, type): a day of the register, its export, and the counts of O6 without a look at the
 *   rows. An event's number begins with its step's, so rows are only ever appended.
 *   `event_type` (type, at): one kind of event over any time. `message_client` (client_message_id): what a user knows his message by.
 * - `evidence` (daticert.xml, smime.p7s) is most of the bytes. Apart from `event`, it burdens no search, and can leave for the archive.
 *
 * - `quarantine` (id): the messages kept because of a virus, by the names of their files: a file that has no row here is nobody's.
 *   By identifier for retrieval, by `until` for those that may go (L4).
 *
 * - `archive_day` (day): how far the archive of each day has come. `hold` (identifier): the messages that are kept beyond 30 months.
 * - `outage` (day): the log of outages.
 *
 * A commit touches one leaf of each of these trees, nearly always the last or the one of its identifier: the cost grows with the depth
 * of a tree, not with its size (P6). After 30 months (L4) rows go by `event_time`: each old event names the message and the claims
 * (its identifier or its Message-ID) and, in its list, the rows of `event_recipient` that go with it; the rest cascades.
 */
import { type CreateTableBuilder, type Generated, type Kysely, type RawBuilder } from 'kysely'
import { PecError } from '../errors.js'
import type { SqlDialect } from './dialect.js'

export interface Tables {
  migration: { version: number; name: string }
  step: { id: Generated<number>; step: string; committed_at: number }
  claim: { identifier: string; what: string; recipient: string }
  message: {
    identifier: string
    client_message_id: string | null
    sender: string
    reply_to: string
    subject: string | null
    receipt_type: string
    provider: string
    own: number
    accepted_at: number
    size: number
  }
  recipient: {
    identifier: string
    recipient: string
    /** As it was written. */
    address: string
    /** Recipients are told in the order in which they were first named. */
    position: number
    type: string
    is_primary: number
    /** When the message was accepted, as long as we await an outcome: own messages, certified recipients. */
    open_since: number | null
    taken_at: number | null
    outcome: string | null
    outcome_at: number | null
  }
  event: {
    id: number
    at: number
    type: string
    identifier: string
    message_id: string
    sender: string
    sender_address: string
    /** Addresses as they were written, a JSON array. */
    recipients: string
    subject: string | null
    provider: string
    outcome: string
  }
  event_recipient: { recipient: string; at: number; event_id: number }
  evidence: { event_id: number; daticert: Buffer | null; signature: Buffer | null }
  /** Work that one node does at a time: who does it, and until when it is his. */
  job: { name: string; holder: string; until: number }
  quarantine: {
    id: string
    identifier: string
    reason: string
    signature: string
    sha256: string
    size: number
    since: number
    until: number
    provider: string
    sender: string
  }
  archive_day: { day: string; state: string; manifest: string; events: number }
  hold: { identifier: string; since: number; reason: string }
  outage: { id: Generated<number>; day: string; type: string; minutes: number; sla: number; note: string }
}

/** Rows that one step may write into one table: events and recipients are numbered `step.id × ROWS_PER_STEP + n`. */
export const ROWS_PER_STEP = 65536

/** How a database says what the migrations mean. */
export interface ColumnTypes {
  /** A key: varchar(255) in a binary ASCII collation. */
  readonly key: RawBuilder<unknown>
  /** A short text that is searched as it is, up to 255 characters of Unicode. */
  readonly name: RawBuilder<unknown>
  /** Any length, any characters. */
  readonly text: RawBuilder<unknown>
  readonly bytes: RawBuilder<unknown>
  /** 64 bits. */
  readonly integer: RawBuilder<unknown>
  /** What follows the columns of a table: its engine or storage. `numbered` tables have an integer for primary key. */
  readonly storage: { readonly keyed: RawBuilder<unknown>; readonly numbered: RawBuilder<unknown> }
  /** A column of type `text` in an index: as much of it as an index can hold. */
  readonly indexed: (column: string) => RawBuilder<unknown>
  /** Whether an index can leave rows out. */
  readonly partialIndexes: boolean
}

interface Migration {
  readonly name: string
  readonly up: (db: Kysely<Tables>, dialect: SqlDialect) => Promise<void>
}

/**
 * Forward only. A published migration never changes; the schema's version is how many have run. MariaDB and MySQL commit after each
 * statement, so a crash may leave half of one: each step of a migration does nothing where it was done before.
 */
const MIGRATIONS: readonly Migration[] = [
  { name: 'first tables', up: createFirstTables },
  { name: 'jobs of one node at a time', up: createJobs },
  { name: 'quarantine', up: createQuarantine },
  { name: 'retrieval by client and by type', up: createRetrieval },
  { name: 'archive and holds', up: createArchive },
  { name: 'outages', up: createOutages },
  { name: 'retrieval by provider and type', up: createProviderAndType },
]

/** The one that this release reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length

/**
 * Brings the schema up to date, on a connection that no other process can migrate through meanwhile. Rejects with PecError
 * 'configuration' if a newer release has been at this database.
 */
export async function migrate(db: Kysely<Tables>, dialect: SqlDialect): Promise<void> {
  const { types } = dialect
  await db.schema
    .createTable('migration')
    .ifNotExists()
    .addColumn('version', types.integer, (c) => c.primaryKey())
    .addColumn('name', types.name, (c) => c.notNull())
    .modifyEnd(types.storage.numbered)
    .execute()
  const { version } = await db
    .selectFrom('migration')
    .select((eb) => eb.fn.coalesce(eb.fn.max('version'), eb.lit(0)).as('version'))
    .executeTakeFirstOrThrow()
  if (version > MIGRATIONS.length) {
    throw new PecError(
      'configuration',
      `the ledger has schema ${version}, this release knows up to ${MIGRATIONS.length}: upgrade it`,
    )
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue
    await migration.up(db, dialect)
    const row = db.insertInto('migration').values({ version: index + 1, name: migration.name })
    await dialect.unlessKnown(row, 'version').execute()
  }
}

async function createFirstTables(db: Kysely<Tables>, dialect: SqlDialect): Promise<void> {
  const { key, name, text, bytes, integer, storage, partialIndexes } = dialect.types
  const keyed = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
    table.ifNotExists().modifyEnd(storage.keyed).execute()
  const numbered = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
    table.ifNotExists().modifyEnd(storage.numbered).execute()

  await numbered(
    db.schema
      .createTable('step')
      // A number is never given twice, even after a purge: the events' numbers are made from it.
      .addColumn('id', integer, (c) => c.primaryKey().autoIncrement())
      .addColumn('step', key, (c) => c.notNull().unique())
      .addColumn('committed_at', integer, (c) => c.notNull()),
  )
  await keyed(
    db.schema
      .createTable('claim')
      .addColumn('identifier', key, (c) => c.notNull())
      .addColumn('what', key, (c) => c.notNull())
      .addColumn('recipient', key, (c) => c.notNull())
      .addPrimaryKeyConstraint('claim_pk', ['identifier', 'what', 'recipient']),
  )
  await keyed(
    db.schema
      .createTable('message')
      .addColumn('identifier', key, (c) => c.notNull())
      .addColumn('client_message_id', text)
      .addColumn('sender', text, (c) => c.notNull())
      .addColumn('reply_to', text, (c) => c.notNull())
      .addColumn('subject', text)
      .addColumn('receipt_type', key, (c) => c.notNull())
      .addColumn('provider', text, (c) => c.notNull())
      .addColumn('own', integer, (c) => c.notNull())
      .addColumn('accepted_at', integer, (c) => c.notNull())
      .addColumn('size', integer, (c) => c.notNull())
      .addPrimaryKeyConstraint('message_pk', ['identifier']),
  )
  await keyed(
    db.schema
      .createTable('recipient')
      .addColumn('identifier', key, (c) => c.notNull())
      .addColumn('recipient', key, (c) => c.notNull())
      .addColumn('address', text, (c) => c.notNull())
      .addColumn('position', integer, (c) => c.notNull())
      .addColumn('type', key, (c) => c.notNull())
      .addColumn('is_primary', integer, (c) => c.notNull())
      .addColumn('open_since', integer)
      .addColumn('taken_at', integer)
      .addColumn('outcome', key)
      .addColumn('outcome_at', integer)
      .addPrimaryKeyConstraint('recipient_pk', ['identifier', 'recipient'])
      .addForeignKeyConstraint('recipient_message', ['identifier'], 'message', ['identifier'], (c) => c.onDelete('cascade')),
  )
  await numbered(
    db.schema
      .createTable('event')
      .addColumn('id', integer, (c) => c.primaryKey())
      .addColumn('at', integer, (c) => c.notNull())
      .addColumn('type', key, (c) => c.notNull())
      .addColumn('identifier', key, (c) => c.notNull())
      .addColumn('message_id', key, (c) => c.notNull())
      .addColumn('sender', key, (c) => c.notNull())
      .addColumn('sender_address', text, (c) => c.notNull())
      .addColumn('recipients', text, (c) => c.notNull())
      .addColumn('subject', text)
      .addColumn('provider', name, (c) => c.notNull())
      .addColumn('outcome', text, (c) => c.notNull()),
  )
  await keyed(
    db.schema
      .createTable('event_recipient')
      .addColumn('recipient', key, (c) => c.notNull())
      .addColumn('at', integer, (c) => c.notNull())
      .addColumn('event_id', integer, (c) => c.notNull())
      // No foreign key: it would want an index by event, and the event's own list says which rows are its.
      .addPrimaryKeyConstraint('event_recipient_pk', ['recipient', 'at', 'event_id']),
  )
  await numbered(
    db.schema
      .createTable('evidence')
      .addColumn('event_id', integer, (c) => c.primaryKey())
      .addColumn('daticert', bytes)
      .addColumn('signature', bytes)
      .addForeignKeyConstraint('evidence_event', ['event_id'], 'event', ['id'], (c) => c.onDelete('cascade')),
  )

  const open = db.schema.createIndex('recipient_open').on('recipient').columns(['open_since', 'identifier', 'recipient'])
  await createIndex(partialIndexes ? open.where('open_since', 'is not', null) : open, dialect)
  const events = (index: string) => db.schema.createIndex(index).on('event')
  await createIndex(events('event_identifier').columns(['identifier', 'at']), dialect)
  await createIndex(events('event_sender').columns(['sender', 'at']), dialect)
  await createIndex(events('event_provider').columns(['provider', 'at']), dialect)
  await createIndex(events('event_time').columns(['at', 'type']), dialect)
}

/** MySQL has no `if not exists` for an index. */
async function createIndex(index: { execute(): Promise<void> }, dialect: SqlDialect): Promise<void> {
  try {
    await index.execute()
  } catch (error) {
    if (!dialect.isKnownIndex(error)) throw error
  }
}

async function createJobs(db: Kysely<Tables>, { types: { key, integer, storage } }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('job')
    .ifNotExists()
    .addColumn('name', key, (c) => c.notNull())
    .addColumn('holder', key, (c) => c.notNull())
    .addColumn('until', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('job_pk', ['name'])
    .modifyEnd(storage.keyed)
    .execute()
}

async function createQuarantine(db: Kysely<Tables>, dialect: SqlDialect): Promise<void> {
  const { key, text, integer, storage } = dialect.types
  await db.schema
    .createTable('quarantine')
    .ifNotExists()
    .addColumn('id', key, (c) => c.notNull())
    .addColumn('identifier', key, (c) => c.notNull())
    .addColumn('reason', key, (c) => c.notNull())
    .addColumn('signature', text, (c) => c.notNull())
    .addColumn('sha256', key, (c) => c.notNull())
    .addColumn('size', integer, (c) => c.notNull())
    .addColumn('since', integer, (c) => c.notNull())
    .addColumn('until', integer, (c) => c.notNull())
    .addColumn('provider', text, (c) => c.notNull())
    .addColumn('sender', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('quarantine_pk', ['id'])
    .modifyEnd(storage.keyed)
    .execute()
  const kept = (index: string) => db.schema.createIndex(index).on('quarantine')
  await createIndex(kept('quarantine_identifier').columns(['identifier', 'since']), dialect)
  await createIndex(kept('quarantine_until').columns(['until']), dialect)
}

async function createRetrieval(db: Kysely<Tables>, dialect: SqlDialect): Promise<void> {
  const client = db.schema.createIndex('message_client').on('message').expression(dialect.types.indexed('client_message_id'))
  await createIndex(client, dialect)
  await createIndex(db.schema.createIndex('event_type').on('event').columns(['type', 'at']), dialect)
}

async function createProviderAndType(db: Kysely<Tables>, dialect: SqlDialect): Promise<void> {
  await createIndex(db.schema.createIndex('event_provider_type').on('event').columns(['provider', 'type', 'at']), dialect)
}

async function createArchive(db: Kysely<Tables>, { types: { key, text, integer, storage } }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('archive_day')
    .ifNotExists()
    .addColumn('day', key, (c) => c.notNull())
    .addColumn('state', key, (c) => c.notNull())
    .addColumn('manifest', key, (c) => c.notNull())
    .addColumn('events', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('archive_day_pk', ['day'])
    .modifyEnd(storage.keyed)
    .execute()
  await db.schema
    .createTable('hold')
    .ifNotExists()
    .addColumn('identifier', key, (c) => c.notNull())
    .addColumn('since', integer, (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('hold_pk', ['identifier'])
    .modifyEnd(storage.keyed)
    .execute()
}

async function createOutages(db: Kysely<Tables>, dialect: SqlDialect): Promise<void> {
  const { key, text, integer, storage } = dialect.types
  await db.schema
    .createTable('outage')
    .ifNotExists()
    .addColumn('id', integer, (c) => c.primaryKey().autoIncrement())
    .addColumn('day', key, (c) => c.notNull())
    .addColumn('type', key, (c) => c.notNull())
    .addColumn('minutes', integer, (c) => c.notNull())
    .addColumn('sla', integer, (c) => c.notNull())
    .addColumn('note', text, (c) => c.notNull())
    .modifyEnd(storage.numbered)
    .execute()
  await createIndex(db.schema.createIndex('outage_day').on('outage').columns(['day']), dialect)
}
