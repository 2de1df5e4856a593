import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { awaitTurn } from '../../src/haraka/store-turn.js'
import { LmtpPool } from '../../src/lmtp/pool.js'
import { mailOf } from './mail.js'

test('of the attempts that Haraka makes, one more begins when one is over, and Haraka hears of each', async (t) => {
  const pool = new LmtpPool({ path: '/nowhere' }, { connections: 2, waiting: 10 })
  t.after(() => pool.close())
  const mails = [mailOf(), mailOf(), mailOf(), mailOf()]
  const begun: number[] = []
  const [first, second] = mails
  assert.ok(first && second)
  for (const [at, mail] of mails.entries()) void awaitTurn(mail, pool).then(() => begun.push(at))
  await nextTurn()
  assert.deepEqual(begun, [0, 1])
  first.next_cb()
  // Whoever says it again does not end the turn of another.
  first.next_cb()
  await nextTurn()
  assert.deepEqual(begun, [0, 1, 2])
  second.next_cb()
  await nextTurn()
  assert.deepEqual(begun, [0, 1, 2, 3])
  assert.deepEqual(
    mails.map(({ done }) => done.length),
    [2, 1, 0, 0],
  )
})

test('the courier waits for them, too', async (t) => {
  const pool = new LmtpPool({ path: '/nowhere' }, { connections: 1, waiting: 1 })
  t.after(() => pool.close())
  const mail = mailOf()
  await awaitTurn(mail, pool)
  const waiting = pool.turn()
  assert.ok(pool.isFull)
  mail.next_cb()
  await waiting
  assert.equal(pool.isFull, false)
})
