import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { formatParameter, parseParameterized } from '../../src/mail/content-type.js'

suite('parseParameterized', () => {
  const cases: [string, string, string, Record<string, string>][] = [
    ['reads a bare value', ' Text/Plain ', 'text/plain', {}],
    ['reads parameters in any case', 'a/b; Charset=UTF-8;NAME="x y"', 'a/b', { charset: 'UTF-8', name: 'x y' }],
    [
      'reads the boundaries of PEC',
      'multipart/mixed; boundary="----------=_1542123566-1838-1410"',
      'multipart/mixed',
      { boundary: '----------=_1542123566-1838-1410' },
    ],
    ['unescapes quoted values', 'a/b; name="a\\"b;c\\\\"', 'a/b', { name: 'a"b;c\\' }],
    ['passes over comments', 'a/b (c); charset=us-ascii (Plain text)', 'a/b', { charset: 'us-ascii' }],
    ['keeps brackets within an unquoted name', 'a/b; name=copia(1) bis.pdf', 'a/b', { name: 'copia(1) bis.pdf' }],
    ['takes the first of two', 'a/b; boundary=x; boundary=y', 'a/b', { boundary: 'x' }],
    ['passes over what is no parameter', 'a/b; ;x;=y; z=1', 'a/b', { z: '1' }],
    ['reads to the end of an open quotation', 'a/b; name="x; y', 'a/b', { name: 'x; y' }],
    ['decodes RFC 2231', "a/b; filename*=utf-8'it'perch%C3%A9%20no", 'a/b', { filename: 'perché no' }],
    ['decodes other character sets', "a/b; filename*=iso-8859-1''perch%E9", 'a/b', { filename: 'perché' }],
    ['joins the pieces of RFC 2231 in any order', 'a/b; n*1*=%A8b; n*0*=utf-8\'\'a%C3; n*2="c d"', 'a/b', { n: 'aèbc d' }],
    ['stops at a missing piece', 'a/b; n*0=a; n*2=c', 'a/b', { n: 'a' }],
    ['has no value without the first piece', 'a/b; n*1=a', 'a/b', {}],
    ['prefers the extended form', "a/b; n=plain; n*=utf-8''ext", 'a/b', { n: 'ext' }],
    ['guesses at an unknown character set', "a/b; n*=x-no''%E8", 'a/b', { n: 'è' }],
    ['leaves bad percent escapes', "a/b; n*=utf-8''100%zz%", 'a/b', { n: '100%zz%' }],
    ['lets no encoded line end through', "a/b; n*=utf-8''a%0D%0Ab%00", 'a/b', { n: 'a  b ' }],
    ['leaves encoded words', 'a/b; name="=?utf-8?Q?a?="', 'a/b', { name: '=?utf-8?Q?a?=' }],
    ['reads nothing from nothing', '', '', {}],
  ]
  for (const [behaviour, written, value, params] of cases) {
    test(behaviour, () => {
      const parsed = parseParameterized(written)
      assert.equal(parsed.value, value)
      assert.deepEqual(Object.fromEntries(parsed.params), params)
    })
  }

  test('takes a control character for white space in the value as in parameters', () => {
    assert.equal(parseParameterized('multipart/digest\u0085; boundary=b').value, 'multipart/digest')
  })
  test('never throws', () => {
    const pieces = fc.constantFrom(
      'a',
      '/',
      ';',
      '=',
      '"',
      '\\',
      '*',
      '0',
      '1',
      "'",
      '%',
      '%C3',
      '(',
      ')',
      ' ',
      '\r\n',
      'è',
      '__proto__',
      'n*0*=',
    )
    fc.assert(fc.property(fc.array(pieces, { maxLength: 30 }), (written) => void parseParameterized(written.join(''))))
  })

  test('takes time in proportion to nasty values', () => {
    for (const nasty of [';', '"', '\\', '=', '(', ' (', ' ', '*', '%', "'", ';a=b', ';a*0=b', ';a*1*=b', 'a*']) {
      for (const start of ['', 'a/b; n=', 'a/b; n="', "a/b; n*=utf-8''"]) {
        const started = performance.now()
        parseParameterized(start + nasty.repeat(100_000))
        assert.ok(performance.now() - started < 2000, JSON.stringify(start + nasty))
      }
    }
  })
})

suite('formatParameter', () => {
  test('quotes ASCII', () => assert.equal(formatParameter('name', 'a "b" \\.pdf'), 'name="a \\"b\\" \\\\.pdf"'))
  test('percent-encodes the rest', () =>
    assert.equal(formatParameter('filename', 'perché.pdf'), "filename*=utf-8''perch%C3%A9.pdf"))
  test('cuts long values into pieces', () => {
    const words = formatParameter('name', 'è'.repeat(100)).split('; ')
    assert.ok(words.length > 1)
    assert.ok(words.every((word) => word.length <= 76))
  })
  test('gives the value back when parsed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string({ maxLength: 300 })), (written) => {
        const value = written.replace(/\p{Cc}/gu, ' ')
        const formatted = formatParameter('name', written)
        assert.match(formatted, /^[ -~]*$/)
        assert.equal(parseParameterized(`a/b; ${formatted}; x=y`).params.get('name'), value)
      }),
    )
  })
})
