import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { clearSpool } from '../../src/haraka/spool.js'

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

test('a folder that is not there yet is clear', async (t) => {
  assert.equal(await clearSpool(join(spoolFor(t), 'none'), NOON), 0)
})

test('the spool is cleared of files that no session can be working on', async (t) => {
  const directory = spoolFor(t)
  assert.equal(await clearSpool(directory, new Date(NOON.getTime() - DAY)), 1)
  assert.deepEqual(readdirSync(directory).sort(), ['folder', 'new.eml'])
})
