import assert from 'node:assert/strict'
import test from 'node:test'
import { openLedger } from '../../src/ledger/sqlite.js'
import { after, ledgerPath } from './entries.js'

test('a piece of work is one holder’s until its time is past', async () => {
  const ledger = await openLedger(':memory:')
  assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
  assert.equal(await ledger.lease('deadlines', 'node b', after(0.5), after(1.5)), false)
  assert.equal(await ledger.lease('deadlines', 'node b', after(1.1), after(2)), true)
  assert.equal(await ledger.lease('deadlines', 'node a', after(1.2), after(3)), false)
  await ledger.close()
})

test('its holder renews it', async () => {
  const ledger = await openLedger(':memory:')
  assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
  assert.equal(await ledger.lease('deadlines', 'node a', after(0.5), after(2)), true)
  assert.equal(await ledger.lease('deadlines', 'node b', after(1.5), after(3)), false)
  await ledger.close()
})

test('different work has different holders', async () => {
  const ledger = await openLedger(':memory:')
  assert.equal(await ledger.lease('deadlines', 'node a', after(0), after(1)), true)
  assert.equal(await ledger.lease('archive', 'node b', after(0), after(1)), true)
  await ledger.close()
})

test('of many nodes that ask at once one gets it', async (t) => {
  const path = await ledgerPath(t)
  const nodes = await Promise.all(['a', 'b', 'c', 'd'].map(() => openLedger(path)))
  const answers = await Promise.all(nodes.map((node, n) => node.lease('deadlines', `node ${n}`, after(0), after(1))))
  assert.equal(answers.filter(Boolean).length, 1)
  await Promise.all(nodes.map((node) => node.close()))
})
