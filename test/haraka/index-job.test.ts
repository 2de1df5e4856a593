import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { PecError } from '../../src/errors.js'
import { startIndexJob } from '../../src/haraka/index-job.js'
import type { RecordChange } from '../../src/providers/index-changes.js'
import type { Synchronised } from '../../src/providers/synchronise.js'
import type { Occurrence } from '../../src/watch/occurrence.js'
import { listening } from './listening.js'

const HOUR = 3_600_000
const nothing = { added: [], removed: [] }
const change: RecordChange = {
  ...{ change: 'changed', name: 'B', unit: undefined, certificates: nothing, mailReceipt: undefined },
  domains: { added: ['b.test'], removed: [] },
}
const done: Synchronised = { records: 2, domains: 3, changes: [change], ownDifferences: [], faults: [] }
const away = new PecError('index', 'the centre is away', { temporary: true })

/** A job whose synchronisations end as the test says; the last good one was `hoursAgo`. */
function started(t: TestContext, hoursAgo: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told: Occurrence[] = []
  const lines: string[] = []
  const state = { outcome: done as Synchronised | Error, runs: 0 }
  const synchroniser = {
    url: 'https://centre.test/',
    lastAt: () => Promise.resolve(new Date(Date.now() - hoursAgo * HOUR)),
    run: () => {
      state.runs++
      return state.outcome instanceof Error ? Promise.reject(state.outcome) : Promise.resolve(state.outcome)
    },
  }
  const take = (line: string): number => lines.push(line)
  const log = { logcrit: take, logerror: take, logwarn: take, lognotice: take, loginfo: take, logdebug: take }
  const job = startIndexJob(synchroniser, 43_200, listening(told), log)
  t.after(() => job.stop())
  const kinds = (): string[] => told.splice(0).map((each) => ('part' in each ? `${each.kind} ${each.part}` : each.kind))
  const pass = async (ms: number): Promise<number> => {
    await new Promise(setImmediate)
    t.mock.timers.tick(ms)
    await new Promise(setImmediate)
    return state.runs
  }
  return { job, state, lines, kinds, pass }
}

describe('the synchronisation of the index on a node', () => {
  test('tells each change, and that our own record is otherwise at the centre', async (t) => {
    const { job, lines, kinds, state } = started(t, 1)
    state.outcome = { ...done, ownDifferences: [{ ...change, name: 'Ours' }] }
    await job.run()
    assert.deepEqual(kinds(), ['index-changed'])
    assert.deepEqual(lines, [
      'the index of providers was synchronised: 2 records with 3 domains, 1 changed',
      'the index of providers has changed: B: domains added: b.test',
      'the centre has our own record otherwise, and ours stays as it is: Ours: domains added: b.test',
    ])
  })

  test('begins when the last one is long enough ago, and comes again in time', async (t) => {
    const { pass } = started(t, 11)
    assert.equal(await pass(0.9 * HOUR), 0)
    assert.equal(await pass(0.2 * HOUR), 1)
    assert.equal(await pass(11.9 * HOUR), 1)
    assert.equal(await pass(0.2 * HOUR), 2)
  })

  test('tries again after a failure, later each time, within the hour', async (t) => {
    const { pass, state } = started(t, 13)
    state.outcome = away
    assert.equal(await pass(0), 1)
    assert.equal(await pass(59_000), 1)
    assert.equal(await pass(1_000), 2)
    assert.equal(await pass(119_000), 2)
    assert.equal(await pass(1_000), 3)
    for (let n = 4; n < 12; n++) assert.equal(await pass(HOUR), n)
  })

  test('is no failure of its part while the centre is away, but when what came is refused, until it is right', async (t) => {
    const { job, state, kinds } = started(t, 100)
    state.outcome = away
    await job.run()
    assert.deepEqual(kinds(), ['index-refused'])
    state.outcome = new PecError('index', 'its signature does not hold')
    await job.run()
    assert.deepEqual(kinds(), ['index-refused', 'failure index-source'])
    state.outcome = done
    await job.run()
    assert.deepEqual(kinds(), ['index-changed', 'recovery index-source'])
  })
})
