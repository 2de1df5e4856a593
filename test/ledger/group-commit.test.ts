import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { ROWS_PER_STEP } from '../../src/ledger/schema.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import type { Entry } from '../../src/points/ports.js'
import { claimOf, entryOf, eventOf, factsOf, ledgerPath } from './entries.js'

interface Place {
  readonly ledger: SqlLedger
  /** Another connection, to break things from outside. */
  readonly raw: Database.Database
}

async function placeFor(t: TestContext): Promise<Place> {
  const path = await ledgerPath(t)
  const ledger = await openLedger(path)
  const raw = new Database(path)
  t.after(async () => {
    raw.close()
    await ledger.close()
  })
  return { ledger, raw }
}

/** What becomes of entries committed in the same moment: `ok`, or the code of the failure. */
async function together(ledger: SqlLedger, entries: readonly Entry[]): Promise<unknown[]> {
  const results = await Promise.allSettled(entries.map((entry) => ledger.commit(entry)))
  return results.map((result) => (result.status === 'fulfilled' ? 'ok' : (result.reason as { code?: unknown }).code))
}

/** Those that a journal holds since it was truncated: the last page of each tells the size of the database. */
function transactionsIn(journal: string): number {
  const bytes = readFileSync(journal)
  const [header, frameHeader, page] = [32, 24, bytes.readUInt32BE(8)]
  let count = 0
  for (let at = header; at < bytes.length; at += frameHeader + page) if (bytes.readUInt32BE(at + 4) !== 0) count++
  return count
}

function numbered(count: number): Entry[] {
  return Array.from({ length: count }, (_, n) => entryOf(`s${n}`, { claims: [claimOf(`${n}@a.example`)] }))
}

test('entries of the same moment are one transaction', async (t) => {
  const { ledger, raw } = await placeFor(t)
  raw.pragma('wal_checkpoint(truncate)')
  assert.deepEqual(await together(ledger, numbered(20)), Array(20).fill('ok'))
  assert.equal(transactionsIn(`${raw.name}-wal`), 1)
})

test('what comes in while another process writes is the same transaction', async (t) => {
  const { ledger, raw } = await placeFor(t)
  raw.pragma('wal_checkpoint(truncate)')
  raw.exec('begin immediate')
  const [first, ...others] = numbered(20)
  assert.ok(first)
  const early = together(ledger, [first])
  await setTimeout(20)
  const late = together(ledger, others)
  raw.exec('rollback')
  assert.deepEqual([...(await early), ...(await late)], Array(20).fill('ok'))
  assert.equal(transactionsIn(`${raw.name}-wal`), 1)
})

test('those that wait for another process which never ends are told so, and later ones have their turn', async (t) => {
  const { ledger, raw } = await placeFor(t)
  raw.exec('begin immediate')
  const [first, second, third] = numbered(3)
  assert.ok(first && second && third)
  const early = together(ledger, [first])
  await setTimeout(20)
  const late = together(ledger, [second, third])
  assert.deepEqual(await early, ['ledger'])
  raw.exec('rollback')
  assert.deepEqual(await late, ['ok', 'ok'])
  const committed = await Promise.all([first, second].map(({ step }) => ledger.isCommitted(step)))
  assert.deepEqual(committed, [false, true])
})

test('one that is refused takes nothing of the others with it', async (t) => {
  const { ledger } = await placeFor(t)
  await ledger.commit(entryOf('first', { claims: [claimOf('1@a.example')] }))
  const entries = [
    entryOf('s1', { claims: [claimOf('0@a.example')], message: factsOf('0@a.example') }),
    entryOf('s2', { claims: [claimOf('x@a.example'), claimOf('1@a.example')], events: [eventOf('x@a.example')] }),
    entryOf('s3', { claims: [claimOf('2@a.example')] }),
    entryOf('s4', { claims: [claimOf('2@a.example')] }),
    entryOf('s5', { events: Array.from({ length: ROWS_PER_STEP + 1 }, () => eventOf('y@a.example')) }),
    entryOf('s6', { claims: [claimOf('3@a.example')] }),
  ]
  assert.deepEqual(await together(ledger, entries), ['ok', 'conflict', 'ok', 'conflict', 'malformed', 'ok'])
  const committed = await Promise.all(entries.map(({ step }) => ledger.isCommitted(step)))
  assert.deepEqual(committed, [true, false, true, false, false, true])
  assert.deepEqual(await ledger.taken([claimOf('x@a.example'), claimOf('3@a.example')]), [claimOf('3@a.example')])
  assert.deepEqual(await ledger.eventsOf('x@a.example'), [])
})

test('one that the database does not take fails alone', async (t) => {
  const { ledger, raw } = await placeFor(t)
  raw.exec(`create trigger broken before insert on message when new.size = 13 begin select raise(rollback, 'broken'); end`)
  const [first, second, third] = [1, 2, 3].map((n) =>
    entryOf(`s${n}`, { message: factsOf(`${n}@a.example`, { size: n === 2 ? 13 : 12 }) }),
  )
  assert.ok(first && second && third)
  assert.deepEqual(await together(ledger, [first, second, third]), ['ok', 'ledger', 'ok'])
  const rows = raw.prepare('select identifier from message order by identifier').all()
  assert.deepEqual(rows, [{ identifier: '1@a.example' }, { identifier: '3@a.example' }])
})

test('all fail for now when the commit itself fails: whether it took place is not known', async (t) => {
  const { ledger, raw } = await placeFor(t)
  raw.exec(`create table other (id integer primary key, parent integer references other deferrable initially deferred) strict;
    create trigger broken after insert on step begin insert into other (parent) values (99); end`)
  assert.deepEqual(await together(ledger, numbered(3)), ['ledger', 'ledger', 'ledger'])
  raw.exec('drop trigger broken')
  assert.deepEqual(await together(ledger, numbered(3)), ['ok', 'ok', 'ok'])
})

test('more than fit into one transaction are all committed', async (t) => {
  const { ledger, raw } = await placeFor(t)
  assert.deepEqual(await together(ledger, numbered(200)), Array(200).fill('ok'))
  assert.deepEqual(raw.prepare('select count(*) n from claim').get(), { n: 200 })
})
