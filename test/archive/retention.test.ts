import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportDays } from '../../src/archive/export.js'
import { filesOf, isThere } from '../../src/archive/place.js'
import { purgeDays } from '../../src/archive/retention.js'
import { sealDays, stampDays } from '../../src/archive/seal.js'
import { ENGINES } from '../ledger/engines.js'
import { claimOf, entryOf, eventOf, factsOf } from '../ledger/entries.js'
import { onDay, ours, testArchive } from './house.js'

for (const engine of ENGINES)
  describe(`after 30 months, over ${engine.name}`, { skip: engine.skip }, () => {
    test('events and archives go, but for those of messages that are held', async (t) => {
      const place = await engine.place(t)
      const ledger = await place.open()
      const { house, folder, faults, setNow, trust } = await testArchive(t, ledger)
      for (const [day, identifier] of [
        [2, 'a'],
        [3, 'b'],
        [4, 'c'],
      ] as const) {
        const events = Array.from({ length: 150 }, (_, n) => eventOf(`${identifier}-${n}`))
        await ledger.commit(entryOf(`many ${day}`, { events }, onDay(day)))
        const parts = { claims: [claimOf(identifier)], message: factsOf(identifier), events: [eventOf(identifier)] }
        await ledger.commit(entryOf(`one ${day}`, parts, onDay(day)))
      }
      await exportDays(house, ours)
      await sealDays(house)
      await stampDays(house)
      await ledger.retention.addHold({ identifier: 'b', since: onDay(5), reason: 'Procura di Roma' })

      setNow('2028-09-03T23:59:59Z')
      await purgeDays(house, ledger.retention, ledger)
      assert.deepEqual((await ledger.eventsOf('a')).length, 0)
      assert.equal(await ledger.message('a'), undefined)
      assert.deepEqual(await ledger.taken([claimOf('a'), claimOf('b')]), [claimOf('b')])
      assert.deepEqual((await ledger.eventsOf('b')).length, 1)
      assert.deepEqual((await ledger.eventsOf('b-0')).length, 0)
      assert.deepEqual((await ledger.eventsOf('c-0')).length, 1)
      const there = (days: readonly number[]) => Promise.all(days.map((day) => isThere(filesOf(folder, `2026-03-0${day}`).zip)))
      assert.deepEqual(await there([2, 3, 4]), [false, true, true])
      const register = await place.run("select outcome from event where type = 'purge' order by id")
      assert.deepEqual(JSON.stringify(register).match(/\d+ events[^"]*/g), [
        '151 events of 2026-03-02 and its archive',
        '150 events of 2026-03-03',
      ])
      assert.deepEqual(await place.run('select 1 from event_recipient where at < 1772494000000'), [])

      // Again, nothing is left to do; and once it is let go, the rest goes.
      await purgeDays(house, ledger.retention, ledger)
      assert.equal((await place.run("select id from event where type = 'purge'")).length, 2)
      assert.equal(await ledger.retention.removeHold('b'), true)
      assert.equal(await ledger.retention.removeHold('b'), false)
      await purgeDays(house, ledger.retention, ledger)
      assert.deepEqual(await there([2, 3, 4]), [false, false, true])
      // Before its time a missing archive is a fault.
      assert.deepEqual(trust.now < new Date('2028-09-02') ? await faults() : ['2026-03-02 zip', '2026-03-03 zip'], [
        '2026-03-02 zip',
        '2026-03-03 zip',
      ])
    })

    test('an archive stays that has a late event of a message that is held', async (t) => {
      const ledger = await (await engine.place(t)).open()
      const { house, folder, setNow } = await testArchive(t, ledger)
      setNow('2026-03-03T02:00:00Z')
      await ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(2)))
      await exportDays(house, ours)
      await ledger.commit(entryOf('2', { events: [eventOf('late')] }, onDay(2)))
      setNow('2026-03-05T02:00:00Z')
      await exportDays(house, ours)
      await sealDays(house)
      await stampDays(house)
      await ledger.retention.addHold({ identifier: 'late', since: onDay(5), reason: 'Procura di Roma' })
      setNow('2028-10-01T00:00:00Z')
      await purgeDays(house, ledger.retention, ledger)
      const there = () => Promise.all([2, 3, 4].map((day) => isThere(filesOf(folder, `2026-03-0${day}`).zip)))
      assert.deepEqual(await there(), [true, true, false])
      await ledger.retention.removeHold('late')
      await purgeDays(house, ledger.retention, ledger)
      assert.deepEqual(await there(), [false, false, false])
    })

    test('days that are not sealed stay', async (t) => {
      const ledger = await (await engine.place(t)).open()
      const { house, setNow } = await testArchive(t, ledger)
      await ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
      await exportDays(house, ours)
      setNow('2030-01-01T00:00:00Z')
      await purgeDays(house, ledger.retention, ledger)
      assert.equal((await ledger.eventsOf('a')).length, 1)
    })
  })
