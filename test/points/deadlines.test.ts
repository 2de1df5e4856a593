import assert from 'node:assert/strict'
import { before, beforeEach, test } from 'node:test'
import { openAccessPoint } from '../../src/points/access.js'
import { giveDueNotices, type DeadlineHouse } from '../../src/points/deadlines.js'
import { openDeliveryPoint } from '../../src/points/delivery.js'
import { openReceptionPoint } from '../../src/points/reception.js'
import type { Dispatch } from '../../src/points/ports.js'
import { after, houseOf, LEDGER_AWAY, makeWorld, receiptIn, type TestHouse, type World } from './house.js'
import { submissionOf, type SubmissionParts } from './submissions.js'

const HOUR = 60
const DEADLINES = { first: 43_200, second: 81_000 }

let world: World
let a: TestHouse
let b: TestHouse
let house: DeadlineHouse

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  a = await houseOf(world, world.a)
  b = await houseOf(world, world.b)
  house = Object.assign(a, { deadlines: DEADLINES })
})

/** Sends Anna's message; the envelope that leaves for other providers. */
async function send(parts: SubmissionParts = {}): Promise<Dispatch | undefined> {
  await openAccessPoint(a).submit(submissionOf(parts))
  return a.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
}

/** Provider B takes it in charge, and the receipts that it gives come back to A. */
async function answer({ from, to, message }: Dispatch, how: 'take-charge' | 'delivery', at: Date): Promise<void> {
  b.now = at
  await openReceptionPoint(b).receive({ sender: from, recipients: to, message, host: 'mx.pec-a.test' })
  const dispatches = [...b.outbox.take()]
  if (how === 'delivery') {
    for (const { errand, message: delivered } of dispatches)
      if (errand.kind === 'deliver-envelope') await openDeliveryPoint(b).delivered(errand, delivered)
    dispatches.push(...b.outbox.take())
  }
  a.now = at
  for (const { errand, from: sender, to: recipients, message: receipt } of dispatches)
    if (errand.kind === 'send-receipt')
      await openReceptionPoint(a).receive({ sender, recipients, message: receipt, host: 'mx.pec-b.test' })
  a.outbox.take()
}

/** The notices given at a time: recipient and whether it is the last. */
async function noticesAt(at: Date): Promise<string[]> {
  a.now = at
  await giveDueNotices(house)
  const notices = await Promise.all(a.outbox.take().map(({ message }) => receiptIn(message, world)))
  return notices.map(
    ({ kind, delivery, error, errorDetail }) => `${kind} ${delivery ?? ''} ${error} ${errorDetail?.slice(0, 5) ?? '-'}`,
  )
}

const first = (recipient: string): string => `time-limit ${recipient} none -`
const second = (recipient: string): string => `time-limit ${recipient} other 5.4.1`

test('nobody answers: a notice after 12 hours, another between 22 and 24, and no more', async () => {
  await send({ to: ['ugo@pec-b.test'] })
  assert.deepEqual(await noticesAt(after(12 * HOUR)), [])
  assert.deepEqual(await noticesAt(after(12 * HOUR + 1)), [first('ugo@pec-b.test')])
  assert.deepEqual(await noticesAt(after(13 * HOUR)), [])
  assert.deepEqual(await noticesAt(after(22 * HOUR)), [])
  assert.deepEqual(await noticesAt(after(23 * HOUR)), [second('ugo@pec-b.test')])
  assert.deepEqual(await noticesAt(after(48 * HOUR)), [])
})

test('taken in charge but never delivered: only the second notice', async () => {
  const sent = await send({ to: ['ugo@pec-b.test'] })
  assert.ok(sent)
  await answer(sent, 'take-charge', after(5))
  assert.deepEqual(await noticesAt(after(13 * HOUR)), [])
  assert.deepEqual(await noticesAt(after(23 * HOUR)), [second('ugo@pec-b.test')])
})

test('delivered between 12 and 24 hours: only the first notice', async () => {
  const sent = await send({ to: ['ugo@pec-b.test'] })
  assert.ok(sent)
  assert.deepEqual(await noticesAt(after(12 * HOUR + 1)), [first('ugo@pec-b.test')])
  await answer(sent, 'delivery', after(15 * HOUR))
  assert.deepEqual(await noticesAt(after(23 * HOUR)), [])
})

test('delivered at once: no notice', async () => {
  const sent = await send({ to: ['ugo@pec-b.test'] })
  assert.ok(sent)
  await answer(sent, 'delivery', after(1))
  assert.deepEqual(await noticesAt(after(23 * HOUR)), [])
})

test('a late receipt still reaches the sender, and changes nothing else', async () => {
  const sent = await send({ to: ['ugo@pec-b.test'] })
  assert.ok(sent)
  assert.deepEqual(await noticesAt(after(23 * HOUR)), [second('ugo@pec-b.test')])
  await answer(sent, 'delivery', after(30 * HOUR))
  assert.deepEqual(await noticesAt(after(48 * HOUR)), [])
})

test('each recipient is counted by itself, ordinary ones not at all', async () => {
  await send({ to: ['ugo@pec-b.test', 'zoe@ordinaria.test'], cc: ['bruno@pec-c.test'] })
  assert.deepEqual((await noticesAt(after(12 * HOUR + 1))).sort(), [first('bruno@pec-c.test'), first('ugo@pec-b.test')])
})

test('after a long stop only the second notice is given', async () => {
  await send({ to: ['ugo@pec-b.test'] })
  assert.deepEqual(await noticesAt(after(40 * HOUR)), [second('ugo@pec-b.test')])
})

test('two nodes at once give one notice', async () => {
  await send({ to: ['ugo@pec-b.test'] })
  a.now = after(12 * HOUR + 1)
  const given = await Promise.all([giveDueNotices(house), giveDueNotices(house)])
  assert.equal(given[0] + given[1], 1)
  assert.equal(a.outbox.take().length, 1)
})

test('a ledger that is away gives no notice, and the next run does', async () => {
  await send({ to: ['ugo@pec-b.test'] })
  a.now = after(12 * HOUR + 1)
  const commit = a.ledger.commit.bind(a.ledger)
  a.ledger.commit = () => Promise.reject(LEDGER_AWAY)
  await assert.rejects(giveDueNotices(house), LEDGER_AWAY)
  a.ledger.commit = commit
  assert.deepEqual(await noticesAt(after(12 * HOUR + 1)), [first('ugo@pec-b.test')])
})
