import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { PecError } from '../../src/errors.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { fromBuffer } from '../../src/mail/source.js'
import { momentOf } from '../../src/pec/moment.js'
import type { Claim } from '../../src/points/ports.js'
import { carryOut, isConflict, type Step } from '../../src/points/step.js'
import { LEDGER_AWAY, NOON, TestOutbox } from './house.js'
import { TestQuarantine } from './scanning.js'

const CLAIM: Claim = { identifier: 'id@pec-a.test', what: 'acceptance', recipient: '' }
const STEP: Step = {
  at: momentOf(NOON),
  claims: [CLAIM],
  events: [],
  dispatches: [
    {
      from: '',
      to: ['ugo@pec-b.test'],
      message: fromBuffer(Buffer.from('x')),
      errand: { kind: 'send-receipt', identifier: CLAIM.identifier },
    },
  ],
}

let ledger: SqlLedger
let outbox: TestOutbox
let quarantine: TestQuarantine

beforeEach(async () => {
  ledger = await openLedger(':memory:')
  outbox = new TestOutbox()
  quarantine = new TestQuarantine()
})

const carry = (step = STEP): Promise<void> => carryOut(step, { ledger, outbox, quarantine })
const states = (): readonly string[] => outbox.batches.map(({ state }) => state)

describe('a step', () => {
  test('prepares, commits under the id that its messages carry, and releases', async () => {
    const commit = ledger.commit.bind(ledger)
    ledger.commit = (entry) => {
      assert.deepEqual(states(), ['prepared'])
      return commit(entry)
    }
    await carry()
    assert.deepEqual(states(), ['released'])
    const [batch] = outbox.batches
    assert.deepEqual(batch?.dispatches, STEP.dispatches)
    assert.ok(await ledger.isCommitted(batch.step))
    assert.deepEqual(await ledger.taken([CLAIM]), [CLAIM])
  })

  test('that comes second is dropped, and says so', async () => {
    await carry()
    await assert.rejects(carry(), (error) => isConflict(error))
    assert.deepEqual(states(), ['released', 'dropped'])
  })

  test('of two at once one is released and one dropped', async () => {
    const results = await Promise.allSettled([carry(), carry()])
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.deepEqual([...states()].sort(), ['dropped', 'released'])
  })

  test('is dropped where the ledger is sure that it has none of it', async () => {
    const error = new PecError('ledger', 'full', { temporary: true, undone: true })
    ledger.commit = () => Promise.reject(error)
    await assert.rejects(carry(), error)
    assert.deepEqual(states(), ['dropped'])
  })

  for (const [what, error] of [
    ['the ledger is away', LEDGER_AWAY],
    ['the commit fails in some other way', new TypeError('bug')],
  ] as const) {
    test(`is left to the ledger where ${what}, for nobody knows whether it was committed`, async () => {
      ledger.commit = () => Promise.reject(error)
      await assert.rejects(carry(), error)
      assert.deepEqual(states(), ['left to the ledger'])
      assert.deepEqual(await ledger.taken([CLAIM]), [])
    })
  }

  test('certifies nothing where the queue does not take its messages', async () => {
    outbox.onPrepare = () => {
      throw new PecError('queue', 'full', { temporary: true })
    }
    await assert.rejects(carry(), { code: 'queue', temporary: true })
    assert.deepEqual(await ledger.taken([CLAIM]), [])
    outbox.onPrepare = () => undefined
    await carry()
    assert.deepEqual(states(), ['released'])
  })

  test('may be a row of the register and nothing else', async () => {
    await carry({ ...STEP, claims: [], dispatches: [] })
    await carry({ ...STEP, claims: [], dispatches: [] })
    assert.deepEqual(states(), ['released', 'released'])
  })
})
