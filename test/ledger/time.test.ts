import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ENGINES, freshLedger } from './engines.js'
import { after, entryOf, eventOf } from './entries.js'

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('a server tells its clock', async (t) => {
      const ledger = await freshLedger(t, engine)
      const time = await ledger.serverTime()
      if (engine.name === 'SQLite') assert.equal(time, undefined)
      else assert.ok(time !== undefined && Math.abs(time.getTime() - Date.now()) < 5_000, String(time))
    })

    test('the last event before a time is found', async (t) => {
      const ledger = await freshLedger(t, engine)
      assert.equal(await ledger.lastEventBefore(after(9)), undefined)
      for (const minutes of [1, 3]) await ledger.commit(entryOf(String(minutes), { events: [eventOf('a')] }, after(minutes)))
      assert.deepEqual(await ledger.lastEventBefore(after(9)), after(3))
      assert.deepEqual(await ledger.lastEventBefore(after(3)), after(1))
      assert.equal(await ledger.lastEventBefore(after(1)), undefined)
    })
  })
