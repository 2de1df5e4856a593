import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProviderRecord } from '../../src/points/ports.js'
import { changesBetween, describeChange } from '../../src/providers/index-changes.js'

const record = (name: string, domains: readonly string[], more: Partial<ProviderRecord> = {}): ProviderRecord => ({
  ...{ name, unit: undefined, certificates: [], certificateHashes: new Set(['aa']), mailReceipt: 'r@p.test' },
  managedDomains: new Set(domains),
  ...more,
})
const lines = (before: readonly ProviderRecord[], after: readonly ProviderRecord[]): string[] =>
  changesBetween(before, after).map(describeChange)

test('the same providers are the same, in any order and case of their names', () => {
  assert.deepEqual(lines([record('A', ['a']), record('B', ['b'])], [record('b', ['b']), record('A', ['a'])]), [])
})

test('what a record has and had not, and the other way round, is named', () => {
  const after = record('A', ['b', 'c'], { certificateHashes: new Set(['bb']), mailReceipt: 'new@p.test' })
  const [line] = lines([record('A', ['a', 'b'])], [after])
  const certificates = 'certificates added: bb; certificates removed: aa'
  assert.equal(line, `A: domains added: c; domains removed: a; ${certificates}; receipts to new@p.test`)
})

test('an environment is a provider of its own', () => {
  const secondary = record('A', ['s'], { unit: 'Second' })
  assert.deepEqual(lines([record('A', ['a'])], [record('A', ['a']), secondary]), [
    'A, Second: added; domains added: s; certificates added: aa; receipts to r@p.test',
  ])
  assert.deepEqual(lines([record('A', ['a']), secondary], [record('A', ['a'])]), [
    'A, Second: removed; domains removed: s; certificates removed: aa',
  ])
})

test('of many domains some are named and all are counted', () => {
  const many = Array.from({ length: 60 }, (_, n) => `d${n}`)
  assert.match(lines([record('A', [])], [record('A', many)])[0] ?? '', /^A: domains added: d0, .* and 10 more$/)
})
