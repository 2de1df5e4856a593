import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, type CompiledQuery } from 'kysely'
import { prepareQueries, type Queries } from '../../src/ledger/queries.js'
import { openLedger, sqlite } from '../../src/ledger/sqlite.js'
import type { Tables } from '../../src/ledger/schema.js'
import type { Executor } from '../../src/ledger/statements.js'
import { ledgerPath } from './entries.js'

const db = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely: Kysely<unknown>) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

/** The text and parameters that a query of the ledger sends to its database. */
async function sent(run: (queries: Queries, on: Executor) => Promise<unknown>): Promise<CompiledQuery> {
  const seen: CompiledQuery[] = []
  const on: Executor = {
    executeQuery: (query) => {
      if ('sql' in query) seen.push(query)
      return Promise.resolve({ rows: [] })
    },
  }
  await run(prepareQueries(db, sqlite), on)
  const [query] = seen
  assert.ok(query)
  return query
}

const LOOKUPS: Record<string, { run: Parameters<typeof sent>[0]; plan: RegExp[] }> = {
  'a step': { run: (q, on) => q.step(on, 's'), plan: [/^SEARCH step USING COVERING INDEX .* \(step=\?\)$/] },
  'a message': { run: (q, on) => q.message(on, 'i'), plan: [/^SEARCH message USING PRIMARY KEY \(identifier=\?\)$/] },
  'its recipients': {
    run: (q, on) => q.recipients(on, 'i'),
    plan: [/^SEARCH recipient USING PRIMARY KEY \(identifier=\?\)$/, /^USE TEMP B-TREE/],
  },
  claims: {
    run: (q, on) => q.claims(on, ['i', 'outcome'], ['a', 'b']),
    plan: [/^SEARCH claim USING PRIMARY KEY \(identifier=\? AND what=\? AND recipient=\?\)$/],
  },
  'the register of a message, without sorting': {
    run: (q, on) => q.events(on, 'i'),
    plan: [
      /^SEARCH event USING INDEX event_identifier \(identifier=\?\)$/,
      /^SEARCH evidence USING INTEGER PRIMARY KEY \(rowid=\?\) LEFT-JOIN$/,
    ],
  },
  'what is in quarantine, without sorting': {
    run: (q, on) => q.quarantined(on, 'i'),
    plan: [/^SEARCH quarantine USING INDEX quarantine_identifier \(identifier=\?\)$/],
  },
  'open recipients, without sorting': {
    run: (q, on) => q.open(on, 1, 1),
    plan: [/^SEARCH recipient USING INDEX recipient_open \(open_since<\?\)$/],
  },
  'further open recipients, without sorting': {
    run: (q, on) => q.openAfter(on, 1, 1, 1, 'i', 'r', 1),
    plan: [/^SEARCH recipient USING INDEX recipient_open \((open_since>\? AND open_since<\?|\(open_since,.*)\)$/],
  },
  'counts by type, without the rows': {
    run: (q, on) => q.counts(on, 1, 2),
    plan: [/^SEARCH event USING COVERING INDEX event_time \(at>\? AND at<\?\)$/, /^USE TEMP B-TREE FOR GROUP BY$/],
  },
  'steps to forget': { run: (q, on) => q.deleteSteps(on, 1, 1), plan: [/^SEARCH step USING INTEGER PRIMARY KEY \(rowid<\?\)$/] },
}

for (const [what, { run, plan }] of Object.entries(LOOKUPS)) {
  test(`finds ${what} by an index`, async (t) => {
    const query = await sent(run)
    assertPlan(await planOf(await ledgerPath(t), query.sql, query.parameters), plan)
  })
}

// Retrieval (L5), not yet a query of the ledger: the schema must serve it already.
const RETRIEVALS: Record<string, { sql: string; plan: RegExp[] }> = {
  sender: {
    sql: `select * from event where sender = 's' and at >= 1 and at < 2 order by at`,
    plan: [/^SEARCH event USING INDEX event_sender \(sender=\? AND at>\? AND at<\?\)$/],
  },
  provider: {
    sql: `select * from event where provider = 'p' and at >= 1 and at < 2 order by at`,
    plan: [/^SEARCH event USING INDEX event_provider \(provider=\? AND at>\? AND at<\?\)$/],
  },
  day: {
    sql: 'select * from event where at >= 1 and at < 2 order by at',
    plan: [/^SEARCH event USING INDEX event_time \(at>\? AND at<\?\)$/],
  },
  recipient: {
    sql: `select event.* from event_recipient r join event on event.id = r.event_id where r.recipient = 'r' and r.at >= 1 and r.at < 2 order by r.at`,
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
