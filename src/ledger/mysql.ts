/** The ledger on MariaDB or MySQL, for a service on several machines: any number of nodes over one database. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import {
  Kysely,
  MysqlAdapter,
  MysqlDriver,
  MysqlIntrospector,
  MysqlQueryCompiler,
  sql,
  type DatabaseConnection,
  type Dialect,
} from 'kysely'
import type { LedgerConfig } from '../config/ledger.js'
import { isPecError, PecError, reasonOf } from '../errors.js'
import { attempt } from './attempt.js'
import type { SqlDialect } from './dialect.js'
import { SqlLedger } from './ledger.js'
import { isAnswer, SessionPool, type PoolSettings } from './mysql-pool.js'
import { migrate } from './migrations.js'
import type { Tables } from './schema.js'

export type MysqlSettings = Extract<LedgerConfig, { engine: 'mysql' }>

const TABLE = sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin row_format = dynamic`

export const mysql: SqlDialect = {
  types: {
    key: sql`varchar(255) character set ascii collate ascii_bin`,
    name: sql`varchar(255)`,
    text: sql`longtext`,
    bytes: sql`longblob`,
    integer: sql`bigint`,
    storage: { keyed: TABLE, numbered: TABLE },
    // Longer ones with the same beginning are told apart by the rows.
    indexed: (column) => sql`${sql.ref(column)}(190)`,
    partialIndexes: false,
  },
  oneWriter: false,
  // `insert ignore` would pass over other errors too.
  unlessKnown: (insert, column) => insert.onDuplicateKeyUpdate({ [column]: sql.ref(column) } as never),
  by: (index) => sql`force index (${sql.ref(index)})`,
  serverTime: sql`select unix_timestamp() * 1000 as now`,
  isDuplicate: (error) => isAnswer(error) && error.errno === 1062,
  isKnownIndex: (error) => isAnswer(error) && error.errno === 1061,
  leavesDoubt: (error) => error instanceof UncertainCommit,
  retryAfter,
}

// Deadlock, lock wait timeout, and a row that changed under a snapshot: other transactions are through in a moment.
const BEHIND_OTHERS: ReadonlySet<number> = new Set([1213, 1205, 1020])
// Too many connections, a server that is ending or not ready yet (of a cluster, too), and a session that was ended from outside.
const AWAY: ReadonlySet<number> = new Set([1040, 1047, 1053, 1203, 1927])

function retryAfter(error: unknown): number | undefined {
  if (error instanceof UncertainCommit) return undefined
  if (isAnswer(error)) return BEHIND_OTHERS.has(error.errno) ? 25 : AWAY.has(error.errno) ? 250 : undefined
  // Lost before its commit was sent, a transaction is rolled back.
  return isLostConnection(error) ? 250 : undefined
}

/** As against a server that we do not come to terms with, and faults of a program. */
function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error) return !/^(HANDSHAKE|AUTH|ERR)_/.test(String(error.code))
  return 'fatal' in error && error.fatal === true
}

/** Nobody answered whether it was committed. */
class UncertainCommit extends Error {}

/**
 * Opens the ledger in a database that exists, and brings its schema up to date; any number of nodes may do so at once. `onEvent` is
 * told what the server does not promise. Rejects with PecError 'configuration' if we may not use it, it is too old or a newer
 * release's, 'ledger' (temporary) if it is away.
 */
export async function openMysqlLedger(settings: MysqlSettings, onEvent: (line: string) => void): Promise<SqlLedger> {
  const server = await serverOf(settings)
  const db = databaseOn({ server, size: settings.pool, statementMs: STATEMENT_MS })
  try {
    await attempt(mysql, () => checkServer(db, onEvent))
    await migrateAlone(server, settings.database)
    return new SqlLedger(db, mysql)
  } catch (error) {
    await db.destroy()
    throw openingFault(error, settings)
  }
}

const STATEMENT_MS = 10_000
/** Of somebody who reads all of it. */
const READING_MS = 600_000

/** One connection to a database as it is, to read it or to fill it. */
export async function connectMysql(settings: MysqlSettings): Promise<Kysely<Tables>> {
  return databaseOn({ server: await serverOf(settings), size: 1, statementMs: READING_MS })
}

// A new index on a large table takes its time, and another node that makes it, too.
const MIGRATION_MS = 3_600_000

async function serverOf({ at, database, user, passwordFile, tls, ca }: MysqlSettings): Promise<PoolSettings['server']> {
  const secret = passwordFile === undefined ? undefined : await fileOf(passwordFile)
  const authorities = ca === undefined ? undefined : await fileOf(ca)
  const verified = tls === 'verified'
  const trusted = authorities === undefined ? {} : { ca: authorities }
  return {
    ...('path' in at ? { socketPath: at.path } : at),
    ...{ database, user },
    ...(secret === undefined ? {} : { password: secret.toString('utf8').replace(/\r?\n$/, '') }),
    ...(tls === 'off' ? {} : { ssl: { ...trusted, rejectUnauthorized: verified, verifyIdentity: verified } }),
  }
}

async function fileOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new PecError('configuration', `the ledger cannot be opened: ${reasonOf(error)}`, { cause: error })
  }
}

function databaseOn(settings: PoolSettings): Kysely<Tables> {
  const dialect: Dialect = {
    createAdapter: () => new MysqlAdapter(),
    createDriver: () => new LedgerDriver({ pool: new SessionPool(settings) }),
    createIntrospector: (db: Kysely<unknown>) => new MysqlIntrospector(db),
    createQueryCompiler: () => new MysqlQueryCompiler(),
  }
  return new Kysely<Tables>({ dialect })
}

class LedgerDriver extends MysqlDriver {
  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await super.commitTransaction(connection)
    } catch (error) {
      // A cluster may find a deadlock only here, and has rolled back then.
      if (isAnswer(error) && error.errno === 1213) throw error
      throw new UncertainCommit(`no answer to a commit: ${faultOf(error)}`, { cause: error })
    }
  }

  /** The first error is the one to tell; a connection on which this fails is used no more. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await super.rollbackTransaction(connection).catch(() => undefined)
  }
}

/** One node at a time, and on a connection of its own, without the bounds of the others. */
async function migrateAlone(server: PoolSettings['server'], database: string): Promise<void> {
  // Names of locks are the server's, and short; a lock goes with its connection.
  const lock = `pec ledger ${createHash('sha256').update(database).digest('hex').slice(0, 40)}`
  const seconds = MIGRATION_MS / 1000 / 2
  const db = databaseOn({ server, size: 1, statementMs: MIGRATION_MS })
  try {
    await attempt(mysql, () =>
      db.connection().execute(async (connection) => {
        const { rows } = await sql<{ held: number | null }>`select get_lock(${lock}, ${seconds}) as held`.execute(connection)
        if (rows[0]?.held !== 1)
          throw new PecError('ledger', 'another node holds the lock of its migrations', { temporary: true })
        await migrate(connection, mysql)
      }),
    )
  } finally {
    await db.destroy()
  }
}

interface ServerFacts {
  readonly version: string
  readonly flush: number
  readonly binlog: number
  readonly sync: number
  readonly packet: number
}

// The first that keep the counter of `step` over a restart, and are still looked after by their makers.
const OLDEST = { mariadb: [10, 5], mysql: [8, 0] } as const
// Statements have up to 64 rows, each with a daticert.xml of hundreds of recipients.
const LEAST_PACKET = 16_777_216

async function checkServer(db: Kysely<Tables>, onEvent: (line: string) => void): Promise<void> {
  const { rows } = await sql<ServerFacts>`select version() as version, @@innodb_flush_log_at_trx_commit as flush,
    @@log_bin as binlog, @@sync_binlog as sync, @@max_allowed_packet as packet`.execute(db)
  const [facts] = rows
  if (facts === undefined) throw new Error('the server says nothing about itself')
  const oldest = OLDEST[/mariadb/i.test(facts.version) ? 'mariadb' : 'mysql']
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(facts.version) ?? []
  if (Number(major) < oldest[0] || (Number(major) === oldest[0] && Number(minor) < oldest[1]))
    throw new PecError('configuration', `the ledger's server is ${facts.version}, older than ${oldest.join('.')}`)
  for (const warning of warningsOf(facts)) onEvent(`the ledger's server: ${warning}`)
}

function warningsOf({ flush, binlog, sync, packet }: ServerFacts): string[] {
  const warnings: string[] = []
  // MariaDB's 3 is at least as strict.
  if (flush !== 1 && flush !== 3)
    warnings.push(`innodb_flush_log_at_trx_commit is ${flush}: what is certified may be lost when its machine fails; set it to 1`)
  // What the binary log has lost, the server rolls back when it starts again.
  if (binlog === 1 && sync !== 1)
    warnings.push(`sync_binlog is ${sync}: what is certified may be lost when its machine fails; set it to 1`)
  if (packet < LEAST_PACKET)
    warnings.push(`max_allowed_packet is ${packet}: messages with many recipients may be refused; set it to ${LEAST_PACKET}`)
  return warnings
}

const HINTS: Readonly<Record<number, string>> = {
  1044: 'the user needs all privileges on it',
  1049: 'create it',
  1142: 'the user needs all privileges on the database',
}

function openingFault(error: unknown, { at, user, database }: MysqlSettings): PecError {
  const cause = isPecError(error) && error.code === 'ledger' && error.cause !== undefined ? error.cause : error
  if (isPecError(cause)) return cause
  const where = `${database} as ${user} on ${'path' in at ? at.path : `${at.host}:${at.port}`}`
  const hint = isAnswer(cause) ? HINTS[cause.errno] : undefined
  const why = hint === undefined ? faultOf(cause) : `${faultOf(cause)}: ${hint}`
  if (retryAfter(cause) !== undefined)
    return new PecError('ledger', `the ledger ${where} cannot be reached: ${why}`, { temporary: true, cause })
  return new PecError('configuration', `the ledger ${where} cannot be opened: ${why}`, { cause })
}

/** A name with several addresses fails with an error for each, and no message of its own. */
function faultOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ')
  return reasonOf(error)
}
