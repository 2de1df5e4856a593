import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newReadiness } from '../../src/metrics/readiness.js'

test('is ready where every check is, and names those that are not', async () => {
  const checks = { ledger: () => Promise.resolve(), index: () => undefined }
  assert.equal((await newReadiness(checks)()).ready, true)
  const failing = { ...checks, antivirus: () => Promise.reject(new Error('away')), index: throwing }
  const { ready, checks: results } = await newReadiness(failing)()
  assert.equal(ready, false)
  assert.deepEqual([results['antivirus']?.reason, results['index']?.reason], ['away', 'empty'])
  assert.deepEqual([results['ledger']?.ok, results['antivirus']?.ok, results['index']?.ok], [true, false, false])
})

function throwing(): never {
  throw new Error('empty')
}

test('does not wait for a check that never ends', async () => {
  const { ready, checks } = await newReadiness({ ledger: () => new Promise(() => undefined) }, 20)()
  assert.equal(ready, false)
  assert.equal(checks['ledger']?.reason, 'no answer within 0.02 s')
})

test('asks once for questions that come together, and again for the next', async () => {
  let asked = 0
  const readiness = newReadiness({ ledger: () => ++asked })
  await Promise.all([readiness(), readiness()])
  assert.equal(asked, 1)
  await readiness()
  assert.equal(asked, 2)
})
