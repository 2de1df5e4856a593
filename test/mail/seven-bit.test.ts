import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import { decodedBody, decodedText, parseEntity } from '../../src/mail/entity.js'
import { firstValue } from '../../src/mail/header.js'
import { isSevenBit, toSevenBit } from '../../src/mail/seven-bit.js'
import { concatenate, fromBuffer, readAll } from '../../src/mail/source.js'
import { converted, leaves, message, textOf } from './lines.js'

suite('isSevenBit', () => {
  const long = 'a'.repeat(998)
  const cases: [string, string, boolean][] = [
    ['takes nothing', '', true],
    ['takes lines of 998 octets', `${long}\r\n${long}\r\n${long}`, true],
    ['refuses a line of 999', `a\r\n${long}a\r\n`, false],
    ['refuses a last line of 999', `a\r\n${long}a`, false],
    ['refuses 8-bit', 'a\xe8', false],
    ['refuses NUL', 'a\0', false],
    ['refuses a CR without its LF', 'a\rb\r\n', false],
    ['refuses a CR before a line end', 'a\r\r\n', false],
    ['refuses a CR at the end', 'a\r\nb\r', false],
  ]
  for (const [behaviour, text, verdict] of cases)
    test(behaviour, async () => assert.equal(await isSevenBit(message(text)), verdict))

  test('measures lines across chunks', async () => {
    const file = 'x'.repeat(78) + '\r\n'
    const filler = Buffer.from(file.repeat(3276))
    for (const [length, verdict] of [
      [998, true],
      [999, false],
    ] as const) {
      // The line begins before the end of a chunk of 256 KiB and ends after it.
      const source = concatenate([filler, Buffer.from(`${'y'.repeat(length)}\r\n`), filler])
      assert.equal(await isSevenBit(source), verdict)
      assert.equal(await isSevenBit(fromBuffer(await readAll(source))), verdict)
    }
  })

  test('sees a CR at the end of a chunk, and whether its LF follows', async () => {
    const chunk = Buffer.alloc(256 * 1024 - 1, 'a'.repeat(78) + '\r\n')
    for (const [next, verdict] of [
      ['\r\n', true],
      ['\r.\r\n', false],
      ['\r', false],
    ] as const) {
      // Just before the last byte of the first chunk.
      const filler = Buffer.concat([chunk.subarray(0, chunk.length - (chunk.length % 80)), Buffer.alloc(chunk.length % 80, 'b')])
      assert.equal(await isSevenBit(fromBuffer(Buffer.concat([filler, Buffer.from(next)]))), verdict)
    }
  })

  test('agrees with counting octets', async () => {
    const line = fc.tuple(fc.constantFrom(0, 1, 500, 997, 998, 999, 1000, 1200), fc.constantFrom('\r\n', '\r\n', ''))
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), async (written) => {
        const text = written.map(([length, end]) => 'x'.repeat(length) + end).join('')
        assert.equal(
          await isSevenBit(message(text)),
          text.split('\r\n').every((each) => each.length <= 998),
        )
      }),
    )
  })
})

suite('toSevenBit', () => {
  test('gives a 7-bit message back itself', async () => {
    const source = message('Subject: a', 'Content-Transfer-Encoding: 8bit', '', 'text')
    assert.equal(await toSevenBit(source), source)
  })

  const bodies: [string, string, string][] = [
    ['8bit UTF-8', 'charset=utf-8', 'Content-Transfer-Encoding: 8bit'],
    ['binary ISO-8859-1', 'charset=iso-8859-1', 'Content-Transfer-Encoding: binary'],
    ['no encoding at all', 'charset=iso-8859-1', 'X-Other: 1'],
  ]
  for (const [behaviour, charset, field] of bodies) {
    test(`re-encodes a text body with ${behaviour}`, async () => {
      const content = charset.endsWith('utf-8') ? 'perch\xc3\xa9 \r\n\r\ncos\xc3\xac\r\n' : 'perch\xe9 \r\n\r\ncos\xec\r\n'
      const original = message(
        'MIME-Version: 1.0',
        `Content-Type: text/plain; ${charset}`,
        field,
        'Subject: =?utf-8?Q?a?=',
        '',
        content,
      )
      const result = await converted(original)
      const entity = await parseEntity(result)
      assert.equal(entity.encoding, 'quoted-printable')
      assert.equal(await decodedText(result, entity, 1000), 'perché \r\n\r\ncosì\r\n')
      assert.equal(firstValue(entity.header, 'subject'), '=?utf-8?Q?a?=')
      assert.deepEqual(entity.header.fields.length, field.startsWith('X') ? 5 : 4)
    })
  }

  test('adds MIME-Version where an encoding needs it', async () => {
    assert.match(
      await textOf(await converted(message('Subject: a', '', '\xe8\r\n'))),
      /^Subject: a\r\nContent-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n=E8\r\n$/,
    )
  })

  test('re-encodes long lines and NULs', async () => {
    const content = `${'a'.repeat(2000)}\r\n\0\r\n`
    for (const type of ['text/plain', 'application/octet-stream']) {
      const result = await converted(message(`Content-Type: ${type}`, '', content))
      const entity = await parseEntity(result)
      assert.equal(entity.encoding, type === 'text/plain' ? 'quoted-printable' : 'base64')
      assert.equal((await decodedBody(result, entity, 10_000)).toString('latin1'), content)
    }
  })

  test('re-encodes base64 on one long line', async () => {
    const result = await converted(
      message('Content-Type: text/plain', 'Content-Transfer-Encoding: base64', '', 'YWJj'.repeat(1000)),
    )
    const entity = await parseEntity(result)
    assert.equal(entity.encoding, 'base64')
    assert.equal((await decodedBody(result, entity, 10_000)).toString(), 'abc'.repeat(1000))
  })

  test('changes only the parts that need it, and every other byte stays', async () => {
    const [header, plain, after] = [
      [
        'MIME-Version: 1.0',
        'Content-Type: multipart/mixed; boundary="b"',
        'X-a:  b',
        '',
        'preamble',
        '--b  ',
        'Content-Type: text/plain',
        '',
        'one',
        '',
      ].join('\r\n'),
      ['Content-Type: image/png; name="x"', 'Content-Transfer-Encoding: base64', '', 'AAAA', ''].join('\r\n'),
      ['--b--', 'epilogue', ''].join('\r\n'),
    ]
    const original = message(`${header}\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe8\r\n--b\r\n${plain}\r\n${after}`)
    assert.equal(
      await textOf(await converted(original)),
      `${header}\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E8\r\n--b\r\n${plain}\r\n${after}`.replace(
        'X-a:  b\r\n',
        'X-a:  b\r\nContent-Transfer-Encoding: 7bit\r\n',
      ),
    )
  })

  test('escapes a CR without its LF, which a server on the way may take for a line end', async () => {
    const smuggled = 'a\r.\rMAIL FROM:<x@y.it>\r\n'
    const lines = ['Subject: a\rb', 'Content-Type: multipart/mixed; boundary=b', '', 'pre\ramble', '--b', '', smuggled, '--b--']
    const source = message(...lines)
    const result = await converted(source)
    assert.doesNotMatch(await textOf(result), /\r(?!\n)/)
    assert.deepEqual(await leaves(result), await leaves(source))
  })

  test('re-encodes large parts without holding them', async () => {
    const line = Buffer.from(`${'\xe8'.repeat(70)}\r\n`, 'latin1')
    const large = Buffer.concat(Array.from({ length: 20_000 }, () => line))
    const original = concatenate([
      Buffer.from('Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\n'),
      large,
      Buffer.from('\r\n--b\r\n\r\n'),
      large,
      Buffer.from('\r\n--b--\r\n'),
    ])
    const result = await converted(original)
    assert.deepEqual(await leaves(result), await leaves(original))
    const bytes = await readAll(result)
    for (const start of [0, 999_999, 2_500_000])
      assert.deepEqual(await result.read(start, start + 1000), bytes.subarray(start, start + 1000))
  })

  test('keeps the decoded content of every leaf of any message', async () => {
    const content = fc
      .array(
        fc.constantFrom(
          'a',
          '\xe8',
          '\0',
          '\r\n',
          ' ',
          '=',
          '=E8',
          '--',
          '--b',
          '--c--',
          'x'.repeat(600),
          'YWJj',
          '\r\nFrom ',
          '\t',
        ),
        { maxLength: 15 },
      )
      .map((pieces) => pieces.join(''))
    const encoding = fc.constantFrom(
      '',
      'Content-Transfer-Encoding: 8bit\r\n',
      'Content-Transfer-Encoding: base64\r\n',
      'Content-Transfer-Encoding: quoted-printable\r\n',
    )
    const type = fc.constantFrom(
      '',
      'Content-Type: text/plain; charset=utf-8; name="\xe8"\r\n',
      'Content-Type: application/pdf\r\n',
      'Content-Type: message/delivery-status\r\n',
    )
    const subject = fc.constantFrom('', 'Subject: \xe8\r\n', '\xe8\r\n')
    const leaf = fc.tuple(type, encoding, subject, content).map(([a, b, c, text]) => `${a}${b}${c}\r\n${text}`)
    const embedded = leaf.map((text) => `Content-Type: message/rfc822\r\n\r\n${text}`)
    const part = (boundary: string, parts: string[], end: string): string =>
      `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n${parts.map((each) => `--${boundary}\r\n${each}\r\n`).join('')}${end}`
    const inner = fc
      .tuple(fc.array(fc.oneof(leaf, embedded), { maxLength: 3 }), fc.constantFrom('', '--c--', '--c--\r\n\xe8\r\n'))
      .map(([parts, end]) => part('c', parts, end))
    const outer = fc
      .tuple(fc.array(fc.oneof(leaf, embedded, inner), { maxLength: 3 }), fc.constantFrom('', '--b--\r\n'))
      .map(([parts, end]) => part('b', parts, end))
    await fc.assert(
      fc.asyncProperty(fc.oneof(leaf, outer), async (text) => {
        const original = message(text)
        assert.deepEqual(await leaves(await converted(original)), await leaves(original))
      }),
      { numRuns: 300 },
    )
  })

  test('throws nothing but malformed, for any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (array) => {
        try {
          await converted(fromBuffer(Buffer.from(array)))
        } catch (error) {
          if (!isPecError(error)) throw error
        }
      }),
    )
  })

  test('refuses messages nested too deep', async () => {
    const nested = (depth: number): string =>
      depth === 0 ? '\r\n\xe8' : `Content-Type: message/rfc822\r\n\r\n${nested(depth - 1)}`
    assert.ok(await converted(message(nested(16))))
    await assert.rejects(toSevenBit(message(nested(17))), (error) => isPecError(error) && error.code === 'malformed')
  })
})
