import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import test from 'node:test'
import Database from 'better-sqlite3'
import { openLedger } from '../../src/ledger/sqlite.js'
import { claimOf, entryOf, eventOf, factsOf, failure, ledgerPath, quarantinedOf } from './entries.js'

test('makes a file that only its owner can read, journals included', async (t) => {
  const path = await ledgerPath(t)
  const ledger = await openLedger(path)
  await ledger.commit(entryOf('s1'))
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal((await stat(file)).mode & 0o777, 0o600, file)
  await ledger.close()
})

test('finds again what another opening wrote', async (t) => {
  const path = await ledgerPath(t)
  const first = await openLedger(path)
  await first.commit(entryOf('s1', { message: factsOf('1@a.example') }))
  await first.close()
  const second = await openLedger(path)
  assert.equal((await second.message('1@a.example'))?.size, 2048)
  await second.close()
})

test('waits for the disk at each commit', async (t) => {
  const pragma = t.mock.method(Database.prototype, 'pragma')
  await (await openLedger(await ledgerPath(t))).close()
  const pragmas = pragma.mock.calls.map((call) => call.arguments[0])
  assert.ok(pragmas.includes('journal_mode = WAL'))
  assert.ok(pragmas.includes('synchronous = FULL'))
})

test('can be opened by several at once, from nothing', async (t) => {
  const path = await ledgerPath(t)
  const ledgers = await Promise.all(Array.from({ length: 5 }, () => openLedger(path)))
  await Promise.all(ledgers.map((ledger, n) => ledger.commit(entryOf(`s${n}`))))
  const raw = new Database(path)
  assert.deepEqual(raw.prepare('select count(*) n from step').get(), { n: 5 })
  const migrations = raw.prepare('select count(*) n, max(version) last from migration').get() as { n: number; last: number }
  assert.ok(migrations.n > 0)
  assert.equal(migrations.n, migrations.last, 'each was made once')
  raw.close()
  await Promise.all(ledgers.map((ledger) => ledger.close()))
})

test('refuses the schema of a newer release', async (t) => {
  const path = await ledgerPath(t)
  await (await openLedger(path)).close()
  const raw = new Database(path)
  raw.exec(`insert into migration values (99, 'from the future')`)
  raw.close()
  await assert.rejects(openLedger(path), { ...failure('configuration', false), message: /schema 99/ })
})

test('refuses a file that is no database and a folder that is not there', async (t) => {
  const path = await ledgerPath(t)
  await writeFile(path, 'x'.repeat(5000))
  await assert.rejects(openLedger(path), failure('configuration', false))
  await assert.rejects(openLedger(`${path}.d/none/ledger.db`), failure('configuration', false))
})

test('writes nothing of an entry whose last statement fails', async (t) => {
  const path = await ledgerPath(t)
  const ledger = await openLedger(path)
  const raw = new Database(path)
  raw.exec(`create trigger broken before insert on evidence begin select raise(abort, 'broken'); end`)
  const id = '1@a.example'
  const entry = entryOf('s1', {
    message: factsOf(id),
    claims: [claimOf(id)],
    events: [eventOf(id), eventOf(id, { daticert: Buffer.from('x') })],
    quarantined: quarantinedOf(id),
  })
  await assert.rejects(ledger.commit(entry), (error: Error & { code?: unknown; temporary?: unknown }) => {
    assert.deepEqual([error.code, error.temporary], ['ledger', true])
    assert.match(String(error.cause), /broken/)
    return true
  })
  for (const table of ['step', 'claim', 'message', 'recipient', 'quarantine', 'event', 'event_recipient', 'evidence']) {
    assert.deepEqual(raw.prepare(`select count(*) n from ${table}`).get(), { n: 0 }, table)
  }
  raw.exec('drop trigger broken')
  await ledger.commit(entry)
  assert.equal((await ledger.eventsOf(id)).length, 2)
  assert.equal((await ledger.quarantinedOf(id)).length, 1)
  raw.close()
  await ledger.close()
})

test('tells the first error when the database has rolled back by itself', async (t) => {
  const path = await ledgerPath(t)
  const ledger = await openLedger(path)
  const raw = new Database(path)
  raw.exec(`create trigger broken before insert on step begin select raise(rollback, 'disk on fire'); end`)
  await assert.rejects(ledger.commit(entryOf('s1')), { ...failure('ledger', true), message: /disk on fire/ })
  raw.exec('drop trigger broken')
  await ledger.commit(entryOf('s1'))
  raw.close()
  await ledger.close()
})

test('waits for another writer without holding up the process', async (t) => {
  const path = await ledgerPath(t)
  const ledger = await openLedger(path)
  const raw = new Database(path)
  raw.exec('begin immediate')
  let committed = false
  const commit = ledger.commit(entryOf('s1')).then(() => (committed = true))
  await pause(300)
  assert.equal(committed, false)
  raw.exec('commit')
  await commit
  assert.equal(await ledger.isCommitted('s1'), true)
  raw.close()
  await ledger.close()
})

test('gives up on a writer that never ends', async (t) => {
  const path = await ledgerPath(t)
  const ledger = await openLedger(path)
  const raw = new Database(path)
  raw.exec('begin immediate')
  await assert.rejects(ledger.commit(entryOf('s1')), failure('ledger', true))
  raw.exec('commit')
  assert.equal(await ledger.isCommitted('s1'), false)
  raw.close()
  await ledger.close()
})
