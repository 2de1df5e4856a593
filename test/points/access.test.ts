import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { decodedBody, decodedText, parseEntity, type Entity } from '../../src/mail/entity.js'
import { isSevenBit } from '../../src/mail/seven-bit.js'
import { fromBuffer, readAll, slice, type Source } from '../../src/mail/source.js'
import { PecError } from '../../src/errors.js'
import { openAccessPoint, type AccessOutcome, type Submission } from '../../src/points/access.js'
import type { Dispatch } from '../../src/points/ports.js'
import { crlf, houseOf, judged, LEDGER_AWAY, makeWorld, NOON, receiptIn, textOf, type TestHouse, type World } from './house.js'
import { ANNA, BRUNO, LIA, MAX, submissionOf, UGO } from './submissions.js'

const CARA = 'cara@pec-c.test'

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

function released(kind: Dispatch['errand']['kind']): Dispatch {
  const [dispatch, ...others] = a.outbox.released.filter(({ errand }) => errand.kind === kind)
  assert.ok(dispatch !== undefined && others.length === 0, `${others.length + 1} of ${kind}`)
  return dispatch
}

/** The original in the envelope that left. */
async function original(): Promise<Source> {
  const { message } = released('send-envelope')
  const judgement = await judged(message, world)
  assert.ok(judgement.verdict === 'envelope', JSON.stringify(judgement))
  return slice(message, judgement.original.start, judgement.original.end)
}

const leaving = (): readonly string[] => a.outbox.released.map(({ errand, to }) => `${errand.kind} ${to.join(' ')}`)

describe('an accepted message', () => {
  test('gives its sender a receipt with the type of each recipient', async () => {
    const outcome = await submit(submissionOf({ to: [UGO, MAX], cc: [BRUNO, LIA] }))
    assert.ok(outcome.accepted)
    const { from, to, message, errand } = a.outbox.released[0] as Dispatch
    assert.deepEqual(
      [from, to, errand],
      ['posta-certificata@pec-a.test', [ANNA], { kind: 'deliver-other', identifier: outcome.identifier }],
    )
    const data = await receiptIn(message, world)
    assert.deepEqual(
      [data.kind, data.error, data.sender, data.identifier, data.hour],
      ['acceptance', 'none', ANNA, outcome.identifier, '13:00:00'],
    )
    assert.deepEqual(data.recipients, [
      { address: UGO, type: 'certified' },
      { address: MAX, type: 'ordinary' },
      { address: BRUNO, type: 'certified' },
      { address: LIA, type: 'certified' },
    ])
    const text = await textOf(message)
    assert.ok(text.includes('ugo@pec-b.test ("posta certificata")') && text.includes('max@posta.test ("posta ordinaria")'))
  })

  test('leaves in one envelope for all recipients elsewhere, under the paths of the message', async () => {
    const { identifier } = await submit(submissionOf({ to: [UGO, CARA], cc: [MAX, LIA] }))
    const { from, to, errand, message } = released('send-envelope')
    assert.deepEqual([from, to, errand], [ANNA, [UGO, CARA, MAX, LIA], { kind: 'send-envelope', identifier }])
    assert.ok((await textOf(message)).includes(`\r\nMessage-ID: <${identifier}>\r\n`))
  })

  test('for our own users goes straight to their delivery point, taken in charge', async () => {
    const { identifier } = await submit(submissionOf({ to: [BRUNO, UGO], cc: ['dario@cliente.test'] }))
    assert.deepEqual(leaving(), [
      `deliver-other ${ANNA}`,
      `send-envelope ${UGO}`,
      `deliver-envelope ${BRUNO}`,
      'deliver-envelope dario@cliente.test',
    ])
    const events = await a.ledger.eventsOf(identifier)
    assert.deepEqual(
      events.map(({ type, recipients }) => `${type} ${recipients.join(' ')}`),
      [
        `acceptance ${BRUNO} ${UGO} dario@cliente.test`,
        `transport ${BRUNO} ${UGO} dario@cliente.test`,
        `reception ${BRUNO} dario@cliente.test`,
        `take-charge ${BRUNO} dario@cliente.test`,
      ],
    )
    assert.ok(events.every(({ at }) => at.getTime() === NOON.getTime()))
    const issued = events.filter(({ type }) => type !== 'reception')
    assert.ok(issued.every(({ signature, daticert }) => signature !== undefined && daticert !== undefined))
    const [, sent, delivered] = a.outbox.released
    assert.equal(sent?.message, delivered?.message, 'one envelope for all')
    assert.ok(delivered?.errand.kind === 'deliver-envelope')
    const { start, end } = delivered.errand.original
    assert.equal(await textOf(slice(delivered.message, start, end)), await textOf(await original()))
  })

  test('is in the ledger, waited for at its certified recipients', async () => {
    const { identifier } = await submit(
      submissionOf({ to: [UGO, 'UGO@pec-b.test'], cc: [UGO, LIA, MAX, BRUNO], recipients: [LIA, UGO, MAX, BRUNO] }),
    )
    const stored = await a.ledger.message(identifier)
    assert.ok(stored !== undefined)
    const { recipients, ...facts } = stored
    assert.deepEqual(facts, {
      identifier,
      clientMessageId: '<client.1@client.test>',
      sender: ANNA,
      replyTo: ANNA,
      subject: 'Offerta',
      receiptType: 'complete',
      provider: 'Gestore A S.p.A.',
      own: true,
      acceptedAt: NOON,
      size: submissionOf({ to: [UGO, 'UGO@pec-b.test'], cc: [UGO, LIA, MAX, BRUNO] }).message.size,
    })
    assert.deepEqual(
      recipients.map(({ address, type, primary, takenInChargeAt }) => [address, type, primary, takenInChargeAt]),
      [
        [LIA, 'certified', false, undefined],
        [UGO, 'certified', true, undefined],
        [MAX, 'ordinary', false, undefined],
        [BRUNO, 'certified', false, NOON],
      ],
    )
    const open = await a.ledger.openRecipients(new Date(NOON.getTime() + 1), 10)
    assert.deepEqual(open.map(({ address }) => address).sort(), [BRUNO, LIA, UGO])
  })

  test('is received as valid by the other provider, with the same time everywhere', async () => {
    await submit(submissionOf({ fields: 'Reply-To: Segreteria <seg@pec-a.test>, altra@pec-a.test\nX-TipoRicevuta: breve' }))
    const { message } = released('send-envelope')
    const judgement = await judged(message, world)
    assert.ok(judgement.verdict === 'envelope')
    const { data } = judgement
    assert.deepEqual(
      [data.day, data.hour, data.zone, data.receiptType, data.replyTo, data.subject],
      ['02/03/2026', '13:00:00', '+0100', 'brief', 'seg@pec-a.test, altra@pec-a.test', 'Offerta'],
    )
    const text = await textOf(message)
    assert.ok(text.includes('\r\nDate: Mon, 02 Mar 2026 13:00:00 +0100\r\n'))
    assert.ok(text.includes('Il giorno 02/03/2026 alle ore 13:00:00 (+0100)'))
  })

  test('for a domain of ours that the index does not list yet is certified', async () => {
    const managesDomain = (domain: string): boolean => ['pec-a.test', 'nuovo.test'].includes(domain)
    const house = { ...a, directory: { ...a.directory, managesDomain } }
    const { identifier } = await openAccessPoint(house).submit(submissionOf({ to: ['eva@nuovo.test'] }))
    assert.deepEqual(leaving(), [`deliver-other ${ANNA}`, 'deliver-envelope eva@nuovo.test'])
    assert.equal((await a.ledger.message(identifier))?.recipients[0]?.type, 'certified')
  })

  test('that names a recipient twice is certified for him once', async () => {
    await submit(submissionOf({ to: [UGO], recipients: [UGO, 'Ugo@PEC-b.test'] }))
    assert.deepEqual(released('send-envelope').to, [UGO])
  })

  test('reads the clock once', async () => {
    let readings = 0
    await openAccessPoint({ ...a, clock: () => new Date(NOON.getTime() + 60_000 * readings++) }).submit(
      submissionOf({ to: [UGO, BRUNO] }),
    )
    assert.equal(readings, 1)
  })

  test('has an identifier that nobody can know before', async () => {
    const identifiers = await Promise.all(Array.from({ length: 20 }, async () => (await submit(submissionOf())).identifier))
    assert.equal(new Set(identifiers).size, 20)
    for (const identifier of identifiers) assert.match(identifier, /^[a-z0-9]{40,}@pec-a\.test$/)
  })
})

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
      assert.equal(await textOf(await original()), expected)
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
    const carried = await original()
    assert.ok(await isSevenBit(released('send-envelope').message))
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

describe('a message that is not accepted', () => {
  test('gives its sender a notice with every reason, and goes nowhere', async () => {
    const parts = { sender: ANNA, to: [UGO], recipients: [MAX, BRUNO], fields: 'Bcc: x@y.test' }
    const outcome = await submit(submissionOf(parts))
    assert.equal(outcome.accepted, false)
    assert.deepEqual(leaving(), [`deliver-other ${ANNA}`])
    const { message } = a.outbox.released[0] as Dispatch
    const data = await receiptIn(message, world)
    assert.deepEqual([data.kind, data.error, data.identifier], ['non-acceptance', 'other', outcome.identifier])
    assert.equal(
      data.errorDetail,
      `il destinatario ${MAX} non è presente nei campi To e Cc; il destinatario ${BRUNO} non è presente nei campi To e Cc; ` +
        `l'indirizzo ${UGO} dei campi To e Cc non è tra i destinatari della trasmissione; il campo Bcc (copia nascosta) non è ammesso`,
    )
    const text = await textOf(message)
    assert.ok(!text.includes('postacert.eml'))
    assert.match(text, /^Subject: AVVISO DI NON ACCETTAZIONE: Offerta\r\n/m)
    assert.equal(await a.ledger.message(outcome.identifier), undefined)
    const [event, ...others] = await a.ledger.eventsOf(outcome.identifier)
    assert.deepEqual(
      [event?.type, event?.outcome, others],
      ['non-acceptance', 'recipient-not-in-header, recipient-not-in-header, recipient-not-in-envelope, bcc-present', []],
    )
  })

  for (const [what, message, reason] of [
    ['no blank line', `From: ${ANNA}\r\nTo: ${UGO}\r\n`, 'manca la riga vuota'],
    ['nothing at all', '', 'manca la riga vuota'],
    ['a body only', '\r\nciao\r\n', 'il campo From non è presente'],
  ] as const) {
    test(`with ${what} gives a notice too`, async () => {
      assert.equal((await submitBytes(Buffer.from(message))).accepted, false)
      assert.ok((await receiptIn(a.outbox.released[0]?.message as Source, world)).errorDetail?.startsWith(reason))
    })
  }

  test('for its size counts each recipient once', async () => {
    const limits = { recipients: 2, bytesTimesRecipients: 100_000 }
    a = await houseOf(world, world.a, { limits })
    const twice = submissionOf({ to: [UGO, LIA], recipients: [UGO, LIA, UGO, LIA] })
    assert.ok((await submit(twice)).accepted)
    assert.equal((await submit(submissionOf({ to: [UGO, LIA, MAX] }))).accepted, false)
  })

  test('because its header cannot be read is refused for good', async () => {
    const error = await submitBytes(Buffer.alloc(1024 * 1024 + 100, 'x')).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof PecError && error.code === 'malformed' && !error.temporary)
    assert.deepEqual(a.outbox.batches, [])
  })
})

describe('a message that cannot be certified now', () => {
  test('is put off with nothing certified and nothing sent when the ledger is away', async () => {
    a.ledger.commit = () => Promise.reject(LEDGER_AWAY)
    await assert.rejects(submit(submissionOf()), { code: 'ledger', temporary: true })
    assert.deepEqual(a.outbox.released, [])
  })

  test('is put off when the key cannot sign', async () => {
    const signer = { ...a.issuer.signer, sign: () => Promise.reject(new PecError('signer', 'away', { temporary: true })) }
    const house = { ...a, issuer: { ...a.issuer, signer } }
    await assert.rejects(openAccessPoint(house).submit(submissionOf()), { code: 'signer', temporary: true })
    assert.deepEqual(a.outbox.batches, [])
  })
})

test('what a message is, is read from the submitted bytes and never changes them', async () => {
  const submission = submissionOf({ to: [UGO, BRUNO] })
  const before = await readAll(submission.message)
  await submit(submission)
  assert.deepEqual(await readAll(submission.message), before)
})
