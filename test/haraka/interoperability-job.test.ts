import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { runInteroperability, type InteroperabilityWork } from '../../src/haraka/interoperability-job.js'
import type { Exchange } from '../../src/interoperability/check.js'
import type { Occurrence } from '../../src/watch/occurrence.js'
import { listening } from './listening.js'
import { mailOf } from './mail.js'

const UGO = 'ugo@pec-b.test'
const EVA = 'eva@pec-c.test'
const DAY = 86_400
const NOON = Date.parse('2026-03-02T12:00:00Z')

/** A node over a register and a lease that the test holds. */
function node(t: TestContext) {
  const told: Occurrence[] = []
  const log = mailOf()
  const state = {
    now: NOON,
    ours: true,
    checkedAt: new Map<string, number>(),
    faults: new Map<string, readonly string[]>(),
    rounds: [] as (readonly string[])[],
    check: undefined as InteroperabilityWork['check'] | undefined,
  }
  const check: InteroperabilityWork['check'] = (mailboxes) => {
    state.rounds.push(mailboxes)
    return Promise.resolve(
      mailboxes.map((mailbox): Exchange => {
        state.checkedAt.set(mailbox, state.now)
        const about = { mailbox, provider: 'B', identifier: '1@pec-a.test', sentAt: new Date(state.now) }
        return { ...about, seconds: { acceptance: 0.2 }, faults: state.faults.get(mailbox) ?? [] }
      }),
    )
  }
  const work: InteroperabilityWork = {
    ...{ mailboxes: [UGO, EVA], interval: DAY, clock: () => new Date(state.now) },
    isCheckedSince: (mailbox, since) => Promise.resolve((state.checkedAt.get(mailbox) ?? -Infinity) >= since.getTime()),
    check: (...which) => (state.check ?? check)(...which),
    lease: () => Promise.resolve(state.ours),
  }
  const job = runInteroperability(work, 'node a', listening(told), log)
  t.after(() => job.stop())
  const kinds = (): string[] => told.splice(0).map((each) => ('part' in each ? `${each.kind} ${each.part}` : each.kind))
  return { state, job, log, kinds, told }
}

describe('the checks of other providers that a node makes by itself', () => {
  test('are made of each mailbox when its last one is long enough ago, whoever made that', async (t) => {
    const { state, job, kinds } = node(t)
    state.checkedAt.set(EVA, NOON - 3_600_000)
    await job.run()
    await job.run()
    assert.deepEqual(state.rounds, [[UGO]])
    state.now += (DAY - 1800) * 1000
    await job.run()
    assert.deepEqual(state.rounds.slice(1), [[EVA]])
    assert.deepEqual(kinds(), ['interoperability', 'interoperability'])
  })

  test('are made by the node that has the work', async (t) => {
    const { state, job } = node(t)
    state.ours = false
    await job.run()
    assert.deepEqual(state.rounds, [])
  })

  test('are a failure of their part until every mailbox has passed', async (t) => {
    const { state, job, kinds, told, log } = node(t)
    state.faults.set(UGO, ['no valid delivery receipt within 5 s'])
    await job.run()
    assert.deepEqual(
      told.flatMap((each) => (each.kind === 'failure' ? [each.code, each.reason] : [])),
      ['interoperability', `${UGO}: no valid delivery receipt within 5 s`],
    )
    assert.deepEqual(kinds(), ['interoperability', 'interoperability', 'failure interoperability'])
    assert.match(log.done.join('\n'), /^warn: interoperability with ugo@pec-b\.test: failed: no valid delivery receipt/m)
    state.now += DAY * 1000
    // Only the other one is due.
    state.checkedAt.set(UGO, state.now)
    state.now += 1000
    await job.run()
    assert.deepEqual(kinds(), ['interoperability'])
    state.faults.clear()
    state.now += (DAY + 1) * 1000
    await job.run()
    assert.deepEqual(kinds(), ['interoperability', 'interoperability', 'recovery interoperability'])
  })

  test('that failed are another node’s trouble once that has the work', async (t) => {
    const { state, job, kinds } = node(t)
    state.faults.set(UGO, ['no valid delivery receipt within 5 s'])
    await job.run()
    kinds()
    state.ours = false
    await job.run()
    assert.deepEqual(kinds(), ['recovery interoperability'])
    Object.assign(state, { ours: true, now: state.now + (DAY + 1) * 1000 })
    state.faults.clear()
    await job.run()
    assert.deepEqual(kinds(), ['interoperability', 'interoperability'])
  })

  test('end with the job, and nothing is said of that', async (t) => {
    const { state, job, log, kinds } = node(t)
    state.check = (_, stopped) =>
      new Promise((_resolve, reject) => stopped.addEventListener('abort', () => reject(new Error('stopped'))))
    const running = job.run()
    await new Promise(setImmediate)
    job.stop()
    await running
    assert.deepEqual([log.done, kinds()], [[], []])
  })

  test('are tried again when the register is away', async (t) => {
    const { state, job, log } = node(t)
    state.check = () => Promise.reject(new Error('the database is away'))
    await job.run()
    assert.match(log.done.join('\n'), /^error: other providers could not be checked: the database is away$/m)
    state.check = undefined
    await job.run()
    assert.deepEqual(state.rounds, [[UGO, EVA]])
  })
})
