import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseEntity } from '../../src/mail/entity.js'
import { decodeWords } from '../../src/mail/encoded-word.js'
import { firstValue } from '../../src/mail/header.js'
import { converted, leaves, message, textOf } from './lines.js'

suite('multiparts made 7-bit', () => {
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
})
