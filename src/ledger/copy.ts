/**
 * Copies of a ledger. The form of a backup is a ledger file of SQLite whatever the engine: the tables are the same, so that it can be
 * looked into and checked as it is, and restored to either database.
 */
import { chmod, constants, copyFile, open } from 'node:fs/promises'
import Database from 'better-sqlite3'
import { Kysely, sql, SqliteDialect } from 'kysely'
import type { LedgerConfig } from '../config/ledger.js'
import { PecError, reasonOf } from '../errors.js'
import { connectMysql, openMysqlLedger } from './mysql.js'
import { ROWS_PER_STEP, type Tables } from './schema.js'
import { withSnapshot, type LedgerView } from './snapshot.js'
import { openLedger } from './sqlite.js'

/** What is left out says who does which work now, and which migrations have run. */
type Copied = Exclude<keyof Tables, 'job' | 'migration'>

/** The primary keys, in an order that foreign keys allow. */
const TABLES: { readonly [T in Copied]: readonly (keyof Tables[T] & string)[] } = {
  step: ['id'],
  claim: ['identifier', 'what', 'recipient'],
  message: ['identifier'],
  recipient: ['identifier', 'recipient'],
  event: ['id'],
  event_recipient: ['recipient', 'at', 'event_id'],
  evidence: ['event_id'],
  quarantine: ['id'],
  archive_day: ['day'],
  hold: ['identifier'],
  outage: ['id'],
}

const ROWS = 500
/** Bytes of one statement, about: well below what a server takes. */
const WEIGHT = 2_000_000

type Row = Readonly<Record<string, string | number | Buffer | null>>

/**
 * Writes the ledger as it is at one moment to a new file, 0600, while others go on to write. Rejects with PecError 'ledger' or
 * 'configuration'; what is in the file then is of no use.
 */
export async function backupLedger(settings: LedgerConfig, file: string): Promise<void> {
  // Made here, for its mode; SQLite writes into an empty one.
  await (await open(file, 'wx', 0o600)).close()
  await withSnapshot(settings, async (view) => {
    if (settings.engine === 'mysql') await intoFile(view, file)
  })
  if (settings.engine === 'sqlite') vacuumInto(settings.file, file)
  await sync(file)
}

/**
 * One statement, one moment: writers need not wait, and unlike the online backup it does not begin again with each of their commits.
 */
function vacuumInto(from: string, to: string): void {
  const database = new Database(from, { readonly: true })
  try {
    database.prepare('vacuum into ?').run(to)
  } catch (cause) {
    throw new PecError('ledger', `the ledger ${from} cannot be copied: ${reasonOf(cause)}`, { temporary: true, cause })
  } finally {
    database.close()
  }
}

async function intoFile(view: LedgerView, file: string): Promise<void> {
  await (await openLedger(file)).close()
  await fill(view, connectFile(file))
}

/**
 * Puts a backup where the settings say, and brings its schema up to date. Rejects with PecError 'configuration' if there is a ledger
 * already: nothing is ever written over.
 */
export async function restoreLedger(file: string, settings: LedgerConfig): Promise<void> {
  if (settings.engine === 'sqlite') {
    await copyFile(file, settings.file, constants.COPYFILE_EXCL).catch(occupied(settings.file))
    await chmod(settings.file, 0o600)
    await (await openLedger(settings.file)).close()
    await sync(settings.file)
    return
  }
  await (await openMysqlLedger(settings, () => undefined)).close()
  await withSnapshot({ engine: 'sqlite', file }, async (view) => fill(view, await connectMysql(settings)))
}

function occupied(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new PecError('configuration', `the ledger cannot be restored to ${path}: ${reasonOf(cause)}`, { cause })
  }
}

function connectFile(file: string): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: new Database(file) }) })
}

/** Fills an empty ledger, in one transaction, and closes it. */
async function fill(from: LedgerView, to: Kysely<Tables>): Promise<void> {
  try {
    await to.transaction().execute(async (target) => {
      const known = await target.selectFrom('event').select('id').limit(1).executeTakeFirst()
      const step = await target.selectFrom('step').select('id').limit(1).executeTakeFirst()
      if (known !== undefined || step !== undefined)
        throw new PecError(
          'configuration',
          'the ledger to restore to is not empty: a database that nothing was written to is needed',
        )
      for (const [table, keys] of Object.entries(TABLES)) await copyTable(from, target, table, keys)
      await keepNumbers(target)
    })
  } finally {
    await to.destroy()
  }
}

async function copyTable(from: LedgerView, to: LedgerView, table: string, keys: readonly string[]): Promise<void> {
  const order = sql.join(keys.map((key) => sql.ref(key)))
  for (let last: Row | undefined; ;) {
    const after = last
    const beyond = after === undefined ? sql`` : sql`where (${order}) > (${sql.join(keys.map((key) => after[key]))})`
    const { rows } = await sql<Row>`select * from ${sql.table(table)} ${beyond} order by ${order} limit ${ROWS}`.execute(from)
    for (const piece of piecesOf(rows)) await insert(to, table, piece)
    last = rows.at(-1)
    if (last === undefined || rows.length < ROWS) return
  }
}

/** Rows that together are no heavier than a statement may be, but at least one. */
function* piecesOf(rows: readonly Row[]): Generator<readonly Row[]> {
  let piece: Row[] = []
  let weight = 0
  for (const row of rows) {
    const own = Object.values(row).reduce<number>((sum, value) => sum + (value === null ? 0 : sizeOf(value)), 0)
    if (piece.length > 0 && weight + own > WEIGHT) {
      yield piece
      piece = []
      weight = 0
    }
    piece.push(row)
    weight += own
  }
  if (piece.length > 0) yield piece
}

function sizeOf(value: string | number | Buffer): number {
  return typeof value === 'number' ? 8 : value.length
}

async function insert(to: LedgerView, table: string, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
  const names = sql.join(columns.map((column) => sql.ref(column)))
  const values = sql.join(rows.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`))
  await sql`insert into ${sql.table(table)} (${names}) values ${values}`.execute(to)
}

/** No number is given to a step twice, even if the last steps were purged: the events' numbers are made from them. */
async function keepNumbers(to: LedgerView): Promise<void> {
  const { last } = await to
    .selectFrom('event')
    .select((eb) => eb.fn.max('id').as('last'))
    .executeTakeFirstOrThrow()
  const number = Math.floor(last / ROWS_PER_STEP)
  const taken = await to.selectFrom('step').select('id').where('id', '>=', number).limit(1).executeTakeFirst()
  if (number === 0 || taken !== undefined) return
  await to.insertInto('step').values({ id: number, step: '', committed_at: 0 }).execute()
  await to.deleteFrom('step').where('id', '=', number).execute()
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
