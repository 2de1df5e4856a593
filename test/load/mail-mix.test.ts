import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, percentile } from '../../src/bench/figures.js'
import { mailMix, mixedSizes } from '../../src/load/mail-mix.js'

test('sizes are log-normal around 50 KiB, with a large one in two hundred', () => {
  const sizes = mixedSizes(400)
  assert.equal(sizes.length, 400)
  assert.ok(Math.abs(median(sizes) / 51_200 - 1) < 0.05, String(median(sizes)))
  assert.ok(Math.abs(percentile(sizes, 0.841) / 51_200 / Math.E - 1) < 0.05, 'one deviation above')
  assert.equal(sizes.filter((size) => size === 10e6).length, 2)
  assert.ok(Math.min(...sizes) >= 2048)
})

test('small and large ones are mixed: no run of the first half is much like the second', () => {
  const sizes = mixedSizes(400)
  const [first, second] = [sizes.slice(0, 200), sizes.slice(200)].map(median)
  assert.ok(Math.abs((first ?? 0) / (second ?? 1) - 1) < 0.1)
})

test('the mix begins again after its last message, and goes to each recipient in turn', () => {
  const next = mailMix([3000, 3000], 'a@pec-a.test', ['b@pec-a.test', 'c@pec-b.test'])
  assert.deepEqual(Array.from({ length: 3 }, () => next().to).flat(), ['b@pec-a.test', 'c@pec-b.test', 'b@pec-a.test'])
  assert.throws(mailMix([], 'a@pec-a.test', []), /a mix of nothing/)
})
