import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PecError } from '../../src/errors.js'
import { newGate, type Gate } from '../../src/haraka/gate.js'

/** A gate, and the questions that the ledger was asked. */
function gateOver(committed: readonly string[]): { readonly gate: Gate; readonly asked: string[] } {
  const asked: string[] = []
  const gate = newGate((step) => {
    asked.push(step)
    return Promise.resolve(committed.includes(step))
  })
  return { gate, asked }
}

describe('the gate', () => {
  for (const [how, passes, asks] of [
    ['committed', true, 0],
    ['dropped', false, 0],
    ['unknown', false, 1],
  ] as const) {
    test(`lets messages wait while their step is in hand, until it is ${how}`, async () => {
      const { gate, asked } = gateOver([])
      gate.open('s')
      let answered = 0
      const answers = [gate.passes('s'), gate.passes('s')].map((answer) => answer.finally(() => answered++))
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(answered, 0)
      gate.settle('s', how)
      assert.deepEqual(await Promise.all(answers), [passes, passes])
      assert.equal(asked.length, 2 * asks)
    })
  }

  test('asks the ledger where nobody knows how a step ended, as after a restart', async () => {
    const { gate } = gateOver(['yes'])
    assert.equal(await gate.passes('yes'), true)
    assert.equal(await gate.passes('no'), false)
    gate.open('yes')
    gate.settle('yes', 'unknown')
    assert.equal(await gate.passes('yes'), true)
  })

  test('keeps nothing of a step that has ended', async () => {
    const { gate, asked } = gateOver(['s'])
    gate.open('s')
    gate.settle('s', 'committed')
    assert.equal(await gate.passes('s'), true)
    assert.deepEqual(asked, ['s'])
  })

  test('says nothing while the ledger is away', async () => {
    const gate = newGate(() => Promise.reject(new PecError('ledger', 'away', { temporary: true })))
    await assert.rejects(gate.passes('s'), { code: 'ledger' })
  })

  test('takes no notice of the end of a step that it does not know', () => {
    gateOver([]).gate.settle('s', 'committed')
  })
})
