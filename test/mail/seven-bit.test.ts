import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import { parseAddresses } from '../../src/mail/address.js'
import { parseParameterized } from '../../src/mail/content-type.js'
import { body, decodedBody, decodedText, parseEntity, type Entity } from '../../src/mail/entity.js'
import { decodeWords } from '../../src/mail/encoded-word.js'
import { firstValue } from '../../src/mail/header.js'
import { isSevenBit, toSevenBit } from '../../src/mail/seven-bit.js'
import { concatenate, fromBuffer, readAll, type Source } from '../../src/mail/source.js'

function message(...lines: string[]): Source {
  return fromBuffer(Buffer.from(lines.join('\r\n'), 'latin1'))
}

async function converted(source: Source): Promise<Source> {
  const result = await toSevenBit(source)
  assert.ok(await isSevenBit(result), 'the result is 7-bit')
  const bytes = await readAll(result)
  assert.equal(bytes.length, result.size)
  assert.ok(await isSevenBit(fromBuffer(bytes)))
  return result
}

async function textOf(source: Source): Promise<string> {
  return (await readAll(source)).toString('latin1')
}

/** The decoded leaves in order, those of embedded messages too. */
async function leaves(source: Source, entity?: Entity): Promise<{ type: string; content: string }[]> {
  const { type, parts, ...rest } = entity ?? (await parseEntity(source))
  const whole = { type, parts, ...rest }
  if (parts.length > 0) return (await Promise.all(parts.map((part) => leaves(source, part)))).flat()
  const isMessage = type === 'message/rfc822' && whole.encoding !== 'base64' && whole.encoding !== 'quoted-printable'
  if (isMessage) return leaves(fromBuffer(await readAll(body(source, whole))))
  return [{ type, content: (await decodedBody(source, whole, 1e8)).toString('latin1') }]
}

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

  test('goes into multiparts and messages, never encodes them themselves', async () => {
    const inner = [
      'Subject: perch\xe9',
      'Content-Type: multipart/alternative; boundary=c',
      'Content-Transfer-Encoding: 8bit',
      '',
      '--c',
      '',
      'a\xe8',
      '--c',
      'Content-Type: application/pdf',
      '',
      '\xff\0',
      '--c--',
      '',
    ]
    const original = message(
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Transfer-Encoding: binary',
      '',
      'pr\xe9ambule',
      '--b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: 8bit',
      '',
      ...inner,
      '--b--',
      '\xe9pilogue',
    )
    const result = await converted(original)
    assert.deepEqual(await leaves(result), await leaves(original))
    const entity = await parseEntity(result)
    const [part] = entity.parts
    assert.ok(part)
    assert.deepEqual([entity.encoding, part.encoding], ['7bit', '7bit'])
    const embedded = await parseEntity(result, { start: part.bodyStart, end: part.end })
    assert.equal(embedded.encoding, '7bit')
    assert.equal(decodeWords(firstValue(embedded.header, 'subject') ?? ''), 'perché')
    assert.deepEqual(
      embedded.parts.map(({ encoding }) => encoding),
      ['quoted-printable', 'base64'],
    )
    assert.match(await textOf(result), /\r\npr\?ambule\r\n--b\r\n/)
  })

  test('changes a signed part only if 8-bit forces it', async () => {
    const signed = (text: string): string[] => [
      '--b',
      'Content-Type: multipart/signed; boundary=s',
      '',
      '--s',
      '',
      text,
      '--s',
      'Content-Type: application/pkcs7-signature',
      '',
      'sig',
      '--s--',
    ]
    const original = message(
      'Content-Type: multipart/mixed; boundary=b',
      '',
      ...signed('plain'),
      ...signed('8-bit \xe8'),
      '--b--',
      '',
    )
    const result = await textOf(await converted(original))
    assert.ok(result.includes(signed('plain').join('\r\n')))
    assert.deepEqual(await leaves(message(result)), await leaves(original))
  })

  test('makes no delimiter out of a preamble', async () => {
    for (const line of ['--b\xe8', '--b?\xe8', `--b${' '.repeat(1500)}`, `--b?${' '.repeat(993)}x`, '--b\0']) {
      const original = message(
        'Content-Type: multipart/mixed; boundary="b?"',
        '',
        line,
        'Content-Type: text/evil',
        '',
        'x',
        '--b?',
        '',
        'y',
        '--b?--',
        '',
      )
      const other = message(
        'Content-Type: multipart/mixed; boundary=b',
        '',
        line,
        'Content-Type: text/evil',
        '',
        'x\xe8',
        '--b',
        '',
        'y',
        '--b--',
        '',
      )
      assert.deepEqual(await leaves(await converted(original)), [{ type: 'text/plain', content: 'y' }])
      assert.deepEqual((await leaves(await converted(other))).at(-1), { type: 'text/plain', content: 'y' })
    }
  })

  test('makes no delimiter out of a broken line', async () => {
    const original = message(
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      '',
      `${'x'.repeat(75)}--b`,
      '\xe8',
      '--b--',
      '',
    )
    assert.deepEqual(await leaves(await converted(original)), await leaves(original))
  })

  test('keeps the bytes of a multipart that has no parts', async () => {
    const original = message('Content-Type: multipart/mixed', '', 'a\xe8\r\n')
    assert.deepEqual(await leaves(await converted(original)), await leaves(original))
  })

  suite('header fields', () => {
    const values: [string, string, string, (value: string) => unknown, unknown][] = [
      ['UTF-8 text becomes encoded words', 'Subject', 'perch\xc3\xa9 no', decodeWords, 'perché no'],
      ['ISO-8859-1 text becomes encoded words', 'Subject', 'perch\xe9 no', decodeWords, 'perché no'],
      [
        'encoded words beside 8-bit text are kept in meaning',
        'Subject',
        '=?utf-8?Q?a=C3=A8?= perch\xe9',
        decodeWords,
        'aè perché',
      ],
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
