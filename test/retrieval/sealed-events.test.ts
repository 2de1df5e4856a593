// Events held against the archives that their days were sealed with.
import assert from 'node:assert/strict'
import { appendFile, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { exportDays } from '../../src/archive/export.js'
import { filesOf } from '../../src/archive/place.js'
import type { RegisterRow } from '../../src/archive/register.js'
import { sealDays, stampDays } from '../../src/archive/seal.js'
import type { RegisterQuery } from '../../src/ledger/search.js'
import { archiveSource } from '../../src/retrieval/archive-source.js'
import { extract, isWrong } from '../../src/retrieval/extraction.js'
import { lostEvents } from '../../src/retrieval/lost-events.js'
import { findSeals } from '../../src/retrieval/sealed-events.js'
import { databaseSource, type EventSource } from '../../src/retrieval/source.js'
import { onDay, ours, testArchive } from '../archive/house.js'
import { entryOf, eventOf } from '../ledger/entries.js'
import { makeWorld } from '../points/house.js'
import { certificationOf } from './certification.js'

test('events are the same in the archive of their day, or of the day with which they came late; anything else shows', async (t) => {
  const { house, ledger, folder, setNow } = await testArchive(t)
  const commit = (identifier: string, at: Date): Promise<void> => {
    const daticert = certificationOf(identifier, '<1@client.example>')
    const event = eventOf(identifier, {
      daticert,
      signature: Buffer.from(identifier),
      recipients: ['bob@b.example', 'Eve@c.example'],
    })
    return ledger.commit(entryOf(identifier, { events: [event] }, at))
  }
  const seal = async (): Promise<void> => {
    await exportDays(house, ours)
    await sealDays(house)
    await stampDays(house)
  }
  await commit('punctual', onDay(2))
  setNow('2026-03-03T02:00:00Z')
  await seal()
  await commit('late', onDay(2))
  await commit('next', onDay(3))
  setNow('2026-03-04T02:00:00Z')
  await seal()
  await commit('today', onDay(4))
  const rows = (
    await Promise.all(['2026-03-02', '2026-03-03', '2026-03-04'].map((day) => ledger.days.eventsOfDay(day, 10)))
  ).flat()
  const found = async (given: readonly RegisterRow[]): Promise<readonly string[]> => {
    const { events } = await findSeals(given, folder)
    return given.flatMap(({ id, identifier }) => {
      const sealed = events.get(id)
      return sealed === undefined ? [] : [`${identifier}: ${sealed.as} ${sealed.day}`]
    })
  }

  assert.deepEqual((await found(rows)).toSorted(), [
    'late: same 2026-03-03',
    'next: same 2026-03-03',
    'punctual: same 2026-03-02',
  ])
  assert.deepEqual(
    [...(await findSeals(rows.slice(0, 2), folder)).days.values()].flat().map(({ name }) => name),
    [
      ...['2026-03-02.json', '2026-03-02.json.p7s', '2026-03-02.json.p7s.tsr'],
      ...['2026-03-03.json', '2026-03-03.json.p7s', '2026-03-03.json.p7s.tsr'],
    ],
  )
  const [first] = rows.filter(({ identifier }) => identifier === 'punctual')
  assert.ok(first)
  for (const change of [
    { recipients: ['bob@b.example'] },
    { at: onDay(2, '12:00:01') },
    { signature: undefined },
    { outcome: 'refused' },
  ])
    assert.deepEqual(await found([{ ...first, ...change }]), ['punctual: different 2026-03-02'], JSON.stringify(change))
  assert.deepEqual(await found([{ ...first, id: 999, identifier: 'added' }]), ['added: absent 2026-03-02'])

  const source = archiveSource(folder)
  const lostAt = async (now: string, months: number, present: readonly RegisterRow[] = []) => {
    const events = present.map((row) => ({ ...row, evidence: () => Promise.resolve(row) }))
    return (await lostEvents('late', events, { source, months }, new Date(now))).map(
      ({ identifier, type }) => `${identifier} ${type}`,
    )
  }
  assert.deepEqual(await lostAt('2026-03-05T00:00:00Z', 30), ['late acceptance'])
  assert.deepEqual(
    await lostAt(
      '2026-03-05T00:00:00Z',
      30,
      rows.filter(({ identifier }) => identifier === 'late'),
    ),
    [],
  )
  assert.deepEqual(await lostAt('2028-09-02T00:00:00Z', 30), [], 'its time is over')

  await appendFile(filesOf(folder, '2026-03-02').zip, 'x')
  assert.deepEqual(await found([first]), ['punctual: altered 2026-03-02'])
  await rm(filesOf(folder, '2026-03-02').zip)
  assert.deepEqual(await found([first]), [])
})

test('an extract of a message has what the database has lost of it, and says so', async (t) => {
  const { house, ledger, folder, setNow } = await testArchive(t)
  for (const type of ['acceptance', 'transport', 'delivery', 'hold'] as const)
    await ledger.commit(entryOf(type, { events: [eventOf('a', { type })] }, onDay(2)))
  setNow('2026-03-03T02:00:00Z')
  await exportDays(house, ours)
  await sealDays(house)
  await stampDays(house)
  const whole = databaseSource(ledger)
  const robbed: EventSource = {
    ...whole,
    async *search(query) {
      for await (const event of whole.search(query)) if (event.type !== 'delivery') yield event
    },
  }
  const { trust, index } = await makeWorld()
  const extracted = async (source: EventSource, query: RegisterQuery): Promise<readonly string[]> => {
    const { events } = await extract({ requestedBy: 'x', query, at: onDay(5) }, 'Provider A', {
      ...{ source, register: ledger, means: { now: onDay(5), trust: { trust, lists: undefined }, index } },
      ...{ archives: folder, archived: { source: archiveSource(folder), months: 30 } },
    })
    return events.map((event) => `${event.event.type}: ${event.sealed?.as ?? ''}${isWrong(event) ? ', wrong' : ''}`).toSorted()
  }
  assert.deepEqual(await extracted(whole, { identifier: 'a' }), ['acceptance: same', 'delivery: same', 'transport: same'])
  assert.deepEqual(await extracted(robbed, { identifier: 'a' }), ['acceptance: same', 'delivery: only, wrong', 'transport: same'])
  assert.deepEqual(await extracted(robbed, { identifier: 'a', type: 'transport' }), ['transport: same'])
  assert.deepEqual(await extracted(whole, { identifier: 'a', type: 'hold' }), ['hold: same'])
  await rm(filesOf(folder, '2026-03-02').stamp)
  assert.deepEqual(await extracted(robbed, { identifier: 'a' }), ['acceptance: ', 'delivery: only, wrong', 'transport: '])
})
