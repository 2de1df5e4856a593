import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { after } from './entries.js'
import { ENGINES, freshLedger } from './engines.js'

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('a piece of work is one holder’s until its time is past', async (t) => {
      const ledger = await freshLedger(t, engine)
      assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
      assert.equal(await ledger.lease('deadlines', 'node b', after(0.5), after(1.5)), false)
      assert.equal(await ledger.lease('deadlines', 'node b', after(1.1), after(2)), true)
      assert.equal(await ledger.lease('deadlines', 'node a', after(1.2), after(3)), false)
    })

    test('its holder renews it', async (t) => {
      const ledger = await freshLedger(t, engine)
      assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
      assert.equal(await ledger.lease('deadlines', 'node a', after(0.5), after(2)), true)
      assert.equal(await ledger.lease('deadlines', 'node b', after(1.5), after(3)), false)
    })

    test('one taken by a clock that was ahead is taken over at once, one of a clock a little ahead is not', async (t) => {
      const ledger = await freshLedger(t, engine)
      assert.equal(await ledger.lease('deadlines', 'node a', after(60), after(61)), true)
      assert.equal(await ledger.lease('deadlines', 'node b', after(0), after(1)), true)
      assert.equal(await ledger.lease('deadlines', 'node b', after(0.9), after(1.9)), true)
      assert.equal(await ledger.lease('deadlines', 'node c', after(0.1), after(1.1)), false)
    })

    test('different work has different holders', async (t) => {
      const ledger = await freshLedger(t, engine)
      assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
      assert.equal(await ledger.lease('archive', 'node b', after(0), after(1)), true)
    })

    test('of many nodes that ask at once one gets it', async (t) => {
      const place = await engine.place(t)
      const nodes = await Promise.all(['a', 'b', 'c', 'd'].map(() => place.open()))
      const answers = await Promise.all(nodes.map((node, n) => node.lease('deadlines', `node ${n}`, after(0), after(1))))
      assert.equal(answers.filter(Boolean).length, 1)
    })

    test('a holder that renews to the very same time still holds it', async (t) => {
      const ledger = await freshLedger(t, engine)
      assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
      assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
    })
  })
