import assert from 'node:assert/strict'
import { copyFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { exportDays } from '../../src/archive/export.js'
import { filesOf, marksFile } from '../../src/archive/place.js'
import { purgeDays } from '../../src/archive/retention.js'
import { sealDays, stampDays } from '../../src/archive/seal.js'
import type { RegisterQuery } from '../../src/ledger/search.js'
import { archiveSource } from '../../src/retrieval/archive-source.js'
import { markDays } from '../../src/retrieval/day-marks.js'
import { databaseSource, type EventSource } from '../../src/retrieval/source.js'
import { testArchive } from '../archive/house.js'
import { after, entryOf, eventOf, factsOf } from '../ledger/entries.js'
import { ENGINES, freshLedger } from '../ledger/engines.js'
import { certificationOf } from './certification.js'

const HOURS = 60

async function found(source: EventSource, query: RegisterQuery): Promise<readonly string[]> {
  const events: string[] = []
  for await (const event of source.search(query)) {
    const { daticert, signature } = await event.evidence()
    const proof = [daticert, signature].map((bytes) => bytes?.toString('base64') ?? '')
    events.push(
      JSON.stringify([event.id, event.at, event.type, event.identifier, event.recipients, event.subject ?? '', ...proof]),
    )
  }
  return events.sort()
}

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('archives give the same events as the database', async (t) => {
      const ledger = await freshLedger(t, engine)
      const { house, folder, setNow } = await testArchive(t, ledger)
      for (let hour = 0; hour < HOURS; hour++) {
        const identifier = `${hour}@a.example`
        const clientMessageId = `<${hour % 7}@client.example>`
        const acceptance = eventOf(identifier, {
          ...{
            sender: hour % 2 === 0 ? 'Alice@a.example' : 'dan@a.example',
            recipients: ['Bob@b.example', `${hour % 5}@c.example`],
          },
          ...{ daticert: certificationOf(identifier, clientMessageId), signature: Buffer.from([hour]) },
        })
        const delivery = eventOf(identifier, { type: 'delivery', provider: 'Provider Ü', recipients: ['bob@b.example'] })
        const message = factsOf(identifier, { clientMessageId })
        await ledger.commit(entryOf(`1-${hour}`, { message, events: [acceptance] }, after(hour * 60)))
        await ledger.commit(entryOf(`2-${hour}`, { events: [delivery] }, after(hour * 60 + 90)))
      }
      setNow('2026-03-09T12:00:00Z')
      await exportDays(house, () => Promise.resolve(true))
      const queries: readonly RegisterQuery[] = [
        ...[
          {},
          { identifier: '7@a.example' },
          { sender: 'alice@A.example' },
          { recipient: 'BOB@b.example', type: 'delivery' as const },
        ],
        ...[{ provider: 'Provider Ü', from: after(600), to: after(2000) }, { clientMessageId: '<3@client.example>' }],
        ...[{ clientMessageId: '<3@client.example>', type: 'delivery' as const, from: after(900) }, { recipient: '3@c.example' }],
        // Accepted on the day before the period.
        { clientMessageId: '<4@client.example>', from: after(11 * 60 + 80), to: after(12 * 60 + 31) },
      ]
      for (const query of queries) {
        const expected = await found(databaseSource(ledger), query)
        assert.ok(expected.length > 0, JSON.stringify(query))
        assert.deepEqual(await found(archiveSource(folder), query), expected, JSON.stringify(query))
      }
      assert.deepEqual(await found(archiveSource(folder), { identifier: 'nobody@a.example' }), [])
    })
  })

test('an archive that cannot be read is named', async (t) => {
  const { folder, house, setNow, ledger } = await testArchive(t)
  await ledger.commit(entryOf('1', { events: [eventOf('1@a.example')] }, after(0)))
  setNow('2026-03-04T12:00:00Z')
  await exportDays(house, () => Promise.resolve(true))
  await writeFile(join(folder, '2026-03-02.zip'), 'PK')
  await assert.rejects(found(archiveSource(folder), {}), { name: 'PecError', code: 'archive', message: /2026-03-02\.zip/ })
})

describe('a search of archives', () => {
  const DAYS = ['2026-03-02', '2026-03-03', '2026-03-04']

  /** Three days, with two messages each: 'a DAY' from alice to bob, 'd DAY' from dan to eve. */
  async function threeDays(t: TestContext) {
    const archive = await testArchive(t)
    const { house, ledger, folder } = archive
    for (const [index] of DAYS.entries()) {
      const events = [eventOf(`a${index}`), eventOf(`d${index}`, { sender: 'dan@a.example', recipients: ['eve@c.example'] })]
      await ledger.commit(entryOf(`${index}`, { events }, after(index * 1440)))
    }
    await ledger.commit(entryOf('both', { events: [eventOf('both', { recipients: ['eve@c.example'] })] }, after(1441)))
    await exportDays(house, () => Promise.resolve(true))
    await markDays(folder, DAYS)
    const spoil = async (...days: readonly string[]) => {
      for (const day of days) await writeFile(filesOf(folder, day).zip, 'PK')
    }
    return { ...archive, spoil }
  }

  const countOf = async (folder: string, query: RegisterQuery): Promise<number> =>
    (await found(archiveSource(folder), query)).length

  test('reads only the days that may have what is asked for', async (t) => {
    const { folder, spoil } = await threeDays(t)
    await spoil('2026-03-02', '2026-03-04')
    assert.equal(await countOf(folder, { identifier: 'd1' }), 1)
    assert.equal(await countOf(folder, { identifier: 'nobody' }), 0)
    assert.equal(await countOf(folder, { sender: 'ALICE@a.example', recipient: 'Eve@c.example' }), 1)
    assert.equal(await countOf(folder, { recipient: 'eve@c.example', type: 'delivery' }), 0)
    await assert.rejects(countOf(folder, { sender: 'alice@a.example' }), { name: 'PecError', code: 'archive' })
  })

  test('makes the marks again that are missing, damaged or of another archive', async (t) => {
    const { folder } = await threeDays(t)
    const [first, second, third] = DAYS.map((day) => marksFile(folder, day)) as [string, string, string]
    const whole = await Promise.all([first, second, third].map((path) => readFile(path)))
    await copyFile(first, third)
    await rm(first)
    await writeFile(second, 'x')
    const told: string[] = []
    const source = archiveSource(folder, (line) => told.push(line), 0)
    for (const identifier of ['a0', 'a1', 'a2']) assert.equal((await found(source, { identifier })).length, 1, identifier)
    const slowly = 'archives without marks are read whole, this one time: the search takes longer, and is at'
    assert.deepEqual(
      told,
      DAYS.map((day) => `${slowly} ${day}`),
    )
    assert.deepEqual(await Promise.all([first, second, third].map((path) => readFile(path))), whole)
    assert.equal((await stat(third)).mode & 0o777, 0o600)
  })

  test('goes on without marks where none can be kept', async (t) => {
    const { folder } = await threeDays(t)
    await rm(join(folder, 'search'), { recursive: true })
    await writeFile(join(folder, 'search'), '')
    assert.equal(await countOf(folder, { identifier: 'a1' }), 1)
  })

  test('reads an archive whole that has no manifest to be known by', async (t) => {
    const { folder } = await threeDays(t)
    await rm(filesOf(folder, '2026-03-03').manifest)
    assert.equal(await countOf(folder, { sender: 'alice@a.example' }), 4)
  })

  test('leaves out archives whose time is over, and their marks are gone with them', async (t) => {
    const { folder, house, ledger, setNow } = await threeDays(t)
    await sealDays(house)
    await stampDays(house)
    setNow('2028-09-03T12:00:00Z')
    await purgeDays(house, ledger.retention, ledger)
    assert.deepEqual(await readdir(join(folder, 'search')), ['2026-03-04.marks'])
    assert.equal(await countOf(folder, { sender: 'alice@a.example' }), 1)
  })
})
