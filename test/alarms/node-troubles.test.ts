import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeTroubles } from '../../src/alarms/node-troubles.js'

const START = Date.parse('2026-03-02T12:00:00Z')
const at = (seconds: number): Date => new Date(START + seconds * 1000)

/** Alarms of a node that is told what happens, in seconds from the start, and asked every second. */
function story(...happenings: readonly (readonly [seconds: number, worker: number, what: 'fails' | 'works' | 'ends'])[]) {
  return (until: number, repeat = 3600): string[] => {
    const troubles = new NodeTroubles({ minimum: 60_000, settled: 300_000, repeat: repeat * 1000 })
    const told: string[] = []
    for (let second = 0; second <= until; second++) {
      for (const [, worker, what] of happenings.filter(([when]) => when === second)) {
        const common = { at: at(second), part: 'antivirus', since: at(second), count: 1 } as const
        if (what === 'fails') troubles.hear(worker, { kind: 'failure', code: 'antivirus', reason: 'away', ...common })
        else if (what === 'works') troubles.hear(worker, { kind: 'recovery', ...common })
        else troubles.forget(worker, at(second))
      }
      for (const { state, since } of troubles.due(at(second)))
        told.push(`${second} ${state} since ${(since.getTime() - START) / 1000}`)
    }
    return told
  }
}

test('a part that fails is told once it has failed for a while, and its end once it has worked for a while', () => {
  assert.deepEqual(story([5, 0, 'fails'], [100, 0, 'works'])(1000), ['65 failing since 5', '400 solved since 5'])
})

test('a short failure is not told', () => {
  assert.deepEqual(story([5, 0, 'fails'], [30, 0, 'works'])(1000), [])
})

test('several processes that fail make one alarm, which is over once all work', () => {
  const processes = story([0, 1, 'fails'], [10, 2, 'fails'], [100, 1, 'works'], [200, 2, 'works'])
  assert.deepEqual(processes(1000), ['60 failing since 0', '500 solved since 0'])
})

test('a process that ends fails no more', () => {
  assert.deepEqual(story([0, 1, 'fails'], [100, 1, 'ends'], [150, 2, 'ends'])(1000), ['60 failing since 0', '400 solved since 0'])
})

test('a process that failed once and has had no work since does not keep a trouble open', () => {
  const idle = story([0, 1, 'fails'], [5, 2, 'fails'], [100, 2, 'works'])
  assert.deepEqual(idle(1500), ['60 failing since 0', '900 solved since 0'])
  const alone = story([0, 1, 'fails'])
  assert.deepEqual(alone(1500), ['60 failing since 0'])
  const failsStill = story([0, 1, 'fails'], [5, 2, 'fails'], [100, 2, 'works'], [300, 1, 'fails'], [600, 1, 'fails'])
  assert.deepEqual(failsStill(1500), ['60 failing since 0'])
})

test('what was told before a restart is not told again, and its end is', () => {
  const patience = { minimum: 60_000, settled: 300_000, repeat: 3_600_000 }
  const before = new NodeTroubles(patience)
  before.hear(1, { kind: 'failure', code: 'antivirus', reason: 'away', at: at(0), part: 'antivirus', since: at(0), count: 1 })
  assert.deepEqual(before.told, [])
  assert.equal(before.due(at(60)).length, 1)
  const gone = new NodeTroubles(patience, before.told, at(100))
  assert.deepEqual(
    [200, 400, 500].map((second) => gone.due(at(second)).map(({ state }) => state)),
    [[], ['solved'], []],
  )
  assert.deepEqual(gone.told, [])
  const lasting = new NodeTroubles(patience, before.told, at(100))
  lasting.hear(1, {
    kind: 'failure',
    code: 'antivirus',
    reason: 'away',
    at: at(110),
    part: 'antivirus',
    since: at(110),
    count: 1,
  })
  assert.deepEqual(
    [200, 3600, 3660].map((second) => lasting.due(at(second)).map(({ since }) => since)),
    [[], [], [at(0)]],
  )
})

test('a part that fails and works in turn is one trouble, told once', () => {
  const turns = Array.from({ length: 50 }, (_, turn) => [turn * 20, 0, turn % 2 === 0 ? 'fails' : 'works'] as const)
  assert.deepEqual(story(...turns)(1400), ['80 failing since 0', '1280 solved since 0'])
})

test('trouble that goes on is told again, or not', () => {
  assert.deepEqual(story([0, 0, 'fails'])(1000, 400), ['60 failing since 0', '460 failing since 0', '860 failing since 0'])
  assert.deepEqual(story([0, 0, 'fails'])(1000, 0), ['60 failing since 0'])
})
