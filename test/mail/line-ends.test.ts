import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasBareLineEnd } from '../../src/mail/line-ends.js'
import { concatenate, fromBuffer } from '../../src/mail/source.js'

const CASES: readonly [string, boolean][] = [
  ['', false],
  ['a', false],
  ['a\r\nb\r\n', false],
  ['\r\n\r\n', false],
  ['a\rb\r\n', true],
  ['a\nb\r\n', true],
  ['\ra', true],
  ['\na', true],
  ['a\r\r\n', true],
  ['a\r\n\n', true],
  ['a\r', true],
  ['a\n', true],
]

for (const [text, expected] of CASES) {
  test(`${JSON.stringify(text)} has ${expected ? 'a' : 'no'} CR or LF by itself`, async () => {
    assert.equal(await hasBareLineEnd(fromBuffer(Buffer.from(text))), expected)
  })
}

test('bare line ends are found wherever the bytes are cut', async () => {
  const piece = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a'), { maxLength: 4 }).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 5 }), async (pieces) => {
      const expected = /\r(?!\n)|(?<!\r)\n/.test(pieces.join(''))
      assert.equal(await hasBareLineEnd(concatenate(pieces.map((text) => Buffer.from(text)))), expected)
    }),
    { numRuns: 500 },
  )
})
