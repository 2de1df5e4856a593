import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PecError } from '../../src/errors.js'
import { Health } from '../../src/watch/health.js'
import { Listeners } from '../../src/watch/listeners.js'
import type { Occurrence } from '../../src/watch/occurrence.js'

const AWAY = new PecError('ledger', 'the database is away', { temporary: true, cause: new Error('ECONNREFUSED') })

function hear() {
  const told: Occurrence[] = []
  let now = Date.parse('2026-03-02T12:00:00Z')
  const watch = new Listeners((error) => assert.ifError(error))
  watch.listen((occurrence) => told.push(occurrence))
  const health = new Health(watch, () => new Date(now))
  return { told, health, later: (minutes: number) => (now += minutes * 60_000) }
}

test('tells of a failure once, reminds every five minutes, and tells once that it is over', () => {
  const { told, health, later } = hear()
  health.works('ledger')
  for (let i = 0; i < 3; i++) health.failed('ledger', AWAY)
  later(4)
  health.failed('ledger', AWAY)
  later(1)
  health.failed('ledger', AWAY)
  assert.deepEqual([...health.down.keys()], ['ledger'])
  later(1)
  health.works('ledger')
  health.works('ledger')
  const since = new Date('2026-03-02T12:00:00Z')
  const failure = { kind: 'failure', part: 'ledger', code: 'ledger', reason: 'the database is away: ECONNREFUSED', since }
  assert.deepEqual(told, [
    { ...failure, at: since, count: 1 },
    { ...failure, at: new Date('2026-03-02T12:05:00Z'), count: 5 },
    { kind: 'recovery', at: new Date('2026-03-02T12:06:00Z'), part: 'ledger', since, count: 5 },
  ])
  assert.equal(health.down.size, 0)
})

test('keeps parts apart', () => {
  const { told, health } = hear()
  health.failed('ledger', AWAY)
  health.works('antivirus')
  health.failed('queue', new Error('no space'))
  assert.deepEqual(
    told.map((occurrence) => [occurrence.kind, 'part' in occurrence ? occurrence.part : '']),
    [
      ['failure', 'ledger'],
      ['failure', 'queue'],
    ],
  )
})

test('passes on what the work gives, and takes a verdict on its input for no failure', async () => {
  const { told, health } = hear()
  assert.equal(await health.of('ledger', Promise.resolve(7)), 7)
  const taken = new PecError('conflict', 'another step took the claim')
  await assert.rejects(health.of('ledger', Promise.reject(taken)), taken)
  assert.deepEqual(told, [])
  await assert.rejects(health.of('ledger', Promise.reject(AWAY)), AWAY)
  assert.equal(told.length, 1)
})

test('a listener that throws stops neither the others nor whoever tells', () => {
  const bugs: unknown[] = []
  const watch = new Listeners((error) => bugs.push(error))
  const heard: string[] = []
  const bug = new Error('a bug')
  watch.listen(() => {
    throw bug
  })
  const end = watch.listen(({ kind }) => heard.push(kind))
  watch.tell({ kind: 'started', at: new Date() })
  end()
  watch.tell({ kind: 'ending', at: new Date() })
  assert.deepEqual(heard, ['started'])
  assert.deepEqual(bugs, [bug, bug])
})
