/** The ledger on SQLite, the embedded default: one file, written by every worker process of one machine. */
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import {
  CompiledQuery,
  Kysely,
  sql,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type SqliteDatabase,
} from 'kysely'
import { PecError, hasCode, reasonOf } from '../errors.js'
import { attempt } from './attempt.js'
import type { SqlDialect } from './dialect.js'
import { SqlLedger } from './ledger.js'
import { migrate } from './migrations.js'
import type { Tables } from './schema.js'

// Milliseconds: other writers are through in a moment.
const PAUSE = 2

export const sqlite: SqlDialect = {
  types: {
    key: sql`text`,
    name: sql`text`,
    text: sql`text`,
    bytes: sql`blob`,
    integer: sql`integer`,
    // Without a rowid, a table is one tree in the order of its primary key, instead of two.
    storage: { keyed: sql`strict, without rowid`, numbered: sql`strict` },
    indexed: (column) => sql.ref(column),
    partialIndexes: true,
  },
  oneWriter: true,
  unlessKnown: (insert) => insert.onConflict((conflict) => conflict.doNothing()),
  by: (index) => sql`indexed by ${sql.ref(index)}`,
  serverTime: undefined,
  isDuplicate: (error) => hasCode(error, 'SQLITE_CONSTRAINT_PRIMARYKEY', 'SQLITE_CONSTRAINT_UNIQUE'),
  // After a crash a commit may be found that could not be synced.
  leavesDoubt: (error) => error instanceof Database.SqliteError && error.code.startsWith('SQLITE_IOERR'),
  // Migrations run in a transaction, so there never is half of one.
  isKnownIndex: () => false,
  retryAfter: (error) =>
    hasCode(error, 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_BUSY_RECOVERY', 'SQLITE_LOCKED') ? PAUSE : undefined,
}

/**
 * Opens the ledger in a file, made with mode 0600 if it is not there, or ':memory:'; brings its schema up to date. Any number of
 * processes may do so at once. Rejects with PecError 'configuration' if the file cannot be opened, is no ledger or is a newer
 * release's, 'ledger' (temporary) if other processes keep it locked.
 */
export async function openLedger(path: string): Promise<SqlLedger> {
  const database = await openDatabase(path)
  const db = new Kysely<Tables>({ dialect: kyselyDialect(database) })
  try {
    await attempt(sqlite, () => {
      configure(database)
      return db.transaction().execute((transaction) => migrate(transaction, sqlite))
    })
    return new SqlLedger(db, sqlite)
  } catch (error) {
    database.close()
    throw error
  }
}

async function openDatabase(path: string): Promise<Database.Database> {
  try {
    if (path !== ':memory:') await createFile(path)
    // SQLite itself would wait for a lock with the whole process: attempt() waits, and other work goes on.
    return new Database(path, { timeout: 0 })
  } catch (error) {
    throw new PecError('configuration', `the ledger ${path} cannot be opened: ${reasonOf(error)}`, { cause: error })
  }
}

/** SQLite gives its journals the mode of the file. */
async function createFile(path: string): Promise<void> {
  const file = await open(path, 'a', 0o600)
  await file.close()
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function configure(database: Database.Database): void {
  try {
    database.pragma('journal_mode = WAL')
  } catch (error) {
    if (!hasCode(error, 'SQLITE_NOTADB')) throw error
    throw new PecError('configuration', `${database.name} is not a database`, { cause: error })
  }
  // A commit is on the disk before it returns (P1).
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  // The inner pages of the trees stay in memory, so that a commit reads next to nothing whatever the size of the file (P6).
  database.pragma('cache_size = -32768')
  database.pragma('journal_size_limit = 67108864')
}

function kyselyDialect(database: Database.Database): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new LedgerDriver(database),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

class LedgerDriver extends SqliteDriver {
  private readonly database: Database.Database

  constructor(database: Database.Database) {
    super({ database: withStatements(database) })
    this.database = database
  }

  /** Takes the right to write at once: a transaction that first reads and then wants to write may find that it never can. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  /** SQLite has already rolled back after some failures (disk full, for one), and the first error is the one to tell. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.database.inTransaction) await super.rollbackTransaction(connection)
  }
}

// The ledger's own texts are some fifty; whoever asks other things through the same connection must not fill the memory.
const MOST_STATEMENTS = 500

/** Keeps the prepared statement of every text. */
function withStatements(database: Database.Database): SqliteDatabase {
  const statements = new Map<string, ReturnType<SqliteDatabase['prepare']>>()
  return {
    close: () => {
      statements.clear()
      database.close()
    },
    prepare: (text) => {
      let statement = statements.get(text)
      if (statement === undefined) {
        if (statements.size >= MOST_STATEMENTS) statements.clear()
        statement = database.prepare(text)
        statements.set(text, statement)
      }
      return statement
    },
  }
}
