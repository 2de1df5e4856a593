import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ClockGuard } from '../../src/clock/clock-guard.js'
import { isPecError, type PecError } from '../../src/errors.js'

const HOSTS = { a: ['a1', 'a2', 'a3'], b: ['b1'] }
const START = Date.parse('2026-11-27T09:00:00Z')

describe('a guarded clock', () => {
  /** True time, on the steady clock; ours is `ahead` of it. */
  let passed: number
  let ahead: number
  /** By which a server is wrong, in seconds; those that are missing are silent. */
  let servers: Readonly<Record<string, number>>
  let asked: number
  let trouble: PecError | undefined
  let guard: ClockGuard

  beforeEach(() => {
    passed = 0
    ahead = 0
    asked = 0
    trouble = undefined
    servers = { a1: 0, a2: 0, a3: 0, b1: 0 }
    guard = new ClockGuard({
      sources: [HOSTS.a, HOSTS.b].map((hosts) => hosts.map((host) => ({ host, port: 123 }))),
      ...{ interval: 300, alarm: 1, stop: 30 },
      report: (found) => (trouble = found),
      wall: () => new Date(START + passed + ahead * 1000),
      steady: () => passed,
      ask: ({ host }) => {
        asked += 1
        const wrong = servers[host]
        return wrong === undefined ? Promise.reject(new Error(`${host} is silent`)) : Promise.resolve((ahead - wrong) * 1000)
      },
    })
  })
  afterEach(() => guard.stop())

  const alarm = (): string | undefined => trouble?.message
  const stops = (): boolean | undefined => trouble?.temporary
  const isRefused = (): void => {
    assert.throws(guard.read, (error) => isPecError(error) && error.code === 'clock' && error.temporary)
  }

  test('tells the time of a clock that is right', async () => {
    await guard.compare()
    passed = 1000
    assert.equal(guard.read().getTime(), START + 1000)
    assert.equal(alarm(), undefined)
  })

  test('raises the alarm before it stops, and is well again', async () => {
    ahead = 2
    await guard.compare()
    guard.read()
    assert.equal(alarm(), 'our clock is 2.0 s ahead')
    assert.equal(stops(), false)
    ahead = -31
    await guard.compare()
    assert.throws(guard.read, { message: 'our clock is 31.0 s behind: nothing is certified until it is right' })
    assert.equal(stops(), true)
    ahead = 0
    await guard.compare()
    guard.read()
    assert.equal(alarm(), undefined)
  })

  test('notices at once that somebody sets the clock, wrong or right', async () => {
    await guard.compare()
    ahead = 3600
    const before = asked
    isRefused()
    assert.ok(asked > before, 'the servers are asked at once')
    await guard.compare()
    isRefused()
    const since = asked
    isRefused()
    assert.equal(asked, since, 'and then in their turn')
    ahead = 0
    guard.read()
  })

  test('believes the servers when the steady clock has stood still', async () => {
    await guard.compare()
    // A machine that was put to sleep: the wall clock is set right after it.
    passed = 0
    ahead = 60
    servers = { a1: 60, a2: 60, a3: 60, b1: 60 }
    isRefused()
    await guard.compare()
    guard.read()
  })

  test('lets nobody alone stop it: neither a server nor a source', async () => {
    servers = { a1: 0, a2: 5000, a3: 0, b1: 0 }
    await guard.compare()
    assert.equal(alarm(), undefined)
    servers = { a1: 0, a2: 0, a3: 0, b1: -5000 }
    await guard.compare()
    guard.read()
    assert.equal(alarm(), 'the sources disagree: our clock is 0.0 s ahead by a, 5000.0 s ahead by b')
  })

  test('stops where both sources find it wrong, each in its way', async () => {
    servers = { a1: 100, a2: 100, a3: 100, b1: 50 }
    await guard.compare()
    assert.throws(guard.read, { message: /our clock is 50\.0 s behind/ })
    assert.match(alarm() ?? '', /the sources disagree.*; our clock is 50\.0 s behind/)
  })

  test('goes on with one source, and with none, under alarm', async () => {
    servers = { a1: 0, a2: 0, a3: 0 }
    await guard.compare()
    guard.read()
    assert.equal(alarm(), 'no server of source b answers (b1 is silent)')
    servers = {}
    await guard.compare()
    guard.read()
    assert.match(alarm() ?? '', /^no server of source a answers \(a1 is silent; .*\); no server of source b/)
    // Nobody can say now which of the two was right.
    ahead = 3600
    guard.read()
  })

  test('stays stopped when nobody answers any more, until it is set', async () => {
    ahead = 3600
    await guard.compare()
    servers = {}
    await guard.compare()
    isRefused()
    ahead = 0
    guard.read()
  })
})
