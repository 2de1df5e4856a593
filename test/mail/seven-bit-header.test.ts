import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseAddresses } from '../../src/mail/address.js'
import { parseParameterized } from '../../src/mail/content-type.js'
import { decodedBody, parseEntity } from '../../src/mail/entity.js'
import { decodeWords } from '../../src/mail/encoded-word.js'
import { firstValue } from '../../src/mail/header.js'
import { converted, message, textOf } from './lines.js'

suite('header fields made 7-bit', () => {
  const values: [string, string, string, (value: string) => unknown, unknown][] = [
    ['UTF-8 text becomes encoded words', 'Subject', 'perch\xc3\xa9 no', decodeWords, 'perché no'],
    ['ISO-8859-1 text becomes encoded words', 'Subject', 'perch\xe9 no', decodeWords, 'perché no'],
    ['encoded words beside 8-bit text are kept in meaning', 'Subject', '=?utf-8?Q?a=C3=A8?= perch\xe9', decodeWords, 'aè perché'],
    [
      'names of addresses become encoded words',
      'From',
      '"Ross\xec, M" <m@x.it>, b@x.it (L\xf9)',
      parseAddresses,
      [
        { name: 'Rossì, M', address: 'm@x.it' },
        { name: 'Lù', address: 'b@x.it' },
      ],
    ],
    [
      'long lists of addresses are folded',
      'To',
      Array.from({ length: 300 }, (_, index) => `a${index}@x.it`).join(','),
      (value) => parseAddresses(value).length,
      300,
    ],
    ['long text is folded', 'References', '<a@b.it> '.repeat(300), (value) => value, '<a@b.it> '.repeat(300).trim()],
    ['NUL becomes a space', 'X-a', 'a\0b', (value) => value, 'a b'],
    ['what is no address stays text', 'To', 'perch\xe9 no', decodeWords, 'perché no'],
  ]
  for (const [behaviour, name, value, read, expected] of values) {
    test(behaviour, async () => {
      const original = message('X-before:  stays', `${name}: ${value}`, 'X-after: stays ', '', 'text')
      const entity = await parseEntity(await converted(original))
      assert.deepEqual(read(firstValue(entity.header, name) ?? ''), expected)
      assert.deepEqual(
        entity.header.fields
          .map((field) => field.raw.toString())
          .filter((raw) => raw.startsWith('X-b') || raw.startsWith('X-af')),
        ['X-before:  stays\r\n', 'X-after: stays \r\n'],
      )
    })
  }

  test('parameters become those of RFC 2231', async () => {
    const result = await converted(
      message(
        'Content-Type: application/pdf; charset=x;',
        ' name="perch\xe9.pdf"',
        'Content-Disposition: attachment; filename="perch\xc3\xa9.pdf"',
        '',
        'text',
      ),
    )
    const entity = await parseEntity(result)
    assert.deepEqual(
      [entity.type, entity.params.get('charset'), entity.params.get('name'), entity.name],
      ['application/pdf', 'x', 'perché.pdf', 'perché.pdf'],
    )
  })

  test('a type that no line has room for becomes what readers take it for', async () => {
    const long = 'x'.repeat(1500)
    const firsts: [string, string, string][] = [
      ['Content-Type', `multipart/${long}; boundary=b`, 'multipart/mixed'],
      ['Content-Type', `text/${long}; boundary=b`, 'text/plain'],
      ['Content-Type', `application/${long}`, 'application/octet-stream'],
      ['Content-Type', `multipart/@${long}; boundary=b`, 'text/plain'],
      ['Content-Disposition', long, 'attachment'],
    ]
    for (const [name, value, expected] of firsts) {
      const original = message(`${name}: ${value}`, '', '--b', '', 'part', '--b--')
      const before = await parseEntity(original)
      const result = await converted(original)
      const after = await parseEntity(result)
      assert.equal(parseParameterized(firstValue(after.header, name) ?? '').value, expected)
      assert.deepEqual(
        await Promise.all(after.parts.map(async (part) => (await decodedBody(result, part, 100)).toString())),
        before.parts.map(() => 'part'),
      )
    }
  })
  test('lines that are no field are cut, wherever their end falls', async () => {
    for (let length = 990; length < 3010; length += length % 990 < 20 ? 1 : 25) {
      const text = await textOf(await converted(message('x'.repeat(length), 'Subject: a', '', 'body')))
      assert.match(text, /^(?:x+\r\n(?: x+\r\n)*)Subject: a\r\n/)
      assert.equal(text.split('x').length - 1, length, `${length}`)
    }
  })
  test('lines that are no field are made harmless', async () => {
    const result = await textOf(
      await converted(message('perch\xe9: no', '\xff', `N${'n'.repeat(2000)}: x`, 'Subject: a', '', 'text')),
    )
    assert.match(result, /^perch\?: no\r\n\?\r\n/)
    assert.match(result, /\r\nSubject: a\r\n\r\ntext$/)
  })
})
