import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { closedFlatLogs } from '../../src/journal/flat-log-name.js'
import { FlatLog } from '../../src/journal/flat-log.js'
import { within } from '../../src/lab/within.js'

interface Rig {
  readonly log: FlatLog
  readonly directory: string
  /** 'failed' and 'wrote', for each change. */
  readonly told: string[]
  now: Date
  /** Each file's text, in the order of names. */
  readonly files: () => Promise<Record<string, string>>
}

async function rigOf(t: TestContext, { maxBytes = 1000, buffer = 10_000 } = {}): Promise<Rig> {
  const parent = await mkdtemp(join(tmpdir(), 'pec-journal-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  const directory = join(parent, 'log')
  const told: string[] = []
  const tell = (what: string) => {
    if (told.at(-1) !== what) told.push(what)
  }
  const log = new FlatLog({
    ...{ directory, maxBytes, buffer, server: 'mx1', component: 'access', instance: '7' },
    clock: () => rig.now,
    onFailure: () => tell('failed'),
    onSuccess: () => tell('wrote'),
    droppedLine: (count) => `dropped ${count}\n`,
  })
  const rig: Rig = {
    ...{ log, directory, told, now: new Date('2026-03-02T12:34:00Z') },
    async files() {
      const names = (await readdir(directory)).toSorted()
      const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
      return Object.fromEntries(names.map((name, at) => [name, texts[at] ?? '']))
    },
  }
  t.after(() => log.close())
  return rig
}

test('lines go to a private file that is named after server, hour, component and process', async (t) => {
  const { log, directory, files } = await rigOf(t)
  log.write('a\n')
  log.write('b\n')
  await within(20_000, 'nothing is written', async () => (await readdir(directory).catch(() => [])).length > 0)
  await log.flush()
  assert.deepEqual(await files(), { 'mx1_20260302T12_access_7.jsonl': 'a\nb\n' })
  const { mode } = await stat(join(directory, 'mx1_20260302T12_access_7.jsonl'))
  assert.equal(mode & 0o777, 0o600)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
})

test('a file that would grow too large is left for another one', async (t) => {
  const { log, files } = await rigOf(t, { maxBytes: 10 })
  for (const line of ['123456789\n', 'x\n', 'y\n']) {
    log.write(line)
    await log.flush()
  }
  assert.deepEqual(await files(), {
    'mx1_20260302T12_access_7-1.jsonl': 'x\ny\n',
    'mx1_20260302T12_access_7.jsonl': '123456789\n',
  })
})

test('a file ends with its day, lines or no lines; it is closed ten minutes later', async (t) => {
  const rig = await rigOf(t)
  const { log, directory, files } = rig
  log.write('a\n')
  await log.flush()
  rig.now = new Date('2026-03-03T00:00:01Z')
  await log.flush()
  log.write('b\n')
  await log.flush()
  assert.deepEqual(await files(), {
    'mx1_20260302T12_access_7.jsonl': 'a\n',
    'mx1_20260303T00_access_7.jsonl': 'b\n',
  })
  const closedAt = async (time: string, day?: string) =>
    (await closedFlatLogs(directory, new Date(time), day)).map(({ name }) => name)
  assert.deepEqual(await closedAt('2026-03-03T00:09:59Z'), [])
  assert.deepEqual(await closedAt('2026-03-03T00:10:00Z'), ['mx1_20260302T12_access_7.jsonl'])
  assert.equal((await closedAt('2026-03-04T00:10:00Z')).length, 2)
  assert.deepEqual(await closedAt('2026-03-04T00:10:00Z', '2026-03-03'), ['mx1_20260303T00_access_7.jsonl'])
  assert.deepEqual(await closedFlatLogs(join(directory, 'away'), new Date(), '2026-03-03'), [])
  const [first] = await closedFlatLogs(directory, new Date('2026-03-04T00:10:00Z'))
  const facts = { server: 'mx1', component: 'access', instance: '7', day: '2026-03-02' }
  assert.deepEqual(first, {
    ...facts,
    name: 'mx1_20260302T12_access_7.jsonl',
    path: join(directory, 'mx1_20260302T12_access_7.jsonl'),
  })
})

test('a file that is there already is never written to', async (t) => {
  const { log, directory, files } = await rigOf(t)
  await mkdir(directory)
  await (await open(join(directory, 'mx1_20260302T12_access_7.jsonl'), 'w')).close()
  log.write('a\n')
  await log.flush()
  assert.deepEqual(await files(), { 'mx1_20260302T12_access_7-1.jsonl': 'a\n', 'mx1_20260302T12_access_7.jsonl': '' })
})

test('a directory that goes away is made again, and lines that found none wait', async (t) => {
  const { log, directory, told, files } = await rigOf(t)
  log.write('a\n')
  await log.flush()
  await rm(directory, { recursive: true })
  log.write('b\n')
  await log.flush()
  assert.deepEqual(await files(), { 'mx1_20260302T12_access_7.jsonl': 'b\n' })

  // What it is in has gone too: as a file system that is not mounted.
  const parent = join(directory, '..')
  await rename(parent, `${parent}.away`)
  log.write('c\n')
  await log.flush()
  await rename(`${parent}.away`, parent)
  log.write('d\n')
  await within(30_000, 'it is not written again', () => told.at(-1) === 'wrote' && told.length > 2)
  assert.deepEqual(told, ['wrote', 'failed', 'wrote'])
  assert.match(Object.values(await files()).join(''), /c\nd\n/)
})

test('a disk that fills up in the middle of a line costs nothing once there is room', async (t) => {
  const { log, told, files } = await rigOf(t)
  log.write('first\n')
  await log.flush()
  const room = [3, 0, 1]
  await mockWrites(t, () => room.shift())
  log.write('second\n')
  log.write('third\n')
  for (let i = 0; i < 4; i++) await log.flush()
  assert.deepEqual(await files(), { 'mx1_20260302T12_access_7.jsonl': 'first\nsecond\nthird\n' })
  assert.deepEqual(told, ['wrote', 'failed', 'wrote'])
})

test('a line that was torn is not continued in another file', async (t) => {
  const { log, directory, files } = await rigOf(t)
  const room = [3, 0]
  log.write('first\n')
  await log.flush()
  await mockWrites(t, () => room.shift())
  log.write('second\n')
  log.write('third\n')
  await log.flush()
  await rm(join(directory, 'mx1_20260302T12_access_7.jsonl'))
  await log.flush()
  assert.deepEqual(await files(), { 'mx1_20260302T12_access_7.jsonl': 'third\n' })
})

test('what waits has a bound: more is dropped, and counted', async (t) => {
  const { log, files } = await rigOf(t, { buffer: 10 })
  for (const line of ['12345\n', '789\n', 'too much\n', 'more\n']) log.write(line)
  await log.flush()
  log.write('x\n')
  await log.flush()
  assert.deepEqual(await files(), { 'mx1_20260302T12_access_7.jsonl': '12345\n789\ndropped 2\nx\n' })
})

/** Every write takes so many bytes at the most; none is ENOSPC, undefined is no bound. */
async function mockWrites(t: TestContext, room: () => number | undefined): Promise<void> {
  const handle = await open(__filename)
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const { write } = prototype as { readonly write: (this: FileHandle, bytes: Buffer, offset: number, length: number) => unknown }
  t.mock.method(prototype, 'write', function (this: FileHandle, bytes: Buffer, offset: number) {
    const most = room()
    if (most === 0) return Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }))
    return write.call(this, bytes, offset, Math.min(bytes.length - offset, most ?? Infinity))
  })
}
