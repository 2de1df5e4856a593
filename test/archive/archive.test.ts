import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { exportDays } from '../../src/archive/export.js'
import { filesOf } from '../../src/archive/place.js'
import { sealDays, stampDays } from '../../src/archive/seal.js'
import { readZip } from '../../src/archive/zip.js'
import { PecError } from '../../src/errors.js'
import { ENGINES, freshLedger } from '../ledger/engines.js'
import type { QuarantinedMessage } from '../../src/points/ports.js'
import { entryOf, eventOf, failure, quarantinedOf } from '../ledger/entries.js'
import { onDay, ours, reportsOf, testArchive, threeDays, type TestArchive } from './house.js'

async function memberOf(zip: string, wanted: string): Promise<string> {
  for await (const { name, bytes } of readZip(zip)) {
    const pieces: Buffer[] = []
    for await (const piece of bytes) pieces.push(piece)
    if (name === wanted) return Buffer.concat(pieces).toString('utf8')
  }
  return assert.fail(`${wanted} is not in ${zip}`)
}

for (const engine of ENGINES)
  describe(`the archive over ${engine.name}`, { skip: engine.skip }, () => {
    test('has every event of a day, in order, page after page, and of no other day', async (t) => {
      const ledger = await freshLedger(t, engine)
      const { house, folder, faults } = await testArchive(t, ledger)
      const daticert = Buffer.from('<postacert/>')
      for (let step = 0; step < 5; step++) {
        const events = Array.from({ length: 100 }, (_, n) => eventOf(`${step}-${n}`, { daticert, signature: Buffer.from([n]) }))
        await ledger.commit(entryOf(`step ${step}`, { events }, onDay(4, `12:00:0${4 - step}`)))
      }
      await ledger.commit(entryOf('before', { events: [eventOf('before')] }, onDay(3, '23:59:59.999')))
      await ledger.commit(entryOf('after', { events: [eventOf('after')] }, onDay(5, '00:00:00')))
      assert.deepEqual(await exportDays(house, ours), ['2026-03-03', '2026-03-04'])
      const lines = (await memberOf(filesOf(folder, '2026-03-04').zip, 'register.jsonl')).trimEnd().split('\n')
      const rows = lines.map((line) => JSON.parse(line) as Partial<Record<string, unknown>>)
      assert.equal(rows.length, 500)
      assert.equal(new Set(rows.map(({ identifier }) => identifier)).size, 500)
      const times = rows.map(({ at }) => String(at))
      assert.deepEqual(times, times.toSorted())
      assert.deepEqual([rows[0]?.['identifier'], rows.at(-1)?.['daticert']], ['4-0', daticert.toString('base64')])
      const table = (await memberOf(filesOf(folder, '2026-03-04').zip, 'register.csv')).trimEnd().split('\r\n')
      assert.equal(table.length, 501)
      await sealDays(house)
      await stampDays(house)
      assert.deepEqual(await faults(), [])
    })

    test('tells what came into quarantine on a day, and nothing of what is in it', async (t) => {
      const ledger = await freshLedger(t, engine)
      const { house, folder, setNow } = await testArchive(t, ledger)
      const found = (identifier: string, on: Date, parts: Partial<QuarantinedMessage> = {}) =>
        ledger.commit(
          entryOf(`found ${identifier}`, { events: [eventOf(identifier)], quarantined: quarantinedOf(identifier, parts) }, on),
        )
      await found('a', onDay(3, '10:00:00'), { signature: '=Eicar' })
      await found('b', onDay(3, '09:00:00'))
      await found('c', onDay(4))
      await exportDays(house, ours)
      const lines = async (day: string, name: string) => (await memberOf(filesOf(folder, day).zip, name)).trimEnd().split(/\r?\n/)
      assert.deepEqual(
        (await lines('2026-03-03', 'quarantine.jsonl')).map((line) => JSON.parse(line) as unknown),
        [
          ['b', '09', 'Test.Eicar'],
          ['a', '10', '=Eicar'],
        ].map(([identifier = '', hour, signature]) => {
          const { until, ...kept } = quarantinedOf(identifier)
          return { ...kept, signature, since: `2026-03-03T${hour}:00:00.000Z`, until: until.toISOString() }
        }),
      )
      const [names, first, second] = await lines('2026-03-03', 'quarantine.csv')
      assert.equal(names, 'id,since,identifier,reason,signature,sha256,size,until,provider,sender')
      assert.match(first ?? '', /^file-b,2026-03-03T09:00:00\.000Z,b,virus,Test\.Eicar,[0-9a-f]{64},2048,[^,]+,Provider A,alice@/)
      assert.match(second ?? '', /,virus,'=Eicar,/)

      // What comes late goes with the next day, and that only.
      await found('late', onDay(3, '11:00:00'))
      setNow('2026-03-07T02:00:00Z')
      await exportDays(house, ours)
      assert.match((await lines('2026-03-05', 'quarantine.jsonl')).join('|'), /^\{"id":"file-late","since":"2026-03-03[^|]*\}$/)
      await assert.rejects(lines('2026-03-06', 'quarantine.jsonl'), /is not in/)
    })

    test('is made by one of several nodes', async (t) => {
      const place = await engine.place(t)
      const [one, two] = [await place.open(), await place.open()]
      await one.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
      const { house, folder } = await testArchive(t, one)
      // The second takes over while the first is at it.
      const takeOver = async (): Promise<boolean> => {
        await exportDays({ ...house, register: two.days }, ours)
        return false
      }
      await assert.rejects(exportDays(house, takeOver), failure('archive', true))
      assert.deepEqual(
        (await one.days.lastDays(5)).map(({ day, state }) => `${day} ${state}`),
        ['2026-03-04 exported'],
      )
      assert.deepEqual((await readdir(folder)).sort(), ['2026-03-04.json', '2026-03-04.zip', 'incoming'])
    })
  })

describe('the archive', () => {
  test('follows day after day, empty ones too, and holds for our verifier', async (t) => {
    const { folder, trust } = await threeDays(t)
    const reports = await reportsOf(folder, trust)
    assert.deepEqual(
      reports.map(({ day, faults, manifest }) => [day, faults.length, manifest?.previous?.day]),
      [
        ['2026-03-02', 0, undefined],
        ['2026-03-03', 0, '2026-03-02'],
        ['2026-03-04', 0, '2026-03-03'],
      ],
    )
    const manifest = reports[0]?.manifest
    assert.ok(manifest !== undefined)
    assert.deepEqual(manifest.events, { acceptance: 1, 'take-charge': 1 })
    assert.deepEqual(
      manifest.members.map(({ name }) => name),
      ['register.jsonl', 'register.csv', 'logs/mx1_20260302T00_access_1.jsonl'],
    )
    assert.equal((await stat(filesOf(folder, '2026-03-02').zip)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(folder, 'incoming')), [])
  })

  test('waits for the margin, and catches up after days off', async (t) => {
    const { house, ledger, setNow } = await testArchive(t)
    assert.deepEqual(await exportDays(house, ours), [])
    await ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
    setNow('2026-03-05T00:59:59Z')
    assert.deepEqual(await exportDays(house, ours), [])
    setNow('2026-03-05T01:00:00Z')
    assert.deepEqual(await exportDays(house, ours), ['2026-03-04'])
    setNow('2026-03-09T13:00:00Z')
    assert.deepEqual(await exportDays(house, ours), ['2026-03-05', '2026-03-06', '2026-03-07', '2026-03-08'])
  })

  test('takes what a process that died has left for nothing', async (t) => {
    const { house, ledger, folder, faults } = await testArchive(t)
    await ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
    await assert.rejects(exportDays({ ...house, register: dyingAt(house.register) }, ours), /gone/)
    await exportDays(house, ours)
    await sealDays(house)
    await stampDays(house)
    assert.deepEqual(await faults(), [])
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('.')),
      [],
    )
  })

  test('tells of events that come late, and has them with the next day', async (t) => {
    const { house, ledger, folder, setNow, alarms } = await threeDays(t)
    await ledger.commit(entryOf('late', { events: [eventOf('late')] }, onDay(2, '12:00:00')))
    setNow('2026-03-06T02:00:00Z')
    await exportDays(house, ours)
    assert.match(alarms.join(), /^1 events of 2026-03-02 were committed after/)
    const manifest = JSON.parse(await readFile(filesOf(folder, '2026-03-05').manifest, 'utf8')) as { late: unknown }
    assert.deepEqual(manifest.late, { '2026-03-02': 1 })
    assert.match(await memberOf(filesOf(folder, '2026-03-05').zip, 'late.jsonl'), /^\{[^\n]*"identifier":"late"[^\n]*\n$/)
    // Once, and a second late one by itself.
    await ledger.commit(entryOf('later', { events: [eventOf('later')] }, onDay(2, '11:00:00')))
    setNow('2026-03-08T02:00:00Z')
    await exportDays(house, ours)
    assert.match(await memberOf(filesOf(folder, '2026-03-06').zip, 'late.jsonl'), /^[^\n]*"identifier":"later"[^\n]*\n$/)
    assert.equal(alarms.length, 2)
  })

  test('is not continued where the day before is not', async (t) => {
    const { house, folder, setNow } = await threeDays(t)
    setNow('2026-03-06T02:00:00Z')
    await assert.rejects(exportDays({ ...house, folder: join(folder, 'other') }, ours), /all nodes must have the same folder/)
    await writeFile(filesOf(folder, '2026-03-04').manifest, '{}')
    await assert.rejects(exportDays(house, ours), /is not what was archived/)
  })

  test('waits for a key that is away, and then goes on', async (t) => {
    const { house, ledger, faults } = await testArchive(t)
    await ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
    await exportDays(house, ours)
    const away = { ...house.issuer.signer, sign: () => Promise.reject(new PecError('signer', 'no token', { temporary: true })) }
    await assert.rejects(sealDays({ ...house, issuer: { signer: away } }), failure('signer', true))
    assert.deepEqual(await faults(), ['2026-03-04 signature'])
    assert.deepEqual(await sealDays(house), ['2026-03-04'])
    assert.deepEqual(await faults(), ['2026-03-04 stamp'])
    await stampDays(house)
    assert.deepEqual(await faults(), [])
  })

  test('keeps formulas out of the table', async (t) => {
    const { house, ledger, folder } = await testArchive(t)
    await ledger.commit(entryOf('1', { events: [eventOf('a', { subject: '=HYPERLINK("http://x")\r\n"b"' })] }, onDay(4)))
    await exportDays(house, ours)
    assert.ok(
      (await memberOf(filesOf(folder, '2026-03-04').zip, 'register.csv')).includes(`"'=HYPERLINK(""http://x"")\r\n""b"""`),
    )
  })
})

function dyingAt(register: TestArchive['house']['register']): TestArchive['house']['register'] {
  return {
    eventsOfDay: (...which) => register.eventsOfDay(...which),
    countDay: (day) => register.countDay(day),
    quarantinedOn: (day) => register.quarantinedOn(day),
    firstDay: () => register.firstDay(),
    lastDays: (limit) => register.lastDays(limit),
    daysIn: (states) => register.daysIn(states),
    setState: (day, state) => register.setState(day, state),
    addDay: () => Promise.reject(new Error('gone')),
  }
}

test('a day without its authority waits, and is stamped by another or when it is back', async (t) => {
  const archive = await testArchive(t)
  const { house, ledger, tsa } = archive
  await ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(3)))
  await exportDays(house, ours)
  await sealDays(house)
  await tsa.away()
  await assert.rejects(stampDays(house), failure('timestamp', true))
  await assert.rejects(stampDays(house), failure('timestamp', true))
  assert.deepEqual(await archive.faults(), ['2026-03-03 stamp', '2026-03-04 stamp'])
  await tsa.back()
  const authorities = [{ url: 'http://127.0.0.1:1/' }, { url: tsa.url }]
  assert.deepEqual(await stampDays({ ...house, timestamp: { ...house.timestamp, authorities } }), ['2026-03-03', '2026-03-04'])
  assert.deepEqual(await archive.faults(), [])
})
