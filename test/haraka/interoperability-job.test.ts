import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { runInteroperability, type InteroperabilityWork, type LastCheck } from '../../src/haraka/interoperability-job.js'
import type { Exchange } from '../../src/interoperability/check.js'
import { describeExchange } from '../../src/interoperability/round.js'
import type { Occurrence } from '../../src/watch/occurrence.js'
import { listening } from './listening.js'
import { mailOf } from './mail.js'

const UGO = 'ugo@pec-b.test'
const EVA = 'eva@pec-c.test'
const DAY = 86_400
const NOON = Date.parse('2026-03-02T12:00:00Z')

/** A node over a register and a lease that the test holds. */
function node(t: TestContext, checks = new Map<string, LastCheck>()) {
  const told: Occurrence[] = []
  const log = mailOf()
  const state = {
    now: NOON,
    ours: true,
    /** The register: the last check of each mailbox. */
    checks,
    faults: new Map<string, readonly string[]>(),
    rounds: [] as (readonly string[])[],
    check: undefined as InteroperabilityWork['check'] | undefined,
  }
  const check: InteroperabilityWork['check'] = (mailboxes) => {
    state.rounds.push(mailboxes)
    return Promise.resolve(
      mailboxes.map((mailbox): Exchange => {
        const at = new Date(state.now)
        const about = { mailbox, provider: 'B', identifier: '1@pec-a.test', sentAt: at }
        const exchange = { ...about, seconds: { acceptance: 0.2 }, faults: state.faults.get(mailbox) ?? [] }
        state.checks.set(mailbox, { at, outcome: describeExchange(exchange) })
        return exchange
      }),
    )
  }
  const work: InteroperabilityWork = {
    ...{ mailboxes: [UGO, EVA], interval: DAY, clock: () => new Date(state.now) },
    lastCheck: (mailbox, since) => {
      const check = state.checks.get(mailbox)
      return Promise.resolve(check !== undefined && check.at >= since ? check : undefined)
    },
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
    state.checks.set(EVA, { at: new Date(NOON - 3_600_000), outcome: 'passed: acceptance 0.2 s' })
    await job.run()
    await job.run()
    assert.deepEqual(state.rounds, [[UGO]])
    state.now += (DAY - 1800) * 1000
    await job.run()
    assert.deepEqual(state.rounds.slice(1), [[EVA]])
    // The first one told is Eva's of the register.
    assert.deepEqual(kinds(), ['interoperability', 'interoperability', 'interoperability'])
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
    state.checks.set(UGO, { at: new Date(state.now), outcome: 'failed: no valid delivery receipt within 5 s' })
    state.now += 1000
    await job.run()
    assert.deepEqual(kinds(), ['interoperability', 'interoperability'])
    state.faults.clear()
    state.now += (DAY + 1) * 1000
    await job.run()
    assert.deepEqual(kinds(), ['interoperability', 'interoperability', 'recovery interoperability'])
  })

  test('are told of by every node, whichever has made them, and not again', async (t) => {
    const { state, job, kinds, told } = node(t)
    const by = (outcome: string): void => void state.checks.set(UGO, { at: new Date(state.now), outcome })
    state.ours = false
    by('failed: no valid delivery receipt within 5 s; acceptance 0.2 s')
    await job.run()
    await job.run()
    assert.deepEqual(
      told.map((each) => (each.kind === 'failure' ? each.reason : each.kind === 'interoperability' ? each.passed : '')),
      [false, `${UGO}: no valid delivery receipt within 5 s; acceptance 0.2 s`],
    )
    assert.deepEqual(kinds(), ['interoperability', 'failure interoperability'])
    state.now += 1000
    by('passed: acceptance 0.2 s')
    await job.run()
    assert.deepEqual(kinds(), ['interoperability', 'recovery interoperability'])
    assert.deepEqual(state.rounds, [])
  })

  test('that failed before a start are told of at once: their alarm is not over', async (t) => {
    const failing = { at: new Date(NOON - 1000), outcome: 'failed: everything' }
    const { state, kinds } = node(t, new Map([[UGO, failing]]))
    await new Promise(setImmediate)
    assert.deepEqual([kinds(), state.rounds], [['interoperability', 'failure interoperability'], []])
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
