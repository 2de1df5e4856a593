import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slopeOf } from '../../src/load/growth.js'

test('the slope of a line is its rise per step, whatever lies around it evenly', () => {
  assert.equal(slopeOf([5, 5, 5]), 0)
  assert.equal(slopeOf([1, 3, 5, 7]), 2)
  assert.equal(slopeOf([0, 9, 0]), 0)
})
