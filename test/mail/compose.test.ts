import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { base64Part, messagePart, multipart, textPart } from '../../src/mail/compose.js'
import { body, decodedBody, decodedText, parseEntity } from '../../src/mail/entity.js'
import { isSevenBit } from '../../src/mail/seven-bit.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'

test('textPart writes ISO-8859-1 in quoted-printable', () => {
  assert.equal(
    textPart('Perché\nno').toString('latin1'),
    'Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nPerch=E9\r\nno',
  )
  assert.match(textPart('<p>', 'html').toString('latin1'), /^Content-Type: text\/html;/)
})

suite('textPart', () => {
  const cases: [string, string, string][] = [
    ['makes all line ends CRLF', 'a\nb\r\nc\rd', 'a\r\nb\r\nc\r\nd'],
    ['writes ? for what ISO-8859-1 lacks, once a character', '€ – 😀', '? ? ?'],
    ['composes what is decomposed', 'e\u0300', 'è'],
    ['makes control characters spaces', 'a\0b\x1bc\u0085d', 'a b c d'],
  ]
  for (const [behaviour, text, read] of cases) {
    test(behaviour, async () => {
      const source = fromBuffer(textPart(text))
      assert.equal(await decodedText(source, await parseEntity(source), 1000), read)
    })
  }
})

test('base64Part writes the header of an attached file', () => {
  assert.equal(
    base64Part('application/xml', 'daticert.xml', Buffer.from('<x/>'), 'inline').toString('latin1'),
    [
      'Content-Type: application/xml; name="daticert.xml"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: inline; filename="daticert.xml"',
      '',
      'PHgvPg==',
    ].join('\r\n'),
  )
})

suite('multipart', () => {
  test('holds parts that parse to what was put in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 50 }),
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.constantFrom('Subject: x', '', 'line', '--c')),
        async (name, data, messageLines) => {
          const message = fromBuffer(Buffer.from(messageLines.map((line) => `${line}\r\n`).join('')))
          const inner = multipart('mixed', 'b1', [
            [textPart('Così è')],
            [base64Part('application/octet-stream', name, Buffer.from(data), 'attachment')],
            messagePart('postacert.eml', message),
          ])
          const source = multipart('signed; micalg=sha-256', 'b2=_ x', [[inner], [textPart('firma')]], 'Avviso: è\nfirmato')
          assert.ok(await isSevenBit(source))
          const entity = await parseEntity(source)
          assert.equal(entity.type, 'multipart/signed')
          assert.equal(entity.params.get('micalg'), 'sha-256')
          assert.ok(entity.closed)
          const [mixed] = entity.parts
          const [text, file, original] = mixed?.parts ?? []
          assert.ok(mixed && text && file && original)
          assert.equal(entity.parts.length, 2)
          assert.equal(mixed.parts.length, 3)
          assert.deepEqual(await source.read(mixed.start, mixed.end), await readAll(inner))
          assert.equal(await decodedText(source, text, 100), 'Così è')
          assert.deepEqual(await decodedBody(source, file, 1000), Buffer.from(data))
          assert.equal(file.name, name.replace(/\p{Cc}/gu, ' '))
          assert.deepEqual(await readAll(body(source, original)), await readAll(message))
        },
      ),
      { numRuns: 50 },
    )
  })

  test('writes the preamble in ASCII lines', async () => {
    const written = await readAll(multipart('mixed', 'b', [[Buffer.from('\r\nx')]], 'così\nè'))
    assert.equal(
      written.toString('latin1'),
      'Content-Type: multipart/mixed; boundary="b"\r\n\r\ncos?\r\n?\r\n--b\r\n\r\nx\r\n--b--\r\n',
    )
  })

  test('refuses what is no boundary', () => {
    for (const boundary of ['', 'a ', 'a\r\nb', 'a"b', 'è', 'a'.repeat(71)]) assert.throws(() => multipart('mixed', boundary, []))
  })
})
