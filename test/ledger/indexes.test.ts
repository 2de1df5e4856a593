import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import {
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
} from 'kysely'
import { mysql } from '../../src/ledger/mysql.js'
import { prepareQueries, type Queries } from '../../src/ledger/queries.js'
import { openLedger, sqlite } from '../../src/ledger/sqlite.js'
import type { Tables } from '../../src/ledger/schema.js'
import type { Executor } from '../../src/ledger/statements.js'
import { mariadbIsMissing } from '../harness/mariadb.js'
import { newDatabase, sharedMariadb } from './engines.js'
import { openPlace } from './place.js'
import { ledgerPath } from './entries.js'

const db = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely: Kysely<unknown>) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

const mysqlDb = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new MysqlAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely: Kysely<unknown>) => new MysqlIntrospector(kysely),
    createQueryCompiler: () => new MysqlQueryCompiler(),
  },
})

const SQLITE_QUERIES = prepareQueries(db, sqlite)
const MYSQL_QUERIES = prepareQueries(mysqlDb, mysql)

/** The text and parameters that a query of the ledger sends to its database. */
async function sent(queries: Queries, run: (queries: Queries, on: Executor) => Promise<unknown>): Promise<CompiledQuery> {
  const seen: CompiledQuery[] = []
  const on: Executor = {
    executeQuery: (query) => {
      if ('sql' in query) seen.push(query)
      return Promise.resolve({ rows: [] })
    },
  }
  await run(queries, on)
  const [query] = seen
  assert.ok(query)
  return query
}

// A short time of the register, in milliseconds.
const FROM = 6_000_000
const TO = 9_000_000

/** `plan` is SQLite's, `explain` MariaDB's: table, way of access, index, and what it does besides. */
const LOOKUPS: Record<string, { run: Parameters<typeof sent>[1]; plan: RegExp[]; explain: string[] }> = {
  'a step': {
    run: (q, on) => q.step(on, 'step 7'),
    explain: ['step const step, covering'],
    plan: [/^SEARCH step USING COVERING INDEX .* \(step=\?\)$/],
  },
  'a message': {
    run: (q, on) => q.message(on, 'id7'),
    explain: ['message const PRIMARY'],
    plan: [/^SEARCH message USING PRIMARY KEY \(identifier=\?\)$/],
  },
  'its recipients': {
    run: (q, on) => q.recipients(on, 'id7'),
    explain: ['recipient ref PRIMARY, filesort'],
    plan: [/^SEARCH recipient USING PRIMARY KEY \(identifier=\?\)$/, /^USE TEMP B-TREE/],
  },
  claims: {
    run: (q, on) => q.claims(on, ['id7', 'outcome'], ['r1', 'r2']),
    explain: ['claim range PRIMARY, covering'],
    plan: [/^SEARCH claim USING PRIMARY KEY \(identifier=\? AND what=\? AND recipient=\?\)$/],
  },
  'the register of a message, without sorting': {
    run: (q, on) => q.events(on, 'id7'),
    explain: ['event ref event_identifier', 'evidence eq_ref PRIMARY'],
    plan: [
      /^SEARCH event USING INDEX event_identifier \(identifier=\?\)$/,
      /^SEARCH evidence USING INTEGER PRIMARY KEY \(rowid=\?\) LEFT-JOIN$/,
    ],
  },
  'what is in quarantine, without sorting': {
    run: (q, on) => q.quarantined(on, 'id7'),
    explain: ['quarantine ref quarantine_identifier'],
    plan: [/^SEARCH quarantine USING INDEX quarantine_identifier \(identifier=\?\)$/],
  },
  'open recipients, without sorting': {
    run: (q, on) => q.open(on, TO, 100),
    explain: ['recipient range recipient_open'],
    plan: [/^SEARCH recipient USING INDEX recipient_open \(open_since<\?\)$/],
  },
  'further open recipients, without sorting': {
    run: (q, on) => q.openAfter(on, TO, FROM, FROM, 'id7', 'r7', 100),
    explain: ['recipient range recipient_open'],
    plan: [/^SEARCH recipient USING INDEX recipient_open \((open_since>\? AND open_since<\?|\(open_since,.*)\)$/],
  },
  'counts by type, without the rows': {
    run: (q, on) => q.counts(on, FROM, TO),
    explain: ['event range event_time, covering, temporary, filesort'],
    plan: [/^SEARCH event USING COVERING INDEX event_time \(at>\? AND at<\?\)$/, /^USE TEMP B-TREE FOR GROUP BY$/],
  },
  'steps to forget': {
    run: (q, on) => q.deleteSteps(on, 100, FROM),
    explain: ['step range PRIMARY'],
    plan: [/^SEARCH step USING INTEGER PRIMARY KEY \(rowid<\?\)$/],
  },
}

for (const [what, { run, plan }] of Object.entries(LOOKUPS)) {
  test(`finds ${what} by an index`, async (t) => {
    const query = await sent(SQLITE_QUERIES, run)
    assertPlan(await planOf(await ledgerPath(t), query.sql, query.parameters), plan)
  })
}

// Retrieval (L5), not yet a query of the ledger: the schema must serve it already.
const RETRIEVALS: Record<string, { sql: string; plan: RegExp[]; explain: string[] }> = {
  sender: {
    explain: ['event range event_sender'],
    sql: `select * from event where sender = 's7' and at >= ${FROM} and at < ${TO} order by at`,
    plan: [/^SEARCH event USING INDEX event_sender \(sender=\? AND at>\? AND at<\?\)$/],
  },
  provider: {
    explain: ['event range event_provider'],
    sql: `select * from event where provider = 'p7' and at >= ${FROM} and at < ${TO} order by at`,
    plan: [/^SEARCH event USING INDEX event_provider \(provider=\? AND at>\? AND at<\?\)$/],
  },
  day: {
    explain: ['event range event_time'],
    sql: `select * from event where at >= ${FROM} and at < ${TO} order by at`,
    plan: [/^SEARCH event USING INDEX event_time \(at>\? AND at<\?\)$/],
  },
  recipient: {
    explain: ['r range PRIMARY, covering', 'event eq_ref PRIMARY'],
    sql: `select event.* from event_recipient r join event on event.id = r.event_id where r.recipient = 'r7' and r.at >= ${FROM} and r.at < ${TO} order by r.at`,
    plan: [
      /^SEARCH r USING PRIMARY KEY \(recipient=\? AND at>\? AND at<\?\)$/,
      /^SEARCH event USING INTEGER PRIMARY KEY \(rowid=\?\)$/,
    ],
  },
}

for (const [by, { sql, plan }] of Object.entries(RETRIEVALS)) {
  test(`can retrieve the register by ${by} and days, in the order of time, without sorting`, async (t) => {
    assertPlan(await planOf(await ledgerPath(t), sql, []), plan)
  })
}

async function planOf(path: string, query: string, parameters: readonly unknown[]): Promise<string[]> {
  await (await openLedger(path)).close()
  const raw = new Database(path)
  try {
    return raw
      .prepare<unknown[], { detail: string }>(`explain query plan ${query}`)
      .all(...parameters)
      .map((row) => row.detail)
  } finally {
    raw.close()
  }
}

function assertPlan(steps: readonly string[], expected: readonly RegExp[]): void {
  assert.equal(steps.length, expected.length, steps.join('\n'))
  for (const [index, step] of steps.entries()) assert.match(step, expected[index] ?? /none/)
}

// -- MariaDB, which looks at what is in the tables ------------------------------------------------------------------------

const MINUTES = 60_000

/** Six thousand messages, one a minute, each with two events; one in ten is still open. */
const FILL = [
  `insert into step (step, committed_at) select concat('step ', seq), seq * ${MINUTES} from seq_1_to_6000`,
  `insert into message select concat('id', seq), null, 's', 's', null, 'complete', 'p', 1, seq * ${MINUTES}, 1 from seq_1_to_6000`,
  `insert into recipient select concat('id', seq), concat('r', seq), 'r', seq, 'certified', 1,
    if(seq % 10 = 0, seq * ${MINUTES}, null), null, null, null from seq_1_to_6000`,
  `insert into claim select concat('id', seq), 'outcome', concat('r', n.n) from seq_1_to_6000, (select 1 n union select 2) n`,
  `insert into event select seq, (seq div 2) * ${MINUTES}, 'delivery', concat('id', seq div 2), concat('m', seq),
    concat('s', seq % 50), 's', '[]', null, concat('p', seq % 50), 'o' from seq_1_to_12000`,
  `insert into event_recipient select concat('r', seq % 200), (seq div 2) * ${MINUTES}, seq from seq_1_to_12000`,
  `insert into evidence select seq, 'x', 'x' from seq_1_to_12000`,
  `insert into quarantine select concat('q', seq), concat('id', seq), 'virus', 's', 'x', 1, seq, seq, 'p', 's' from seq_1_to_2000`,
  'analyze table step, message, recipient, claim, event, event_recipient, evidence, quarantine',
]

test('over MariaDB, with thousands of rows,', { skip: mariadbIsMissing }, async (t) => {
  const server = await sharedMariadb()
  const settings = await newDatabase(server)
  await (await openPlace(JSON.stringify(settings))).close()
  const connection = await server.connect(settings.database)
  for (const statement of FILL) await connection.query(statement)
  const explained = async (query: string, parameters: readonly unknown[]): Promise<string[]> => {
    const [rows] = await connection.query(`explain ${query}`, [...parameters])
    return (rows as Explained[]).map(wayOf)
  }
  for (const [what, { run, explain }] of Object.entries(LOOKUPS)) {
    await t.test(`finds ${what} by an index`, async () => {
      const query = await sent(MYSQL_QUERIES, run)
      assert.deepEqual(await explained(query.sql, query.parameters), explain)
    })
  }
  for (const [by, { sql, explain }] of Object.entries(RETRIEVALS)) {
    await t.test(`can retrieve the register by ${by} and days, without sorting`, async () => {
      assert.deepEqual(await explained(sql, []), explain)
    })
  }
  await connection.end()
})

interface Explained {
  readonly table: string
  readonly type: string
  readonly key: string | null
  readonly Extra: string
}

function wayOf({ table, type, key, Extra }: Explained): string {
  const besides = { covering: /Using index(;|$)/, temporary: /Using temporary/, filesort: /Using filesort/ }
  const done = Object.entries(besides).flatMap(([name, pattern]) => (pattern.test(Extra) ? [name] : []))
  return [`${table} ${type} ${key ?? 'none'}`, ...done].join(', ')
}
