import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { decodeWords, encodePhrase, encodeWords, withoutControls } from '../../src/mail/encoded-word.js'

suite('decodeWords', () => {
  const cases: [string, string, string][] = [
    ['leaves plain text', 'Una  prova', 'Una  prova'],
    ['reads Q', '=?ISO-8859-1?Q?Perch=E9_no?=', 'Perché no'],
    ['reads B in any case of the letters', '=?Utf-8?b?w6g=?=', 'è'],
    ['joins adjacent words', '=?utf-8?Q?a?= \t =?utf-8?B?Yg==?=', 'ab'],
    ['joins a character cut in two', '=?utf-8?Q?=C3?= =?utf-8?Q?=A8?=', 'è'],
    ['keeps the space before plain text', '=?utf-8?Q?a?= b =?utf-8?Q?c?=', 'a b c'],
    ['joins words of different character sets', '=?utf-8?Q?=C3=A8?= =?iso-8859-1?Q?=E8?=', 'èè'],
    ['knows other character sets', '=?windows-1252?Q?=80?= =?koi8-r?Q?=C1?=', '€а'],
    ['passes over the language', '=?utf-8*it?Q?=C3=A8?=', 'è'],
    ['tolerates spaces in a word', '=?utf-8?Q?a b?=', 'a b'],
    ['leaves an unknown character set', '=?x-unknown?Q?a?= b', '=?x-unknown?Q?a?= b'],
    ['leaves what is no character set', '=?constructor?Q?a?= =?base64?Q?a?=', '=?constructor?Q?a?= =?base64?Q?a?='],
    ['leaves an unknown encoding', '=?utf-8?X?a?=', '=?utf-8?X?a?='],
    ['leaves bad base64', '=?utf-8?B?a*b?=', '=?utf-8?B?a*b?='],
    ['leaves an unfinished word', '=?utf-8?Q?abc', '=?utf-8?Q?abc'],
    ['makes encoded line ends spaces', '=?utf-8?Q?a=0D=0ABcc:_b=00?=', 'a  Bcc: b '],
  ]
  for (const [behaviour, value, text] of cases) test(behaviour, () => assert.equal(decodeWords(value), text))

  test('takes time in proportion to nasty values', () => {
    for (const nasty of ['=?', '=?utf-8?Q?', '=?utf-8?Q?a?= ', '=?utf-8?B?', '=?a*', '?', ' ']) {
      const started = performance.now()
      decodeWords(nasty.repeat(200_000))
      assert.ok(performance.now() - started < 2000, JSON.stringify(nasty))
    }
  })
})

suite('encodeWords', () => {
  test('encodes from the first to the last word that needs it', () => {
    assert.equal(encodeWords('ACCETTAZIONE: così è la vita'), 'ACCETTAZIONE: =?UTF-8?B?Y29zw6wgw6g=?= la vita')
  })

  test('leaves ASCII text', () => assert.equal(encodeWords('Una  prova (1)'), 'Una  prova (1)'))

  test('uses Q where it is shorter', () => {
    assert.equal(encodeWords('Amministrazioné'), '=?UTF-8?Q?Amministrazion=C3=A9?=')
  })

  test('makes ASCII words of at most 75 characters whose decoding gives the text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (written) => {
        const text = withoutControls(written)
        for (const encoded of [encodeWords(text), encodePhrase(text)]) {
          assert.match(encoded, /^[ -~]*$/)
          assert.equal(decodeWords(encoded), text)
          for (const [word] of encoded.matchAll(/=\?UTF-8\?[QB]\?[^?]*\?=/g)) assert.ok(word.length <= 75)
        }
      }),
    )
  })

  test('encodes text that looks like an encoded word', () => {
    assert.equal(decodeWords(encodeWords('la parola =?utf-8?Q?a?= qui')), 'la parola =?utf-8?Q?a?= qui')
  })

  test('encodes a word too long for a line', () => {
    assert.ok(
      encodeWords('a'.repeat(3000))
        .split(' ')
        .every((word) => word.length <= 75),
    )
  })
})
