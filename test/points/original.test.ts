import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { decodedBody, decodedText, parseEntity, type Entity } from '../../src/mail/entity.js'
import { isSevenBit } from '../../src/mail/seven-bit.js'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import { openAccessPoint, type AccessOutcome, type Submission } from '../../src/points/access.js'
import type { Dispatch } from '../../src/points/ports.js'
import { crlf, houseOf, judged, makeWorld, receiptIn, textOf, type TestHouse, type World } from './house.js'
import { ANNA, submissionOf, UGO } from './submissions.js'
import { originalFrom, released } from './traffic.js'

let world: World
let a: TestHouse

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  a = await houseOf(world, world.a)
})

const submit = (submission: Submission): Promise<AccessOutcome> => openAccessPoint(a).submit(submission)

/** Submits a message of these bytes, from Anna to Ugo. */
const submitBytes = (message: Buffer, recipients = [UGO]): Promise<AccessOutcome> =>
  submit({ sender: ANNA, recipients, message: fromBuffer(message) })

describe('the original in the envelope', () => {
  const HEAD = `From: ${ANNA}\r\nTo: ${UGO}\r\n`

  for (const [what, message] of [
    ['plain text', `${HEAD}Subject: x\r\nMessage-ID: <c@d>\r\n\r\nciao\r\n.\r\n..\r\nFrom x\r\n`],
    ['a header with oddities', `${HEAD}Subject:x \r\n\t y\r\nx-empty:\r\nMESSAGE-id : <c@d>\r\nX: \t\r\n\r\n`],
    [
      'a nested message',
      `${HEAD}Content-Type: message/rfc822\r\n\r\nMessage-ID: <inner@x>\r\nX-Trasporto: posta-certificata\r\n\r\nx`,
    ],
    ['PEC fields of its own', `${HEAD}X-Ricevuta: accettazione\r\nX-Trasporto: posta-certificata\r\n\r\nx\r\n`],
    ['no end to its last line', `${HEAD}\r\nno end`],
    ['lone boundaries', `${HEAD}Content-Type: multipart/mixed; boundary="="\r\n\r\n--=\r\n\r\na\r\n--=--\r\nepilogue`],
    [
      'a signature of its own',
      `${HEAD}Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=s\r\n\r\n--s\r\n\r\ntext  \r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII=\r\n--s--\r\n`,
    ],
  ] as const) {
    test(`with ${what} is there byte for byte, but for its identifiers`, async () => {
      const { identifier } = await submitBytes(Buffer.from(message, 'latin1'))
      const [head = '', ...rest] = message.split('\r\n\r\n')
      const kept = head.replace(/^message-id ?:.*(\r\n|$)/im, '').replace(/\r\n$/, '')
      const reference = /^message-id/im.test(head) ? 'X-Riferimento-Message-ID: <c@d>\r\n' : ''
      const expected = [`${kept}\r\nMessage-ID: <${identifier}>\r\n${reference}`.slice(0, -2), ...rest].join('\r\n\r\n')
      assert.equal(await textOf(await originalFrom(a, world)), expected)
    })
  }

  test('without a Message-ID has none to refer to', async () => {
    const { identifier } = await submitBytes(Buffer.from(`${HEAD}\r\nx\r\n`))
    for (const { message } of a.outbox.released) assert.ok(!(await textOf(message)).includes('X-Riferimento-Message-ID'))
    assert.equal((await a.ledger.message(identifier))?.clientMessageId, undefined)
  })

  test('has no X-Riferimento-Message-ID of the client', async () => {
    await submitBytes(Buffer.from(`${HEAD}X-Riferimento-Message-ID: <forged@x>\r\n\r\nx\r\n`))
    for (const { message } of a.outbox.released) assert.ok(!(await textOf(message)).includes('forged@x'))
  })

  test('in 8-bit is 7-bit clean in the envelope, with the same content and headers', async () => {
    const submitted = Buffer.concat([
      crlf(`${HEAD.replace(/\r/g, '')}Subject: Perché\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n`),
      crlf('--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n'),
      Buffer.from('citt\xe0 \xe8 bella\r\n', 'latin1'),
      crlf('--b\nContent-Type: application/octet-stream; name="x"\nContent-Transfer-Encoding: binary\n\n'),
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10 && byte !== 13)),
      crlf('\n--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nnaïve €\n--b--\n'),
    ])
    await submitBytes(submitted)
    const carried = await originalFrom(a, world)
    assert.ok(await isSevenBit(released(a, 'send-envelope').message))
    const [before, after] = [await parseEntity(fromBuffer(submitted)), await parseEntity(carried)]
    assert.equal(after.parts.length, 3)
    for (const [number, part] of before.parts.entries()) {
      const other = after.parts[number] as Entity
      assert.deepEqual(await decodedBody(carried, other, 10_000), await decodedBody(fromBuffer(submitted), part, 10_000))
      assert.equal(other.type, part.type)
    }
    assert.equal(await decodedText(carried, after.parts[2] as Entity, 100), 'naïve €')
    assert.equal((await receiptIn(a.outbox.released[0]?.message as Source, world)).subject, 'Perché')
  })

  for (const [what, subject, certified] of [
    ['encoded words', '=?utf-8?b?UGVyY2jDqQ==?= =?iso-8859-1?q?_no=3F?=', 'Perché no?'],
    ['another charset', '=?gb2312?b?xOO6ww==?= =?koi8-r?q?=CD=C9=D2?=', '你好мир'],
    ['raw UTF-8', 'Più €', 'Più €'],
    ['what XML must escape', '<a> & "b" \'c\' ]]>', '<a> & "b" \'c\' ]]>'],
    ['line ends inside encoded words', '=?utf-8?q?a=0D=0ABcc:_x=0D=0A=0D=0Ab?=', 'a  Bcc: x    b'],
    ['nothing', '', ''],
    ['words that cannot be decoded', '=?x-unknown?q?a?= =?utf-8?x?b?=', '=?x-unknown?q?a?= =?utf-8?x?b?='],
    ['NUL and escape characters', 'a\0b\x1b[2Jc', 'a b [2Jc'],
  ] as const) {
    test(`may have a subject with ${what}`, async () => {
      await submit(submissionOf({ subject }))
      for (const { message } of a.outbox.released) {
        const judgement = await judged(message, world)
        assert.ok(judgement.verdict === 'envelope' || judgement.verdict === 'receipt')
        assert.equal(judgement.data.subject, certified)
        const [header = ''] = (await textOf(message)).split('\r\n\r\n')
        assert.ok(!/^Bcc:/im.test(header))
        assert.ok(header.split('\r\n').every((line) => /^[\t -~]{0,998}$/.test(line)))
      }
    })
  }

  test('may have no subject', async () => {
    await submitBytes(Buffer.from(`${HEAD}\r\nx\r\n`))
    const { message } = a.outbox.released[0] as Dispatch
    assert.equal((await receiptIn(message, world)).subject, undefined)
    assert.match(await textOf(message), /^Subject: ACCETTAZIONE:/m)
  })

  test('may have a subject of any length', async () => {
    await submit(submissionOf({ subject: 'parola '.repeat(50_000).trim() }))
    const { message } = a.outbox.released[0] as Dispatch
    assert.equal((await receiptIn(message, world)).subject?.length, 65_536)
  })
})
