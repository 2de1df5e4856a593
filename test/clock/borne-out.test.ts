import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cautionOf, compareWithServer, hasGapBefore } from '../../src/clock/borne-out.js'
import { isPecError } from '../../src/errors.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOON = new Date('2026-03-02T12:00:00Z')
const at = (milliseconds: number): Date => new Date(NOON.getTime() + milliseconds)

/** A register with these events, and a server with this clock. */
const witness = (events: readonly Date[], server?: Date) => ({
  serverTime: () => Promise.resolve(server),
  lastEventBefore: (time: Date) => Promise.resolve(events.filter((event) => event < time).at(-1)),
})

test('a clock that is not that of the ledger’s server is told', async () => {
  await compareWithServer(NOON, witness([]))
  await compareWithServer(NOON, witness([], at(50_000)))
  for (const [server, words] of [
    [at(-30 * DAY), /2592000 s ahead of that of the ledger's server/],
    [at(61_000), /61 s behind that/],
  ] as const)
    await assert.rejects(compareWithServer(NOON, witness([], server)), (error: unknown) => {
      assert.ok(isPecError(error) && error.code === 'clock' && error.temporary)
      assert.match(error.message, words)
      return true
    })
})

test('what cannot be undone waits for an event of the week before that is an hour old, or for a day', async () => {
  const lines: string[] = []
  let steady = 0
  const caution = (...events: readonly Date[]) =>
    cautionOf(
      witness(events),
      (line) => lines.push(line),
      () => steady,
    )
  assert.equal(await caution()(NOON), true, 'a register that is empty has nothing to lose')
  assert.equal(await caution(at(-2 * HOUR))(NOON), true)
  assert.deepEqual(lines, [])
  // Booted a month ahead: what it has registered since does not speak for it.
  const mayActOn = caution(at(-30 * DAY), at(-HOUR / 2))
  assert.equal(await mayActOn(NOON), false)
  assert.equal(await mayActOn(NOON), false)
  assert.deepEqual([lines.length, /if the clock is wrong, set it right/.test(String(lines[0]))], [1, true])
  assert.equal(await mayActOn(at(HOUR)), true)
  const idle = caution(at(-30 * DAY))
  steady = DAY
  assert.equal(await idle(at(DAY)), true)
})

test('a register that ends a day before now has a gap', async () => {
  assert.equal(await hasGapBefore(NOON, witness([])), false)
  assert.equal(await hasGapBefore(NOON, witness([at(-2 * DAY)])), true)
  assert.equal(await hasGapBefore(NOON, witness([at(-2 * DAY), NOON])), false)
})
