import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExchangeLog } from '../../src/bench/exchange.js'

test('a message is done with when every milestone was reached, each counted from its start and once', () => {
  const log = new ExchangeLog(['accepted', 'receipt'])
  const id = log.begin(1000)
  log.reach(id, 'receipt', 1500)
  assert.deepEqual(log.take().exchanges, [])
  log.reach(id, 'receipt', 1800)
  log.reach(id, 'accepted', 2000)
  log.reach('<somebody@else.test>', 'accepted', 2000)
  assert.deepEqual(log.take().exchanges, [{ receipt: 500, accepted: 1000 }])
  assert.deepEqual(log.take().exchanges, [], 'taken once')
})

test('the time of a run is from the first start to the last milestone', () => {
  const log = new ExchangeLog(['accepted'])
  const ids = [log.begin(1000), log.begin(2000)]
  assert.notEqual(ids[0], ids[1])
  for (const id of ids) log.reach(id, 'accepted', 4000)
  assert.equal(log.take().seconds, 3)
})

test('there is room when a message is done with, and a complaint when none gets done', async () => {
  const log = new ExchangeLog(['accepted'])
  const id = log.begin(0)
  await assert.rejects(log.room(1, 50), /none of 1 messages/)
  await assert.rejects(log.drained(50), /still under way/)
  const room = log.room(1, 5000)
  log.reach(id, 'accepted', 1)
  await room
  await log.drained(50)
})

test('a message to several is in the mailboxes, and its receipts are there, when the last is', () => {
  const log = new ExchangeLog(['message', 'acceptance', 'receipt'])
  const id = log.begin(0, 2)
  for (const at of [1, 2]) log.reach(id, 'message', at)
  log.reach(id, 'acceptance', 3)
  for (const at of [4, 5]) log.reach(id, 'receipt', at)
  assert.deepEqual(log.take().exchanges, [{ message: 2, acceptance: 3, receipt: 5 }])
  assert.equal(log.count, 1)
})
