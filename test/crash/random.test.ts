import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Chance } from '../../src/crash/random.js'

const numbers = (chance: Chance): number[] => Array.from({ length: 1000 }, () => chance.between(3, 9))

test('chance is the same for the same seed, and another for another', () => {
  assert.deepEqual(numbers(new Chance(7)), numbers(new Chance(7)))
  assert.notDeepEqual(numbers(new Chance(7)), numbers(new Chance(8)))
})

test('chance takes every number of its range and no other', () => {
  assert.deepEqual([...new Set(numbers(new Chance(7)))].sort(), [3, 4, 5, 6, 7, 8])
})

test('chance takes different ones, no more than there are', () => {
  const some = new Chance(7).some(['a', 'b', 'c'], 5)
  assert.deepEqual([...some].sort(), ['a', 'b', 'c'])
  assert.throws(() => new Chance(7).one([]), /nothing to choose/)
})

test('a branch does not depend on what is taken later', () => {
  const one = new Chance(7)
  const other = new Chance(7)
  const branch = one.branch()
  const same = other.branch()
  numbers(one)
  assert.deepEqual(numbers(branch), numbers(same))
})
