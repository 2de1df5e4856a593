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
import { prepareSearchQueries, type SearchQueries } from '../../src/ledger/search-queries.js'
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
const SQLITE_SEARCHES = prepareSearchQueries(db, sqlite)
const MYSQL_SEARCHES = prepareSearchQueries(mysqlDb, mysql)

/** The text and parameters that a query of the ledger sends to its database. */
async function sent<Q>(queries: Q, run: (queries: Q, on: Executor) => Promise<unknown>): Promise<CompiledQuery> {
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
interface Lookup<Q> {
  readonly run: (queries: Q, on: Executor) => Promise<unknown>
  readonly plan: readonly RegExp[]
  readonly explain: readonly string[]
}

const LOOKUPS: Record<string, Lookup<Queries>> = {
  'a step': {
    run: (q, on) => q.step(on, 'step 7'),
    explain: ['step const step'],
    plan: [/^SEARCH step USING INDEX .* \(step=\?\)$/],
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
  'the last event before a time': {
    run: (q, on) => q.lastEvent(on, TO, 1),
    explain: ['event range event_time, covering'],
    plan: [/^SEARCH event USING COVERING INDEX event_time \(at<\?\)$/],
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

type Retrieval = Lookup<SearchQueries>

/** Retrieval (L5): any page in the order of time, without sorting. */
const RETRIEVALS: Record<string, Retrieval> = {
  'a page by identifier': {
    run: (q, on) => q.by.identifier(on, 'x7', FROM, TO, FROM, 7, 100),
    explain: ['event range event_identifier'],
    plan: [/^SEARCH event USING INDEX event_identifier \(identifier=\? AND at>\? AND at<\?\)$/],
  },
  'some of them by identifier, without the rows': {
    run: (q, on) => q.count.identifier(on, 'x7', FROM, TO, 100),
    explain: ['<derived2> ALL none', 'event range event_identifier, covering'],
    plan: [
      /^CO-ROUTINE some$/,
      /^SEARCH event USING COVERING INDEX event_identifier \(identifier=\? AND at>\? AND at<\?\)$/,
      /^SCAN some$/,
    ],
  },
  'a page by sender': {
    run: (q, on) => q.by.sender(on, 'x7', FROM, TO, FROM, 7, 100),
    explain: ['event range event_sender'],
    plan: [/^SEARCH event USING INDEX event_sender \(sender=\? AND at>\? AND at<\?\)$/],
  },
  'some of them by sender, without the rows': {
    run: (q, on) => q.count.sender(on, 'x7', FROM, TO, 100),
    explain: ['<derived2> ALL none', 'event range event_sender, covering'],
    plan: [
      /^CO-ROUTINE some$/,
      /^SEARCH event USING COVERING INDEX event_sender \(sender=\? AND at>\? AND at<\?\)$/,
      /^SCAN some$/,
    ],
  },
  'a page by provider': {
    run: (q, on) => q.by.provider(on, 'x7', FROM, TO, FROM, 7, 100),
    explain: ['event range event_provider'],
    plan: [/^SEARCH event USING INDEX event_provider \(provider=\? AND at>\? AND at<\?\)$/],
  },
  'some of them by provider, without the rows': {
    run: (q, on) => q.count.provider(on, 'x7', FROM, TO, 100),
    explain: ['<derived2> ALL none', 'event range event_provider, covering'],
    plan: [
      /^CO-ROUTINE some$/,
      /^SEARCH event USING COVERING INDEX event_provider \(provider=\? AND at>\? AND at<\?\)$/,
      /^SCAN some$/,
    ],
  },
  'a page by type': {
    run: (q, on) => q.by.type(on, 'x7', FROM, TO, FROM, 7, 100),
    explain: ['event range event_type'],
    plan: [/^SEARCH event USING INDEX event_type \(type=\? AND at>\? AND at<\?\)$/],
  },
  'some of them by type, without the rows': {
    run: (q, on) => q.count.type(on, 'x7', FROM, TO, 100),
    explain: ['<derived2> ALL none', 'event range event_type, covering'],
    plan: [/^CO-ROUTINE some$/, /^SEARCH event USING COVERING INDEX event_type \(type=\? AND at>\? AND at<\?\)$/, /^SCAN some$/],
  },
  'a page by provider and type': {
    run: (q, on) => q.byProviderAndType(on, 'p7', 'x7', FROM, TO, FROM, 7, 100),
    explain: ['event range event_provider_type'],
    plan: [/^SEARCH event USING INDEX event_provider_type \(provider=\? AND type=\? AND at>\? AND at<\?\)$/],
  },
  'some of them by provider and type, without the rows': {
    run: (q, on) => q.countProviderAndType(on, 'p7', 'x7', FROM, TO, 100),
    explain: ['<derived2> ALL none', 'event range event_provider_type, covering'],
    plan: [
      /^CO-ROUTINE some$/,
      /^SEARCH event USING COVERING INDEX event_provider_type \(provider=\? AND type=\? AND at>\? AND at<\?\)$/,
      /^SCAN some$/,
    ],
  },
  'a page by recipient': {
    run: (q, on) => q.byRecipient(on, 'r7', FROM, TO, FROM, 7, 100),
    explain: ['event_recipient range PRIMARY, covering', 'event eq_ref PRIMARY'],
    plan: [
      /^SEARCH event_recipient USING PRIMARY KEY \(recipient=\? AND at>\? AND at<\?\)$/,
      /^SEARCH event USING INTEGER PRIMARY KEY \(rowid=\?\)$/,
    ],
  },
  'some of them by recipient, without the rows': {
    run: (q, on) => q.countRecipient(on, 'r7', FROM, TO, 100),
    explain: ['<derived2> ALL none', 'event_recipient range PRIMARY, covering'],
    plan: [/^CO-ROUTINE some$/, /^SEARCH event_recipient USING PRIMARY KEY \(recipient=\? AND at>\? AND at<\?\)$/, /^SCAN some$/],
  },
  'a page by time': {
    run: (q, on) => q.byTime(on, FROM, TO, FROM, 'delivery', 7, 100),
    explain: ['event range event_time'],
    plan: [/^SEARCH event USING INDEX event_time \(at>\? AND at<\?\)$/],
  },
  "messages by the client's Message-ID": {
    run: (q, on) => q.identifiers(on, '<7@client.example>', 'id7', 100),
    // As much of a Message-ID as an index can hold: those few that share one are sorted.
    explain: ['message ref message_client, filesort'],
    plan: [/^SEARCH message USING COVERING INDEX message_client \(client_message_id=\? AND identifier>\?\)$/],
  },
  'the evidence of an event': {
    run: (q, on) => q.evidence(on, 7),
    explain: ['evidence const PRIMARY'],
    plan: [/^SEARCH evidence USING INTEGER PRIMARY KEY \(rowid=\?\)$/],
  },
}

for (const [what, { run, plan }] of Object.entries(RETRIEVALS)) {
  test(`retrieves ${what} by an index`, async (t) => {
    const query = await sent(SQLITE_SEARCHES, run)
    assertPlan(await planOf(await ledgerPath(t), query.sql, query.parameters), plan)
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
  `insert into message select concat('id', seq), concat('<', seq % 500, '@client.example>'), 's', 's', null, 'complete', 'p', 1, seq * ${MINUTES}, 1 from seq_1_to_6000`,
  `insert into recipient select concat('id', seq), concat('r', seq), 'r', seq, 'certified', 1,
    if(seq % 10 = 0, seq * ${MINUTES}, null), null, null, null from seq_1_to_6000`,
  `insert into claim select concat('id', seq), 'outcome', concat('r', n.n) from seq_1_to_6000, (select 1 n union select 2) n`,
  `insert into event select seq, (seq div 2) * ${MINUTES}, concat('x', seq % 50), concat('id', seq div 2), concat('m', seq),
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
  for (const [what, { run, explain }] of Object.entries(RETRIEVALS)) {
    await t.test(`retrieves ${what} by an index`, async () => {
      const query = await sent(MYSQL_SEARCHES, run)
      assert.deepEqual(await explained(query.sql, query.parameters), explain)
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
