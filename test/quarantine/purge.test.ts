import assert from 'node:assert/strict'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { readZip } from '../../src/archive/zip.js'
import { fromBuffer } from '../../src/mail/source.js'
import type { QuarantinedMessage } from '../../src/points/ports.js'
import { exportKept } from '../../src/quarantine/export.js'
import { openFileQuarantine } from '../../src/quarantine/file-quarantine.js'
import { purgeKept, purgeOver, type PurgeMeans } from '../../src/quarantine/purge.js'
import { Laboratory } from '../harness/laboratory.js'
import { entryOf, quarantinedOf } from '../ledger/entries.js'
import { ENGINES, freshLedger } from '../ledger/engines.js'

const SINCE = new Date('2026-03-02T12:00:00Z')
const OVER = new Date('2028-09-03T00:00:00Z')
const BYTES = Buffer.from('Subject: x\r\n\r\nEICAR')

interface Kept {
  readonly kept: QuarantinedMessage
  readonly path: string
  readonly directory: string
  /** Where a test may write. */
  readonly folder: string
}

async function keep(t: TestContext): Promise<Kept> {
  const folder = await new Laboratory(t).directory()
  const directory = join(folder, 'quarantine')
  await mkdir(directory, { mode: 0o700 })
  const file = await (await openFileQuarantine({ directory, months: 30 })).keep(fromBuffer(BYTES), SINCE)
  return { kept: { ...quarantinedOf('1@a.test'), ...file }, path: join(directory, `${file.id}.eml`), directory, folder }
}

/** The means, with what was done in order. */
function meansFor({ directory }: Kept, parts: Partial<PurgeMeans> = {}): { readonly means: PurgeMeans; readonly done: string[] } {
  const done: string[] = []
  const means: PurgeMeans = {
    ...{ directory, shared: false, now: OVER, held: new Set<string>() },
    record: (_, outcome) => Promise.resolve(void done.push(outcome)),
    forget: (id) => Promise.resolve(void done.push(id)),
    ...parts,
  }
  return { means, done }
}

const isThere = (path: string): Promise<boolean> => stat(path).then(Boolean, () => false)

describe('purging quarantine', () => {
  test('ends with the first whose time is not over', async (t) => {
    const first = await keep(t)
    const { means, done } = meansFor(first)
    const later = { ...first.kept, id: 'later', until: new Date(OVER.getTime() + 1) }
    async function* all() {
      await Promise.resolve()
      yield first.kept
      yield later
      yield assert.fail('nobody looks any further')
    }
    const told: string[] = []
    assert.equal(await purgeOver(all(), means, ({ id }, verdict) => told.push(`${id} ${verdict}`)), 1)
    assert.deepEqual(told, [`${first.kept.id} purged`])
    assert.equal(done.at(-1), first.kept.id)
    assert.equal(await isThere(first.path), false)
  })

  test('removes what is past its time, registers it, and only then forgets it', async (t) => {
    const place = await keep(t)
    const { means, done } = meansFor(place)
    assert.equal(await purgeKept(place.kept, means), 'purged')
    assert.equal(await isThere(place.path), false)
    assert.deepEqual(done, [
      `purged from quarantine (Test.Eicar, SHA-256 ${place.kept.sha256}), its time was over`,
      place.kept.id,
    ])
  })

  test('leaves what is not, unless there is a reason', async (t) => {
    const place = await keep(t)
    const { means, done } = meansFor(place, { now: SINCE })
    assert.equal(await purgeKept(place.kept, means), 'early')
    assert.deepEqual([await isThere(place.path), done], [true, []])
    assert.equal(await purgeKept(place.kept, means, 'order of the court'), 'purged')
    assert.match(done.join(), /before its time: order of the court/)
  })

  test('breaks no hold, whatever the reason', async (t) => {
    const place = await keep(t)
    const { means, done } = meansFor(place, { held: new Set([place.kept.identifier]) })
    assert.equal(await purgeKept(place.kept, means, 'any'), 'held')
    assert.deepEqual([await isThere(place.path), done], [true, []])
  })

  test('does not register nor forget what another machine has', async (t) => {
    const place = await keep(t)
    const { means, done } = meansFor(place, { shared: true, directory: place.folder })
    assert.equal(await purgeKept(place.kept, means), 'elsewhere')
    assert.deepEqual(done, [])
  })

  test('forgets nothing that could not be registered, and ends what a crash left', async (t) => {
    const place = await keep(t)
    const { means, done } = meansFor(place)
    const failing = { ...means, record: () => Promise.reject(new Error('away')) }
    await assert.rejects(purgeKept(place.kept, failing), /away/)
    assert.deepEqual(done, [])
    assert.equal(await purgeKept(place.kept, means), 'purged')
    assert.equal(done.length, 2)
  })
})

describe('a message out of quarantine', () => {
  test('is in a private zip file, under a name that opens nothing', async (t) => {
    const { kept, directory, folder } = await keep(t)
    const out = join(folder, 'out.zip')
    let announced = false
    const announce = async (): Promise<void> => {
      announced = !(await isThere(out))
    }
    await exportKept(directory, kept, { out, now: SINCE, announce })
    assert.ok(announced, 'it is announced before it is there')
    assert.equal((await stat(out)).mode & 0o777, 0o600)
    const members = new Map<string, Buffer>()
    for await (const { name, bytes } of readZip(out)) members.set(name, await buffer(bytes))
    assert.deepEqual([...members.keys()], [`${kept.id}.infected`, 'README.txt'])
    assert.deepEqual(members.get(`${kept.id}.infected`), BYTES)
    assert.match(String(members.get('README.txt')), new RegExp(`VIRUS: Test\\.Eicar[^]*${kept.sha256}`))
    const before = await readFile(out)
    await assert.rejects(exportKept(directory, kept, { out, now: SINCE, announce }), /is there already/)
    assert.deepEqual(await readFile(out), before)
  })

  test('is not given out if it is not what was kept, or not announced', async (t) => {
    const { kept, path, directory, folder } = await keep(t)
    const out = join(folder, 'out.zip')
    const announce = (): Promise<void> => Promise.reject(new Error('the ledger is away'))
    await assert.rejects(exportKept(directory, kept, { out, now: SINCE, announce }), /away/)
    await writeFile(path, 'another')
    await assert.rejects(exportKept(directory, kept, { out, now: SINCE, announce }), {
      code: 'quarantine',
      message: /not what was kept/,
    })
    assert.equal(await isThere(out), false)
  })
})

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('the ledger lists what is kept, and forgets it', async (t) => {
      const ledger = await freshLedger(t, engine)
      const untilOf = (n: number): Date => new Date(OVER.getTime() + Math.floor((n * 7) / 2) * 1000)
      for (let n = 0; n < 6; n++)
        await ledger.commit(entryOf(`${n}`, { quarantined: quarantinedOf(`${5 - n}@a.test`, { until: untilOf(5 - n) }) }))
      const all = async (): Promise<readonly string[]> => {
        const ids: string[] = []
        for await (const { id } of ledger.kept.all()) ids.push(id)
        return ids
      }
      assert.deepEqual(
        await all(),
        ['0', '1', '2', '3', '4', '5'].map((n) => `file-${n}@a.test`),
      )
      assert.deepEqual(
        (await ledger.kept.named('3@a.test')).map(({ id }) => id),
        ['file-3@a.test'],
      )
      assert.deepEqual(
        (await ledger.kept.named('file-3@a.test')).map(({ since }) => since),
        [SINCE],
      )
      await ledger.kept.forget('file-3@a.test')
      assert.deepEqual([await ledger.kept.named('3@a.test'), (await all()).length], [[], 5])
    })
  })
