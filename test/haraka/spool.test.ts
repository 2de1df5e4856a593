import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startHousekeeping } from '../../src/haraka/housekeeping.js'
import { clearSpool } from '../../src/haraka/spool.js'
import { mailOf } from './mail.js'

const NOON = new Date('2026-03-02T12:00:00Z')
const DAY = 86_400_000

/** A spool with a file of two days ago, one of an hour ago, and a directory. */
function spoolFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'pec-spool-'))
  t.after(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'folder'))
  for (const [name, age] of [
    ['old.eml', 2 * DAY],
    ['new.eml', DAY / 24],
    ['folder', 2 * DAY],
  ] as const) {
    const path = join(directory, name)
    if (name !== 'folder') writeFileSync(path, 'x')
    utimesSync(path, NOON, new Date(NOON.getTime() - age))
  }
  return directory
}

/** Waits without timers, which are mocked. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 5000; !condition() && performance.now() < end;)
    await new Promise((resolve) => setImmediate(resolve))
}

test('the spool is cleared of files that no session can be working on', async (t) => {
  const directory = spoolFor(t)
  assert.equal(await clearSpool(directory, new Date(NOON.getTime() - DAY)), 1)
  assert.deepEqual(readdirSync(directory).sort(), ['folder', 'new.eml'])
})

test('housekeeping forgets old steps and clears the spool, soon and then every day, whatever fails', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const spool = spoolFor(t)
  const { done, ...log } = mailOf()
  const purged: Date[] = []
  const ledger = {
    purgeSteps: (before: Date) => {
      purged.push(before)
      return purged.length === 1 ? Promise.reject(new Error('away')) : Promise.resolve(0)
    },
  }
  const stop = startHousekeeping({ ledger, spool, clock: () => NOON }, log)
  assert.deepEqual(purged, [])
  t.mock.timers.tick(DAY / 24)
  const month = new Date(NOON.getTime() - 30 * DAY)
  assert.deepEqual(purged, [month])
  await until(() => readdirSync(spool).length === 2)
  assert.deepEqual(readdirSync(spool).sort(), ['folder', 'new.eml'])
  assert.deepEqual(done, ['error: old steps could not be forgotten: away'])
  t.mock.timers.tick(DAY)
  assert.deepEqual(purged, [month, month])
  stop()
  t.mock.timers.tick(2 * DAY)
  assert.equal(purged.length, 2)
})

test('a spool that is not there is told of, and nothing else happens', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const { done, ...log } = mailOf()
  const stop = startHousekeeping({ ledger: { purgeSteps: () => Promise.resolve(0) }, spool: '/nowhere', clock: () => NOON }, log)
  t.mock.timers.tick(DAY / 24)
  await until(() => done.length > 0)
  assert.match(done[0] ?? '', /^error: the spool could not be cleared: ENOENT/)
  stop()
})
