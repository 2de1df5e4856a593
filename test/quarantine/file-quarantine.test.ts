import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import { openFileQuarantine } from '../../src/quarantine/file-quarantine.js'

const NOON = new Date('2026-03-02T12:00:00Z')

async function directoryOf(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pec-quarantine-'))
  test.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'quarantine')
}

test('keeps a message byte for byte, under a name of its own, for its owner only', async (t) => {
  const directory = await directoryOf(t)
  const quarantine = await openFileQuarantine({ directory, months: 30 })
  const bytes = randomBytes(300_000)
  const kept = await quarantine.keep(fromBuffer(bytes), NOON)
  assert.deepEqual(await readdir(directory), [`${kept.id}.eml`])
  assert.match(kept.id, /^[0-9a-f-]{36}$/)
  assert.ok((await readFile(join(directory, `${kept.id}.eml`))).equals(bytes))
  assert.equal(kept.sha256, createHash('sha256').update(bytes).digest('hex'))
  assert.equal(kept.size, bytes.length)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
  assert.equal((await stat(join(directory, `${kept.id}.eml`))).mode & 0o777, 0o600)
})

test('keeps it for so many months and not a day less', async (t) => {
  const quarantine = await openFileQuarantine({ directory: await directoryOf(t), months: 30 })
  const until = async (since: string): Promise<string> =>
    (await quarantine.keep(fromBuffer(Buffer.from('x')), new Date(since))).until.toISOString()
  assert.equal(await until('2026-03-02T12:00:00Z'), '2028-09-02T12:00:00.000Z')
  assert.equal(await until('2026-08-31T12:00:00Z'), '2029-03-03T12:00:00.000Z', 'there is no 31 February')
})

test('takes a message out again', async (t) => {
  const directory = await directoryOf(t)
  const quarantine = await openFileQuarantine({ directory, months: 30 })
  const kept = await quarantine.keep(fromBuffer(Buffer.from('x')), NOON)
  await quarantine.discard(kept)
  await quarantine.discard(kept)
  assert.deepEqual(await readdir(directory), [])
})

test('leaves nothing of a message that it could not write whole', async (t) => {
  const directory = await directoryOf(t)
  const quarantine = await openFileQuarantine({ directory, months: 30 })
  const broken: Source = {
    size: 20,
    read: () => Promise.reject(new Error('no disk')),
    async *chunks() {
      yield Buffer.from('begun')
      await Promise.reject(new Error('no disk'))
    },
  }
  await assert.rejects(quarantine.keep(broken, NOON), { name: 'PecError', code: 'quarantine', temporary: true })
  assert.deepEqual(await readdir(directory), [])
  await rm(directory, { recursive: true })
  await assert.rejects(quarantine.keep(fromBuffer(Buffer.from('x')), NOON), { code: 'quarantine', temporary: true })
})

test('does not open on a directory that others can read, or on none', async (t) => {
  const directory = await directoryOf(t)
  await openFileQuarantine({ directory, months: 30 })
  await chmod(directory, 0o750)
  await assert.rejects(openFileQuarantine({ directory, months: 30 }), { code: 'configuration', message: /700/ })
  await writeFile(`${directory}.file`, '')
  await assert.rejects(openFileQuarantine({ directory: `${directory}.file/x`, months: 30 }), { code: 'configuration' })
})
