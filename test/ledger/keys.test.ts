import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { addressKey, keyOf } from '../../src/ledger/keys.js'

test('leaves plain values as they are', () => {
  for (const value of ['', 'a@b.example', 'opec21.2026+x/y=z@b.example', 'x'.repeat(255)]) assert.equal(keyOf(value), value)
})

test('makes keys of at most 255 visible characters that databases compare byte by byte', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (value) => {
      assert.match(keyOf(value), /^[\x21-\x7e]{0,255}$|^[\x21-\x7e]{0,180} [0-9a-f]{64}$/)
    }),
  )
})

test('gives different values different keys', () => {
  const long = 'x'.repeat(256)
  const values = ['a', 'a ', ' a', 'A', 'à', 'á', 'a\0', long, `${long}x`, keyOf(long)]
  assert.equal(new Set(values.map(keyOf)).size, values.length)
})

test('gives an address one key whatever its case', () => {
  assert.equal(addressKey('Bob.ROSSI@B.Example'), 'bob.rossi@b.example')
  assert.equal(addressKey('X'.repeat(300)), addressKey('x'.repeat(300)))
})
