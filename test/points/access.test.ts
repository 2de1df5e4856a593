import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { fromBuffer, readAll, slice, type Source } from '../../src/mail/source.js'
import { PecError } from '../../src/errors.js'
import { openAccessPoint, type AccessOutcome, type Submission } from '../../src/points/access.js'
import type { Dispatch } from '../../src/points/ports.js'
import { houseOf, judged, LEDGER_AWAY, makeWorld, NOON, receiptIn, textOf, type TestHouse, type World } from './house.js'
import { ANNA, BRUNO, LIA, MAX, submissionOf, UGO } from './submissions.js'
import { leaving, originalFrom, released } from './traffic.js'

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
    const { from, to, errand, message } = released(a, 'send-envelope')
    assert.deepEqual([from, to, errand], [ANNA, [UGO, CARA, MAX, LIA], { kind: 'send-envelope', identifier }])
    assert.ok((await textOf(message)).includes(`\r\nMessage-ID: <${identifier}>\r\n`))
  })

  test('for our own users goes straight to their delivery point, taken in charge', async () => {
    const { identifier } = await submit(submissionOf({ to: [BRUNO, UGO], cc: ['dario@cliente.test'] }))
    assert.deepEqual(leaving(a.outbox.released), [
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
    assert.equal(await textOf(slice(delivered.message, start, end)), await textOf(await originalFrom(a, world)))
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
    const { message } = released(a, 'send-envelope')
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
    assert.deepEqual(leaving(a.outbox.released), [`deliver-other ${ANNA}`, 'deliver-envelope eva@nuovo.test'])
    assert.equal((await a.ledger.message(identifier))?.recipients[0]?.type, 'certified')
  })

  test('that names a recipient twice is certified for him once', async () => {
    await submit(submissionOf({ to: [UGO], recipients: [UGO, 'Ugo@PEC-b.test'] }))
    assert.deepEqual(released(a, 'send-envelope').to, [UGO])
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

describe('a message that is not accepted', () => {
  test('gives its sender a notice with every reason, and goes nowhere', async () => {
    const parts = { sender: ANNA, to: [UGO], recipients: [MAX, BRUNO], fields: 'Bcc: x@y.test' }
    const outcome = await submit(submissionOf(parts))
    assert.equal(outcome.accepted, false)
    assert.deepEqual(leaving(a.outbox.released), [`deliver-other ${ANNA}`])
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
