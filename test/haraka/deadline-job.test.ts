import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { startDeadlines } from '../../src/haraka/deadline-job.js'
import type { DeadlineHouse } from '../../src/points/deadlines.js'
import { openAccessPoint } from '../../src/points/access.js'
import { houseOf, makeWorld, type TestHouse, type World } from '../points/house.js'
import { submissionOf } from '../points/submissions.js'
import { mailOf } from './mail.js'

const MINUTE = 60_000
let world: World

before(async () => {
  world = await makeWorld()
})

/** A provider with one message that nobody has taken in charge, and a job whose clocks the test moves. */
async function late(t: { after(end: () => void): void }) {
  const house: TestHouse & DeadlineHouse = Object.assign(await houseOf(world, world.a), {
    deadlines: { first: 43_200, second: 81_000 },
  })
  await openAccessPoint(house).submit(submissionOf())
  house.outbox.take()
  const log = mailOf()
  let steady = 0
  const jobs = ['node a', 'node b'].map((holder) => startDeadlines(house, holder, log, () => steady))
  t.after(() => jobs.forEach((job) => job.stop()))
  const [one, two] = jobs
  assert.ok(one && two)
  // Both looked at the clock when they were started.
  await Promise.all([one.run(), two.run()])
  return {
    ...{ house, log, one, two },
    /** Time passes, on both clocks. */
    pass: (minutes: number): void => {
      steady += minutes * MINUTE
      house.now = new Date(house.now.getTime() + minutes * MINUTE)
    },
    /** Somebody sets the wall clock. */
    set: (minutes: number): void => {
      house.now = new Date(house.now.getTime() + minutes * MINUTE)
    },
  }
}

test('gives what is due, on the node that has the work', async (t) => {
  const { house, one, two, pass } = await late(t)
  pass(12 * 60 + 1)
  await one.run()
  await two.run()
  assert.equal(house.outbox.take().length, 1)
})

test('a clock set ahead is not believed at once, and not at all if it is set back', async (t) => {
  const { house, log, one, pass, set } = await late(t)
  set(13 * 60)
  await one.run()
  assert.equal(house.outbox.take().length, 0)
  assert.match(log.done.join('\n'), /crit: the clock was set by 46800 s/)
  pass(5)
  set(-13 * 60)
  pass(20)
  await one.run()
  await one.run()
  assert.equal(house.outbox.take().length, 0)
})

test('a clock that stays ahead is believed after a while', async (t) => {
  const { house, one, pass, set } = await late(t)
  set(13 * 60)
  await one.run()
  pass(11)
  await one.run()
  assert.equal(house.outbox.take().length, 1)
})

test('after a start with a clock that is far beyond the register’s last event, limits wait for it to be set right', async (t) => {
  const { house, log, one, pass, set } = await late(t)
  one.stop()
  set(30 * 24 * 60)
  let steady = 0
  const job = startDeadlines(house, 'node c', log, () => steady)
  t.after(() => job.stop())
  await job.run()
  assert.match(log.done.join('\n'), /crit: the register has no event of the last day, unless the clock is wrong: no time limits/)
  steady += 11 * MINUTE
  pass(11)
  assert.equal(house.outbox.take().length, 0)
  await job.run()
  assert.equal(house.outbox.take().length, 1)
})

test('nothing is late by a clock that is not that of the ledger’s server', async (t) => {
  const { house, log, one, pass } = await late(t)
  house.ledger.serverTime = () => Promise.resolve(new Date(house.now.getTime() - 61_000))
  pass(12 * 60 + 1)
  await one.run()
  assert.equal(house.outbox.take().length, 0)
  assert.match(log.done.join('\n'), /could not be looked at: our clock is 61 s ahead of that of the ledger's server/)
})

test('a node that dies is replaced within a minute or so', async (t) => {
  const { house, one, two, pass } = await late(t)
  await one.run()
  pass(12 * 60 + 1)
  await one.run()
  assert.equal(house.outbox.take().length, 1)
  await openAccessPoint(house).submit(submissionOf())
  house.outbox.take()
  one.stop()
  pass(12 * 60 + 1)
  await two.run()
  // The second notice for the first message, the first for the second.
  assert.equal(house.outbox.take().length, 2)
})

test('however shortly after a look a node dies, another has its work within a minute', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { house, one, pass } = await late(t)
  const asked = t.mock.method(house.ledger, 'lease')
  await one.run()
  one.stop()
  asked.mock.resetCalls()
  const answers = (): Promise<boolean[]> =>
    Promise.all(asked.mock.calls.map(({ result }) => result as unknown as Promise<boolean>))
  for (let second = 0; second < 60; second++) {
    pass(1 / 60)
    t.mock.timers.tick(1000)
    await answers()
    await nextTurn()
  }
  const [first, ...others] = await answers()
  assert.deepEqual([first, others.at(-1)], [false, true])
})

test('a failure is logged, and the next run does the work', async (t) => {
  const { house, log, one, pass } = await late(t)
  pass(12 * 60 + 1)
  const lease = house.ledger.lease.bind(house.ledger)
  house.ledger.lease = () => Promise.reject(new Error('away'))
  await one.run()
  assert.match(log.done.join('\n'), /error: the time limits could not be looked at: away/)
  house.ledger.lease = lease
  await one.run()
  assert.equal(house.outbox.take().length, 1)
})

test('looks three times a minute, or twice within a first limit of seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  for (const { first, every } of [
    { first: 43_200, every: 20_000 },
    { first: 3, every: 1_500 },
  ]) {
    const house: TestHouse & DeadlineHouse = Object.assign(await houseOf(world, world.a), {
      deadlines: { first, second: 2 * first },
    })
    const looks = t.mock.method(house.ledger, 'lease')
    const job = startDeadlines(house, 'node', mailOf(), () => 0)
    await job.run()
    t.mock.timers.tick(every - 1)
    assert.equal(looks.mock.callCount(), 1)
    t.mock.timers.tick(1)
    await job.run()
    assert.equal(looks.mock.callCount(), 2)
    job.stop()
  }
})
