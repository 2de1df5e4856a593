/** Makes the tables of schema.ts, step by step, and brings those of an older release up to date. */
import type { CreateTableBuilder, Kysely } from 'kysely'
import { PecError } from '../errors.js'
import type { SqlDialect } from './dialect.js'
import type { Tables } from './schema.js'

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
