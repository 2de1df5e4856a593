import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { keepWaitsSteady, type TimerQueue } from '../../src/haraka/steady-waits.js'

const HOUR = 3_600_000

let now = 0
let done: string[]
let timers: TimerQueue

beforeEach(() => {
  now = 0
  done = []
  const unused = (): never => assert.fail('it is replaced')
  timers = { queue: [], add: unused, fire: unused, drain: unused }
  keepWaitsSteady(
    timers,
    () => HOUR,
    () => now,
  )
})

const wait = (id: string, milliseconds: number): unknown => timers.add(id, milliseconds, () => done.push(id))
function at(milliseconds: number): string[] {
  now = milliseconds
  timers.fire()
  return done
}

describe('the waits of the queue', () => {
  test('end in the order of their time', () => {
    wait('c', 300)
    wait('a', 100)
    wait('b', 200)
    wait('also b', 200)
    assert.deepEqual(at(99), [])
    assert.deepEqual(at(250), ['a', 'b', 'also b'])
    assert.equal(timers.queue.length, 1)
    assert.deepEqual(at(300), ['a', 'b', 'also b', 'c'])
  })

  test('last no longer than any wait may: a file may be named by a clock that was ahead', () => {
    wait('tomorrow', 24 * HOUR)
    assert.deepEqual(at(HOUR), ['tomorrow'])
  })

  test('end at once when they are drained', () => {
    wait('b', 200)
    wait('a', 100)
    timers.drain()
    assert.deepEqual([done, timers.queue], [['a', 'b'], []])
  })

  test('that are begun by one that ends have their own time', () => {
    timers.add('first', 100, () => wait('second', 100))
    assert.deepEqual(at(100), [])
    assert.deepEqual(at(200), ['second'])
  })

  test('that are called off end nothing', () => {
    const first = wait('a', 100) as { cancel(): void }
    first.cancel()
    assert.deepEqual(at(100), [])
  })
})
