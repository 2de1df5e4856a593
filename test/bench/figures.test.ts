import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, percentile, rounded } from '../../src/bench/figures.js'

test('the median is the middle of the values, whatever their order', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([10, 1, 5, 6]), 5.5)
  assert.ok(Number.isNaN(median([])))
})

test('a percentile is one of the values', () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at)
  assert.equal(percentile(values, 0.5), 50)
  assert.equal(percentile(values, 0.99), 99)
  assert.equal(percentile([7], 0.99), 7)
})

test('figures are rounded to three digits', () => {
  assert.deepEqual([1.23456, 0.0123456, 1234.5, -123.4].map(rounded), [1.23, 0.0123, 1235, -123])
})
