import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginningAt, endAt, legalDay, periodOfDay } from '../../src/retrieval/period.js'

const hours = ({ from, to }: { readonly from: Date; readonly to: Date }): number => (to.getTime() - from.getTime()) / 3_600_000

test('a day is one of Italian legal time, also when the clocks change', () => {
  assert.equal(periodOfDay('2026-01-15').from.toISOString(), '2026-01-14T23:00:00.000Z')
  assert.equal(periodOfDay('2026-07-15').from.toISOString(), '2026-07-14T22:00:00.000Z')
  assert.equal(hours(periodOfDay('2026-03-29')), 23)
  assert.equal(hours(periodOfDay('2026-10-25')), 25)
  assert.equal(hours(periodOfDay('2026-12-31')), 24)
  assert.equal(legalDay(new Date('2026-01-14T23:00:00Z')), '2026-01-15')
})

test('a period ends after its last day, or at its moment', () => {
  assert.equal(beginningAt('2026-01-15').toISOString(), '2026-01-14T23:00:00.000Z')
  assert.equal(endAt('2026-01-15').toISOString(), '2026-01-15T23:00:00.000Z')
  assert.equal(endAt('2026-01-15T10:00:00+01:00').toISOString(), '2026-01-15T09:00:00.000Z')
})

test('what is no time is named', () => {
  for (const text of ['2026-02-30', '2026-1-1', 'yesterday', '', '2026-01-15T10:00', '2026-01-15T25:00:00Z'])
    assert.throws(() => beginningAt(text), { name: 'PecError', code: 'configuration' }, text)
})
