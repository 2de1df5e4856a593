import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import { body, decodedBody, decodedText, parseEntity, type Entity, type EntityLimits } from '../../src/mail/entity.js'
import { headerBytes } from '../../src/mail/header.js'
import { fromBuffer, fromFile, readAll } from '../../src/mail/source.js'
import { lines } from './lines.js'

function parse(bytes: Buffer, limits?: EntityLimits): Promise<Entity> {
  return parseEntity(fromBuffer(bytes), limits)
}

function textOf(bytes: Buffer, entity: Entity): string {
  return bytes.toString('latin1', entity.bodyStart, entity.end)
}

/** Types with the bodies of the leaves, nested as the message is. */
function outline(bytes: Buffer, entity: Entity): unknown {
  return entity.type.startsWith('multipart/')
    ? [entity.type, entity.closed, ...entity.parts.map((part) => outline(bytes, part))]
    : `${entity.type}: ${textOf(bytes, entity)}`
}

const isMalformed = (error: unknown): boolean => isPecError(error) && error.code === 'malformed' && !error.temporary

// As the providers write them: binary multiparts, boundaries full of dashes, a preamble.
const envelope = lines(
  'From: "Per conto di: a@b.it" <posta-certificata@c.it>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/signed; protocol="application/x-pkcs7-signature"; micalg=sha-256;',
  ' boundary="----------=_1542123566-1838-1410"',
  '',
  'This is an S/MIME signed message',
  '',
  '------------=_1542123566-1838-1410',
  'Content-Type: multipart/mixed; boundary="----------=_1542123566-1838-1409"',
  'Content-Transfer-Encoding: binary',
  '',
  'This is a multi-part message in MIME format...',
  '',
  '------------=_1542123566-1838-1409',
  'Content-Type: text/plain; charset="iso-8859-1"',
  'Content-Transfer-Encoding: Quoted-Printable',
  '',
  'perch=E9',
  '',
  '------------=_1542123566-1838-1409',
  'Content-Type: application/xml; name="daticert.xml"',
  'Content-Disposition: inline; filename="daticert.xml"',
  'Content-Transfer-Encoding: base64',
  '',
  'PHgv',
  'Pg==',
  '------------=_1542123566-1838-1409',
  'Content-Type: message/rfc822; name="postacert.eml"',
  'Content-Transfer-Encoding: 7bit',
  '',
  'Subject: inner',
  'Content-Type: multipart/mixed; boundary=i',
  '',
  '--i',
  '',
  'leaf',
  '--i--',
  '',
  '------------=_1542123566-1838-1409--',
  '',
  '------------=_1542123566-1838-1410',
  'Content-Type: application/x-pkcs7-signature; name="smime.p7s"',
  '',
  'sig',
  '------------=_1542123566-1838-1410--',
  '',
)

suite('parseEntity', () => {
  test('reads an envelope down to its leaves, exact to the byte', async () => {
    const entity = await parse(envelope)
    const inner = 'Subject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nleaf\r\n--i--\r\n'
    assert.deepEqual(outline(envelope, entity), [
      'multipart/signed',
      true,
      ['multipart/mixed', true, 'text/plain: perch=E9\r\n', 'application/xml: PHgv\r\nPg==', `message/rfc822: ${inner}`],
      'application/x-pkcs7-signature: sig',
    ])
    const [mixed, signature] = entity.parts
    const [text, xml, message] = mixed?.parts ?? []
    assert.ok(mixed && signature && text && xml && message)
    assert.equal(entity.params.get('micalg'), 'sha-256')
    assert.equal(mixed.encoding, 'binary')
    assert.equal(text.encoding, 'quoted-printable')
    assert.equal(signature.encoding, '7bit')
    assert.deepEqual(
      [text.name, xml.name, message.name, signature.name],
      [undefined, 'daticert.xml', 'postacert.eml', 'smime.p7s'],
    )
    assert.equal(envelope.toString('latin1', mixed.end, mixed.end + 6), '\r\n----')
    assert.ok(envelope.toString('latin1', mixed.start).startsWith('Content-Type: multipart/mixed'))
    const source = fromBuffer(envelope)
    assert.equal(await decodedText(source, text, 100), 'perché\r\n')
    assert.equal((await decodedBody(source, xml, 100)).toString(), '<x/>')
    const nested = await parseEntity(body(source, message))
    assert.deepEqual(outline(await readAll(body(source, message)), nested), ['multipart/mixed', true, 'text/plain: leaf'])
    assert.deepEqual(
      await parseEntity(source, { start: message.bodyStart, end: message.end }).then((found) => found.parts[0]?.end),
      message.bodyStart + inner.indexOf('leaf') + 4,
    )
  })

  const m = (...rest: string[]): Buffer => lines('Content-Type: multipart/mixed; boundary=b', '', ...rest)
  const cases: [string, Buffer, unknown][] = [
    ['takes text/plain for nothing', lines('Subject: a', '', 'text'), 'text/plain: text'],
    ['takes text/plain for a bad type', lines('Content-Type: nonsense', '', 'text'), 'text/plain: text'],
    ['takes everything for header without a blank line', lines('Subject: a', 'To: b'), 'text/plain: '],
    ['reads an empty header', lines('', 'text'), 'text/plain: text'],
    ['reads nothing', Buffer.alloc(0), 'text/plain: '],
    ['finds a first delimiter right at the start', m('--b', '', 'x', '--b--'), ['multipart/mixed', true, 'text/plain: x']],
    ['leaves the CRLF before a delimiter to it', m('--b', '', 'x', '', '--b--'), ['multipart/mixed', true, 'text/plain: x\r\n']],
    [
      'runs the last part to the end if nothing closes it',
      m('--b', '', 'x', '--b', '', 'y', ''),
      ['multipart/mixed', false, 'text/plain: x', 'text/plain: y\r\n'],
    ],
    ['reads delimiters with padding', m('--b \t', '', 'x', '--b--  ', 'epilogue'), ['multipart/mixed', true, 'text/plain: x']],
    ['reads a delimiter at the very end', m('--b', '', 'x', '--b'), ['multipart/mixed', false, 'text/plain: x', 'text/plain: ']],
    [
      'is not confused by longer boundaries',
      m('--b', '', '--bb', '--b-', '--b--x', '--b x', '--b--'),
      ['multipart/mixed', true, 'text/plain: --bb\r\n--b-\r\n--b--x\r\n--b x'],
    ],
    [
      'is not confused by delimiters within a line',
      m('--b', '', 'x --b', ' --b--', '--b--'),
      ['multipart/mixed', true, 'text/plain: x --b\r\n --b--'],
    ],
    [
      'reads empty parts',
      m('--b', '--b', '', '--b', '', '', '--b--'),
      ['multipart/mixed', true, 'text/plain: ', 'text/plain: ', 'text/plain: '],
    ],
    ['reads a part that is all header', m('--b', 'Content-Type: a/b', '', '--b--'), ['multipart/mixed', true, 'a/b: ']],
    ['has no parts without a delimiter', m('x'), ['multipart/mixed', false]],
    ['has no parts before the close', m('--b--', '--b', '', 'x'), ['multipart/mixed', true]],
    ['has no parts without a boundary', lines('Content-Type: multipart/mixed', '', '--', '', 'x'), ['multipart/mixed', false]],
    [
      'has no parts with a boundary too long',
      lines(`Content-Type: multipart/mixed; boundary=${'b'.repeat(300)}`, '', `--${'b'.repeat(300)}`, ''),
      ['multipart/mixed', false],
    ],
    [
      'tells a boundary from one that begins alike, within it',
      lines(
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: multipart/mixed; boundary=bb',
        '',
        '--bb',
        '',
        'x',
        '--bb--',
        '--b--',
      ),
      ['multipart/mixed', true, ['multipart/mixed', true, 'text/plain: x']],
    ],
    [
      'ends an inner multipart where the outer goes on',
      lines(
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: multipart/mixed; boundary=c',
        '',
        '--c',
        '',
        'x',
        '--b',
        '',
        'y',
        '--b--',
      ),
      ['multipart/mixed', true, ['multipart/mixed', false, 'text/plain: x'], 'text/plain: y'],
    ],
    [
      'takes the parts of a digest for messages',
      lines('Content-Type: multipart/digest; boundary=b', '', '--b', '', 'Subject: x', '--b--'),
      ['multipart/digest', true, 'message/rfc822: Subject: x'],
    ],
  ]
  for (const [behaviour, bytes, expected] of cases)
    test(behaviour, async () => assert.deepEqual(outline(bytes, await parse(bytes)), expected))

  test('prefers the file name of the disposition, and decodes both', async () => {
    const name = async (...header: string[]): Promise<string | undefined> => (await parse(lines(...header, '', ''))).name
    assert.equal(await name('Content-Type: a/b; name=x', 'Content-Disposition: attachment; filename=y'), 'y')
    assert.equal(await name('Content-Type: a/b; name="=?utf-8?Q?perch=C3=A9?="', 'Content-Disposition: attachment'), 'perché')
    assert.equal(await name("Content-Disposition: inline; filename*=utf-8''perch%C3%A9"), 'perché')
    assert.equal(await name('Content-Type: a/b'), undefined)
  })

  test('refuses what is beyond the limits', async () => {
    const nested = (depth: number): string[] =>
      depth === 0
        ? ['', 'x']
        : [`Content-Type: multipart/mixed; boundary=b${depth}x`, '', `--b${depth}x`, ...nested(depth - 1), `--b${depth}x--`]
    assert.ok(await parse(lines(...nested(16))))
    await assert.rejects(parse(lines(...nested(17))), isMalformed)
    await assert.rejects(parse(lines(...nested(3)), { maxDepth: 2 }), isMalformed)
    const parts = (count: number): Buffer => m(...Array.from({ length: count }, () => '--b\r\n\r\nx'))
    assert.equal((await parse(parts(1000))).parts.length, 1000)
    await assert.rejects(parse(parts(1001)), isMalformed)
    assert.ok(await parse(lines(`X: ${'x'.repeat(990)}`, '', '')))
    await assert.rejects(parse(lines(`X: ${'x'.repeat(990)}`, '', ''), { maxHeader: 990 }), isMalformed)
    await assert.rejects(parse(Buffer.alloc(2 * 1024 * 1024, 'x')), isMalformed)
    await assert.rejects(
      parse(m('--b', `X: ${'x'.repeat(600)}`, '', '--b', `X: ${'x'.repeat(600)}`, ''), { maxHeader: 1000 }),
      isMalformed,
    )
  })

  test('gives the header bytes as they stand, and nothing but malformed as an error, for any bytes', async () => {
    const pieces = fc.constantFrom(
      '\r\n',
      '\r\n\r\n',
      '--b',
      '--bb',
      '--b--',
      'Content-Type: multipart/mixed; boundary=b\r\n',
      'Content-Type: multipart/x; boundary="bb"\r\n',
      'x',
      ' ',
      '\r',
      '\n',
      '\xff',
      '\0',
      ':',
    )
    const any = fc.oneof(
      fc.array(pieces, { maxLength: 40 }).map((written) => Buffer.from(written.join(''), 'latin1')),
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    )
    const check = async (bytes: Buffer, entity: Entity, start: number, end: number): Promise<void> => {
      assert.ok(entity.start >= start && entity.start <= entity.bodyStart && entity.bodyStart <= entity.end && entity.end <= end)
      assert.ok(
        bytes
          .subarray(entity.start, entity.bodyStart)
          .toString('latin1')
          .startsWith(headerBytes(entity.header).toString('latin1')),
      )
      await decodedText(fromBuffer(bytes), entity, 10_000)
      let at = entity.bodyStart
      for (const part of entity.parts) {
        await check(bytes, part, at, entity.end)
        at = part.end
      }
    }
    await fc.assert(
      fc.asyncProperty(any, async (bytes) => {
        try {
          await check(bytes, await parse(bytes, { maxDepth: 3 }), 0, bytes.length)
        } catch (error) {
          if (!isMalformed(error)) throw error
        }
      }),
    )
  })

  test('takes time in proportion to nasty bodies', async () => {
    const nasty = ['\r\n--', '\r\n--b-', '\r\n--bx', '\r\n--b x', '\r\n--b \r', '\r\n', '-', ' ', `\r\n--b${' '.repeat(590)}x`]
    for (const piece of nasty) {
      const bytes = m(piece.repeat(3_000_000 / piece.length))
      const started = performance.now()
      await parse(bytes)
      assert.ok(performance.now() - started < 3000, JSON.stringify(piece))
    }
  })

  test('is cheap for a small message', async () => {
    const source = fromBuffer(envelope)
    for (let turn = 0; turn < 200; turn += 1) await parseEntity(source)
    const started = performance.now()
    for (let turn = 0; turn < 200; turn += 1) await parseEntity(source)
    assert.ok((performance.now() - started) / 200 < 1, 'a millisecond each, on any machine')
  })
})

suite('a large message', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entity-'))
  })
  after(() => rm(folder, { recursive: true }))

  test('is read from its file as from memory, wherever its delimiters fall', async () => {
    for (const size of [262_100, 262_130, 262_144, 700_000]) {
      const part = (length: number): string =>
        `Content-Type: application/octet-stream\r\n\r\n${'y\r\n--bb\r\n'.repeat(length / 9)}`
      const bytes = lines(
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        part(size),
        '--b',
        part(size),
        '--b',
        part(100),
        '--b--',
        '',
      )
      const path = join(folder, String(size))
      await writeFile(path, bytes)
      const [fromDisk, fromMemory] = [await parseEntity(await fromFile(path)), await parse(bytes)]
      assert.deepEqual(fromDisk, fromMemory)
      assert.equal(fromDisk.parts.length, 3)
      assert.equal(textOf(bytes, fromDisk.parts[1] ?? fromDisk), part(size).slice(42))
    }
  })
})
