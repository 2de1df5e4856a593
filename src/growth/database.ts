/** A ledger in a temporary place, on either database, with a way to fill it behind its back. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { LedgerConfig } from '../config/ledger.js'
import { Mariadb } from '../lab/mariadb.js'
import type { SqlLedger } from '../ledger/ledger.js'
import { openMysqlLedger, type MysqlSettings } from '../ledger/mysql.js'
import { openLedger } from '../ledger/sqlite.js'
import { MARIADB_WORDS, SQLITE_WORDS, type Words } from './traffic.js'

export type EngineName = 'sqlite' | 'mysql'

export interface GrowingDatabase {
  readonly ledger: SqlLedger
  readonly settings: LedgerConfig
  readonly words: Words
  /** All of these in one transaction, without the care for durability that a ledger has. */
  fill(statements: readonly string[]): Promise<void>
  /** Once a filling is over: what is in memory is written, and the statistics that plans are made by are those of now. */
  settle(): Promise<void>
  /**
   * A count of what the database has done, the same on every machine: of SQLite the pages in its journal since it settled, up to a
   * thousand; of MariaDB the rows that it has read and written.
   */
  effort(): Promise<number>
  /** CPU milliseconds that the database has used outside of this process. */
  cpuMs(): number
  /** Bytes on the disk. */
  size(): Promise<number>
  close(): Promise<void>
}

export async function openGrowingDatabase(engine: EngineName): Promise<GrowingDatabase> {
  return engine === 'sqlite' ? openSqlite() : openMariadb()
}

/** A page with its header in the journal. */
const FRAME = 4096 + 24

async function openSqlite(): Promise<GrowingDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'pec-growth-'))
  const path = join(folder, 'ledger.db')
  const ledger = await openLedger(path)
  const raw = new Database(path)
  raw.pragma('synchronous = OFF')
  raw.pragma('cache_size = -524288')
  const inTransaction = raw.transaction((statements: readonly string[]) => {
    for (const statement of statements) raw.exec(statement)
  })
  return {
    ledger,
    settings: { engine: 'sqlite', file: path },
    words: SQLITE_WORDS,
    fill: (statements) => {
      inTransaction(statements)
      return Promise.resolve()
    },
    settle: () => {
      raw.pragma('wal_checkpoint(TRUNCATE)')
      return Promise.resolve()
    },
    effort: async () => (await stat(`${path}-wal`)).size / FRAME,
    cpuMs: () => 0,
    size: async () => (await stat(path)).size,
    close: async () => {
      raw.close()
      await ledger.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// What a database server for ten million rows has at the least.
const LARGE = ['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=512M']

async function openMariadb(): Promise<GrowingDatabase> {
  const server = await Mariadb.start(LARGE)
  await server.run('create database ledger')
  const settings: MysqlSettings = {
    ...{ engine: 'mysql', at: { path: server.socket }, database: 'ledger', user: 'root', passwordFile: undefined },
    ...{ pool: 5, tls: 'off', ca: undefined },
  }
  const ledger = await openMysqlLedger(settings, () => undefined)
  const raw = await server.connect('ledger')
  await raw.query("set time_zone = '+00:00', unique_checks = 0, foreign_key_checks = 0, max_recursive_iterations = 1000000")
  return {
    ledger,
    settings,
    words: MARIADB_WORDS,
    fill: async (statements) => {
      await raw.beginTransaction()
      for (const statement of statements) await raw.query(statement)
      await raw.commit()
    },
    settle: async () => {
      await raw.query('analyze table message, recipient, claim, event, event_recipient, evidence, step')
    },
    effort: async () => {
      const rows = await server.run("show global status like 'Handler\\_%'")
      return rows.reduce((sum, { Value: value }) => sum + Number(value), 0)
    },
    cpuMs: () => server.cpuMs,
    size: async () => {
      const [row] = await server.run(
        "select sum(data_length + index_length) as size from information_schema.tables where table_schema = 'ledger'",
      )
      return Number(row?.['size'] ?? 0)
    },
    close: async () => {
      await ledger.close()
      await raw.end()
      await server.close()
    },
  }
}
