/** The databases that the ledger's tests run over. Each has places for ledgers of their own; a place may be opened several times. */
import { after, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import type { MysqlSettings } from '../../src/ledger/mysql.js'
import { mariadbIsMissing, TestMariadb } from '../harness/mariadb.js'
import { ledgerPath } from './entries.js'
import { openPlace } from './place.js'

export interface Place {
  /** Opens the ledger in it; it closes with the test. */
  open(): Promise<SqlLedger>
  /** For openPlace, in another process. */
  readonly name: string
  /** Runs a statement behind the ledger's back. */
  run(sql: string): Promise<readonly unknown[]>
}

export interface Engine {
  readonly name: string
  /** For the option `skip` of a test. */
  readonly skip: false | string
  /** What a test of many random runs may spend. */
  readonly runs: number
  place(test: TestContext): Promise<Place>
}

/** A ledger in a place of its own. */
export async function freshLedger(test: TestContext, engine: Engine): Promise<SqlLedger> {
  return (await engine.place(test)).open()
}

const sqlite: Engine = {
  name: 'SQLite',
  skip: false,
  runs: 150,
  place: async (test) => {
    const path = await ledgerPath(test)
    return placeOf(test, path, (sql) => {
      const raw = new Database(path)
      try {
        const statement = raw.prepare(sql)
        return Promise.resolve(statement.reader ? statement.all() : [statement.run()])
      } finally {
        raw.close()
      }
    })
  },
}

let server: Promise<TestMariadb> | undefined
let databases = 0

/** One for all tests of a file, and as long as they run. */
export function sharedMariadb(): Promise<TestMariadb> {
  server ??= TestMariadb.start()
  return server
}

after(async () => (await server)?.close())

/** Settings for a new database of a server. */
export async function newDatabase(mariadb: TestMariadb): Promise<MysqlSettings> {
  const database = `ledger_${++databases}`
  await mariadb.run(`create database ${database}`)
  return {
    ...{ engine: 'mysql', at: { path: mariadb.socket }, database, user: 'root', passwordFile: undefined },
    ...{ pool: 5, tls: 'off', ca: undefined },
  }
}

const mariadb: Engine = {
  name: 'MariaDB',
  skip: mariadbIsMissing,
  runs: 25,
  place: async (test) => {
    const running = await sharedMariadb()
    const settings = await newDatabase(running)
    test.after(() => running.run(`drop database ${settings.database}`))
    return placeOf(test, JSON.stringify(settings), (sql) => running.run(sql, settings.database))
  },
}

function placeOf(test: TestContext, name: string, run: Place['run']): Place {
  const open = async (): Promise<SqlLedger> => {
    const ledger = await openPlace(name)
    test.after(() => ledger.close())
    return ledger
  }
  return { open, name, run }
}

export const ENGINES: readonly Engine[] = [sqlite, mariadb]
