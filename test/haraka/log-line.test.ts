import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanLine, printable } from '../../src/haraka/log-line.js'

test('a line of the log keeps what can be printed', () => {
  assert.equal(printable('[NOTICE] perché "no" €'), '[NOTICE] perché "no" €')
})

test('whatever could end the line, or steer a terminal, is written as an escape', () => {
  assert.equal(printable('a\r\nb\0\x1b[2J\x7f\x9b\u2028'), 'a\\u{d}\\u{a}b\\u{0}\\u{1b}[2J\\u{7f}\\u{9b}\\u{2028}')
  assert.equal(printable('gpj\u202eexe\u2066'), 'gpj\\u{202e}exe\\u{2066}')
})

test('the hook changes the line in place and lets the other hooks go on', () => {
  const item = { data: 'a\x1bb' }
  let passed = 0
  cleanLine(() => passed++, undefined, item)
  assert.equal(item.data, 'a\\u{1b}b')
  assert.equal(passed, 1)
})
