import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { decodeWords } from '../../src/mail/encoded-word.js'
import { allValues, firstValue, formatField, headerBytes, parseHeader, rawFields, withoutFields } from '../../src/mail/header.js'

const header = parseHeader(
  Buffer.from(
    'Received: one\r\n  two\r\nSubject : =?utf-8?Q?a?=\r\n\tb \r\nno field\r\nRECEIVED: three\r\nX-8bit: perch\xe9\r\n',
    'latin1',
  ),
)

suite('parseHeader', () => {
  test('names the fields as written and keeps lines that are none', () => {
    assert.deepEqual(
      header.fields.map(({ name }) => name),
      ['Received', 'Subject', '', 'RECEIVED', 'X-8bit'],
    )
  })

  test('gives back the bytes it was given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
        assert.deepEqual(headerBytes(parseHeader(Buffer.from(array))), Buffer.from(array))
      }),
    )
    const lines = fc.array(fc.constantFrom('A: b', 'A', ' c', '\t', '', ':', '\r', '\n', 'è: è', 'b : c'), { maxLength: 20 })
    fc.assert(
      fc.property(lines, (written) => {
        const section = Buffer.from(written.map((line) => `${line}\r\n`).join(''))
        const parsed = parseHeader(section)
        assert.deepEqual(headerBytes(parsed), section)
        for (const { raw } of parsed.fields) assert.equal(raw.subarray(-2).toString(), '\r\n')
      }),
    )
  })

  test('takes a lone LF as part of the value', () => {
    const { fields } = parseHeader(Buffer.from('Subject: a\nBcc: b\r\n'))
    assert.deepEqual(
      fields.map(({ name }) => name),
      ['Subject'],
    )
  })

  test('takes time in proportion to nasty sections', () => {
    for (const nasty of ['a', 'a\r\n', '\r\n', ' ', ':', 'a:\r\n ', '\r', 'a: b\r\n']) {
      const started = performance.now()
      const parsed = parseHeader(Buffer.from(`Subject: ${nasty.repeat(200_000)}x`))
      allValues(parsed, 'subject')
      assert.ok(performance.now() - started < 2000, JSON.stringify(nasty))
    }
  })
})

suite('values', () => {
  test('are found in any case, unfolded and trimmed', () => {
    assert.deepEqual(allValues(header, 'received'), ['one  two', 'three'])
    assert.equal(firstValue(header, 'SUBJECT'), '=?utf-8?Q?a?=\tb')
    assert.equal(firstValue(header, 'Date'), undefined)
    assert.deepEqual(allValues(header, 'Date'), [])
  })

  test('are UTF-8 if they can be, else ISO-8859-1', () => {
    assert.equal(firstValue(header, 'x-8bit'), 'perché')
    assert.equal(firstValue(parseHeader(Buffer.from('X: perché\r\n')), 'x'), 'perché')
  })
})

suite('selection', () => {
  test('rawFields gives the named fields as they stand', () => {
    assert.equal(rawFields(header, 'received').toString(), 'Received: one\r\n  two\r\nRECEIVED: three\r\n')
    assert.equal(rawFields(header, 'x-none').length, 0)
  })

  test('withoutFields leaves the others', () => {
    assert.equal(
      headerBytes(withoutFields(header, 'RECEIVED', 'x-8bit')).toString(),
      'Subject : =?utf-8?Q?a?=\r\n\tb \r\nno field\r\n',
    )
  })
})

suite('formatField', () => {
  test('writes a short value on one line', () => {
    assert.equal(formatField('To', '"a b" <c@d.it>').toString(), 'To: "a b" <c@d.it>\r\n')
  })

  test('writes an empty value', () => assert.match(formatField('X', '').toString(), /^X: ?\r\n$/))

  test('folds at spaces and never within a word', () => {
    const value = `${'a'.repeat(80)} ${'b'.repeat(30)}  ${'c'.repeat(60)} d`
    const written = formatField('Subject', value).toString()
    assert.equal(written, `Subject: ${'a'.repeat(80)}\r\n ${'b'.repeat(30)}\r\n  ${'c'.repeat(60)} d\r\n`)
  })

  test('lets no control character through', () => {
    const written = formatField('Subject', 'a\r\nBcc: b\0\x07\x7f\u0085c').toString()
    assert.equal(written, 'Subject: a  Bcc: b    c\r\n')
  })

  test('keeps within 998 octets what has more spaces than a line, or a long word after many', () => {
    for (const value of [`a${' '.repeat(5000)}b`, `a${' '.repeat(99)}${'b'.repeat(900)}`, `a ${' '.repeat(900)}b c`]) {
      const written = formatField('Subject', value)
      for (const line of written.toString('latin1').split('\r\n')) assert.ok(line.length <= 998)
      assert.equal(decodeWords(firstValue(parseHeader(written), 'subject') ?? ''), value)
    }
  })
  test('refuses a name that is none', () => {
    for (const name of ['', 'a b', 'a:b', 'a\r\nb', 'è']) assert.throws(() => formatField(name, 'x'))
  })

  test('gives the value back when parsed, in 7-bit lines within the limits', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc
        .array(fc.constantFrom('a', 'è', ' ', '  ', 'parola', '€uro', 'x'.repeat(100), 'y'.repeat(1500), '=?utf-8?Q?a?='))
        .map((words) => words.join('')),
    )
    fc.assert(
      fc.property(text, (value) => {
        const written = formatField('Subject', value)
        const parsed = parseHeader(written)
        assert.equal(parsed.fields.length, 1)
        for (const line of written.toString('latin1').split('\r\n')) {
          assert.match(line, /^[ -~]*$/)
          assert.ok(line.length <= 998)
          assert.ok(line === '' || line.trim() !== '', 'a line of nothing but spaces')
        }
        const expected = value.replace(/\p{Cc}/gu, ' ').replace(/^ +| +$/g, '')
        const read = firstValue(parsed, 'subject') ?? ''
        // An ASCII value is written as it is, encoded words in it too.
        assert.equal(/^[ -~]*$/.test(expected) && !/[^ ]{901}/.test(expected) ? read : decodeWords(read), expected)
      }),
    )
  })
})
