import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { fromBuffer, slice, type Source } from '../../src/mail/source.js'
import { composeTransportEnvelope, prepareOriginal } from '../../src/pec/envelope.js'
import { momentOf } from '../../src/pec/moment.js'
import type { Issuer } from '../../src/pec/signed-message.js'
import { openAccessPoint } from '../../src/points/access.js'
import type { Dispatch } from '../../src/points/ports.js'
import { openReceptionPoint, type Incoming, type ReceptionOutcome } from '../../src/points/reception.js'
import { after, altered, crlf, houseOf, judged, LEDGER_AWAY, makeWorld, NOON, receiptIn, textOf } from './house.js'
import type { TestHouse, World } from './house.js'
import { ANNA, BRUNO, LIA, MAX, submissionOf, UGO, type SubmissionParts } from './submissions.js'

const EVA = 'eva@pec-b.test'

let world: World
/** The sender's provider. */
let a: TestHouse
/** Ours. */
let b: TestHouse

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  a = await houseOf(world, world.a)
  b = await houseOf(world, world.b, { mailboxes: [UGO, EVA, LIA] })
  b.now = after(1)
})

/** The envelope of Anna's message, as it leaves provider A. */
async function sent(parts: SubmissionParts = {}): Promise<Dispatch> {
  await openAccessPoint(a).submit(submissionOf(parts))
  const dispatch = a.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
  assert.ok(dispatch !== undefined)
  return dispatch
}

function receive(
  dispatch: Pick<Dispatch, 'from' | 'message'>,
  recipients: readonly string[],
  house = b,
): Promise<ReceptionOutcome> {
  return receiveAt(house, { sender: dispatch.from, recipients, message: dispatch.message })
}

function receiveAt(house: TestHouse, incoming: Omit<Incoming, 'host'>): Promise<ReceptionOutcome> {
  return openReceptionPoint(house).receive({ ...incoming, host: 'mx.pec-a.test [192.0.2.1]' })
}

/** Kinds and recipients of what leaves. */
const leaving = (dispatches: readonly Dispatch[]): readonly string[] =>
  dispatches.map(({ errand, to }) => `${errand.kind} ${to.join(' ')}`)

const register = async (house: TestHouse, identifier: string): Promise<readonly string[]> =>
  (await house.ledger.eventsOf(identifier)).map(({ type, outcome, recipients }) => `${type} ${outcome}: ${recipients.join(' ')}`)

const identifierOf = ({ errand }: Dispatch): string => errand.identifier

const reasonsIn = async (message: Source): Promise<string> =>
  /seguente errore:\s*(.*?)\s*Il messaggio originale/s.exec((await textOf(message)).replace(/=\r\n/g, ''))?.[1] ?? ''

describe('a valid envelope', () => {
  test('is taken in charge and goes on to each of our recipients, byte for byte', async () => {
    const envelope = await sent({ to: [UGO, 'cara@pec-c.test'], cc: [EVA] })
    assert.deepEqual(await receive(envelope, [UGO, EVA]), { accepted: true, as: 'envelope' })
    const [receipt, ...deliveries] = b.outbox.take()
    assert.ok(receipt !== undefined)
    assert.deepEqual(leaving([receipt, ...deliveries]), [
      'send-receipt ricevute@pec-a.test',
      `deliver-envelope ${UGO}`,
      `deliver-envelope ${EVA}`,
    ])
    assert.equal(receipt.from, 'posta-certificata@pec-b.test')
    const data = await receiptIn(receipt.message, world)
    assert.deepEqual([data.kind, data.takenInCharge, data.sender], ['take-charge', [UGO, EVA], ANNA])
    assert.deepEqual(
      data.recipients.map(({ address }) => address),
      [UGO, 'cara@pec-c.test', EVA],
    )
    for (const { from, message, errand } of deliveries) {
      assert.equal(from, ANNA)
      assert.equal(await textOf(message), await textOf(envelope.message))
      assert.ok(errand.kind === 'deliver-envelope')
      const { start, end } = errand.original
      assert.match(await textOf(slice(message, start, end)), /^From: anna@pec-a\.test\r\n.*--parti--\r\n$/s)
    }
  })

  test('is in the register and in the ledger, with its recipients and the times', async () => {
    const envelope = await sent({ to: [UGO], cc: [EVA], fields: 'Reply-To: altra@pec-a.test' })
    const identifier = identifierOf(envelope)
    await receive(envelope, [UGO])
    assert.deepEqual(await register(b, identifier), [`reception valid: ${UGO}`, `take-charge issued: ${UGO}`])
    const [reception] = await b.ledger.eventsOf(identifier)
    assert.deepEqual(
      [reception?.at, reception?.sender, reception?.provider, reception?.messageId, reception?.subject],
      [after(1), ANNA, 'Gestore A S.p.A.', identifier, 'Offerta'],
    )
    assert.ok(reception?.daticert?.includes(identifier) === true && reception.signature !== undefined)
    const stored = await b.ledger.message(identifier)
    assert.deepEqual(
      [stored?.sender, stored?.replyTo, stored?.clientMessageId, stored?.own, stored?.provider, stored?.acceptedAt],
      [ANNA, 'altra@pec-a.test', '<client.1@client.test>', false, 'Gestore A S.p.A.', after(1)],
    )
    assert.deepEqual(
      stored?.recipients.map(({ address, type, primary, takenInChargeAt }) => [address, type, primary, takenInChargeAt]),
      [
        [UGO, 'certified', true, after(1)],
        [EVA, 'certified', false, undefined],
      ],
    )
  })

  test('that comes again changes nothing but the register', async () => {
    const envelope = await sent()
    await receive(envelope, [UGO])
    b.outbox.take()
    assert.deepEqual(await receive(envelope, ['UGO@pec-b.test']), { accepted: true, as: 'envelope' })
    assert.deepEqual(b.outbox.released, [])
    assert.equal((await register(b, identifierOf(envelope))).at(-1), 'reception duplicate: UGO@pec-b.test')
  })

  test('in several transactions is taken in charge once for each recipient', async () => {
    const envelope = await sent({ to: [UGO, EVA], cc: [LIA] })
    await receive(envelope, [UGO])
    await receive(envelope, [EVA, UGO])
    await receive(envelope, [LIA, EVA])
    const taken: (readonly string[])[] = []
    for (const { message, errand } of b.outbox.released)
      if (errand.kind === 'send-receipt') taken.push((await receiptIn(message, world)).takenInCharge)
    assert.deepEqual(taken, [[UGO], [EVA], [LIA]])
    assert.deepEqual(
      leaving(b.outbox.released).filter((line) => line.startsWith('deliver')),
      [UGO, EVA, LIA].map((address) => `deliver-envelope ${address}`),
    )
  })

  test('in several transactions at once is taken in charge once for each recipient', async () => {
    const envelope = await sent({ to: [UGO, EVA], cc: [LIA] })
    const outcomes = await Promise.all(
      [
        [UGO, EVA],
        [EVA, LIA],
        [UGO, LIA],
      ].map((recipients) => receive(envelope, recipients)),
    )
    assert.ok(outcomes.every(({ accepted }) => accepted))
    const lines = leaving(b.outbox.released)
    for (const address of [UGO, EVA, LIA]) assert.equal(lines.filter((line) => line === `deliver-envelope ${address}`).length, 1)
    const taken: string[] = []
    for (const { message, errand } of b.outbox.released)
      if (errand.kind === 'send-receipt') taken.push(...(await receiptIn(message, world)).takenInCharge)
    assert.deepEqual(taken.sort(), [EVA, LIA, UGO])
  })

  test('with a recipient named twice is one delivery', async () => {
    await receive(await sent(), [UGO, 'Ugo@PEC-b.test'])
    assert.deepEqual(leaving(b.outbox.released), ['send-receipt ricevute@pec-a.test', `deliver-envelope ${UGO}`])
  })

  test('for somebody whom daticert.xml does not name goes to him as an anomaly, with the reason', async () => {
    const envelope = await sent({ to: [UGO] })
    assert.deepEqual(await receive(envelope, [EVA, UGO]), { accepted: true, as: 'envelope' })
    assert.deepEqual(leaving(b.outbox.released), [
      `deliver-anomaly ${EVA}`,
      'send-receipt ricevute@pec-a.test',
      `deliver-envelope ${UGO}`,
    ])
    const [anomaly] = b.outbox.released
    assert.ok(anomaly !== undefined)
    assert.equal(anomaly.from, ANNA)
    assert.equal(await reasonsIn(anomaly.message), 'il destinatario non =E8 indicato nei dati di certificazione')
  })

  test('for somebody whom daticert.xml calls ordinary is delivered without receipts', async () => {
    // Provider A does not know yet that we manage this domain.
    const envelope = await sent({ to: [UGO, MAX] })
    const late = {
      ...b,
      directory: { ...b.directory, managesDomain: (domain: string) => ['pec-b.test', 'posta.test'].includes(domain) },
    }
    await receive(envelope, [MAX, UGO], late)
    assert.deepEqual(leaving(b.outbox.released), [
      `deliver-other ${MAX}`,
      'send-receipt ricevute@pec-a.test',
      `deliver-envelope ${UGO}`,
    ])
    assert.deepEqual((await receiptIn(b.outbox.released[1]?.message as Source, world)).takenInCharge, [UGO])
  })

  test('between our own domains gets its receipt sent to our receipts mailbox', async () => {
    await openAccessPoint(b).submit(submissionOf({ sender: UGO, to: ['cara@pec-c.test', LIA] }))
    const envelope = b.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
    assert.ok(envelope !== undefined)
    // Back from elsewhere: it is the same message, for which nothing is left to do.
    assert.deepEqual(await receive(envelope, [LIA]), { accepted: true, as: 'envelope' })
    assert.deepEqual(b.outbox.released, [])
  })

  test('waits for nobody: the store is not asked whether a mailbox exists', async () => {
    await receive(await sent({ to: ['nessuno@pec-b.test'] }), ['nessuno@pec-b.test'])
    assert.deepEqual(leaving(b.outbox.released).at(-1), 'deliver-envelope nessuno@pec-b.test')
  })
})

describe('an envelope under an identifier that is known', () => {
  /** An envelope of a provider's own making. */
  async function envelopeOf(issuer: Issuer, sender: string, identifier: string): Promise<Pick<Dispatch, 'from' | 'message'>> {
    const moment = momentOf(NOON)
    const submitted = fromBuffer(crlf(`From: ${sender}\nTo: ${UGO}\nSubject: altro\n\naltro\n`))
    const original = await prepareOriginal(submitted, identifier)
    const message = {
      ...{ identifier, sender, replyTo: sender, subject: 'altro', clientMessageId: undefined },
      recipients: [UGO, EVA].map((address) => ({ address, type: 'certified' as const })),
    }
    return { from: sender, message: (await composeTransportEnvelope({ message, original, moment }, issuer)).message }
  }

  const REASON = "l'identificativo del messaggio =E8 gi=E0 di un altro messaggio"

  for (const [whose, who, sender] of [
    ['another provider', 'c', 'cara@pec-c.test'],
    ['another sender of the same provider', 'a', 'dario@cliente.test'],
  ] as const) {
    test(`of ${whose} goes on as an anomaly, and the first message is not touched`, async () => {
      const first = await sent({ to: [UGO, EVA] })
      const identifier = identifierOf(first)
      await receive(first, [UGO])
      b.outbox.take()
      const before = await b.ledger.message(identifier)
      const other = await envelopeOf(world[who].issuer, sender, identifier)
      assert.deepEqual(await receive(other, [UGO, EVA]), { accepted: true, as: 'envelope' })
      assert.deepEqual(leaving(b.outbox.released), [`deliver-anomaly ${UGO}`, `deliver-anomaly ${EVA}`])
      assert.equal(await reasonsIn(b.outbox.released[0]?.message as Source), REASON)
      assert.deepEqual(await b.ledger.message(identifier), before)
      await receive(first, [EVA])
      assert.equal(leaving(b.outbox.released).at(-1), `deliver-envelope ${EVA}`, 'the first message goes its way')
    })
  }

  test('of our own goes on as an anomaly', async () => {
    const { identifier } = await openAccessPoint(b).submit(submissionOf({ sender: UGO, to: ['cara@pec-c.test'] }))
    b.outbox.take()
    await receive(await envelopeOf(world.c.issuer, 'cara@pec-c.test', identifier), [UGO])
    assert.deepEqual(leaving(b.outbox.released), [`deliver-anomaly ${UGO}`])
    assert.deepEqual(
      (await b.ledger.openRecipients(after(2), 10)).map(({ takenInChargeAt }) => takenInChargeAt),
      [undefined],
    )
  })

  test('by two providers at once is taken in charge for one of them', async () => {
    const identifier = 'stesso@pec.test'
    const [one, two] = await Promise.all([
      envelopeOf(world.a.issuer, ANNA, identifier),
      envelopeOf(world.c.issuer, 'cara@pec-c.test', identifier),
    ])
    await Promise.all([receive(one, [UGO]), receive(two, [EVA])])
    const kinds = b.outbox.released.map(({ errand }) => errand.kind).sort()
    assert.deepEqual(kinds, ['deliver-anomaly', 'deliver-envelope', 'send-receipt'])
  })
})

describe('a message that a provider signed and that is not correct', () => {
  const cases: readonly [string, () => Promise<Source>, string][] = [
    [
      'whose sender is not of its domains',
      async () => (await signedBy(world.a.issuer, 'x@pec-c.test')).message,
      'il dominio del mittente non =E8 gestito dal gestore che ha firmato il messaggio',
    ],
    [
      'whose sender is no mail address',
      async () => (await signedBy(world.a.issuer, 'a b <c@pec-a.test')).message,
      'il mittente dei dati di certificazione non =E8 un indirizzo valido',
    ],
    [
      'from an address that is not in its certificate',
      async () => (await signedBy({ ...world.a.issuer, address: 'posta-certificata@cliente.test' }, ANNA)).message,
      "l'indirizzo del gestore non corrisponde al certificato di firma",
    ],
    [
      'from a domain that the index does not give to it',
      async () => (await signedBy({ ...world.a.issuer, address: 'posta-certificata@posta.test' }, ANNA)).message,
      "l'indirizzo del gestore non corrisponde al certificato di firma\r\nil dominio del gestore non risulta nell'indice dei gestori di posta certificata",
    ],
    [
      'without its kind',
      async () => altered((await signedBy(world.a.issuer, ANNA)).message, 'X-Trasporto', 'X-Trasport0'),
      'il tipo di messaggio di posta certificata manca o non =E8 riconosciuto',
    ],
  ]

  async function signedBy(issuer: Issuer, sender: string): Promise<{ readonly message: Source }> {
    const moment = momentOf(NOON)
    const submitted = fromBuffer(crlf(`From: ${ANNA}\nTo: ${UGO}\nSubject: x\n\nx\n`))
    const original = await prepareOriginal(submitted, 'id@pec-a.test')
    const message = {
      ...{ identifier: 'id@pec-a.test', sender, replyTo: sender, subject: 'x', clientMessageId: undefined },
      recipients: [{ address: UGO, type: 'certified' as const }],
    }
    return composeTransportEnvelope({ message, original, moment }, issuer)
  }

  for (const [what, make, reason] of cases) {
    test(`${what} is delivered as an anomaly, even where ordinary mail is not taken`, async () => {
      const strict: TestHouse = { ...b, ordinaryMail: 'reject' }
      const message = await make()
      assert.deepEqual(await receiveAt(strict, { sender: ANNA, recipients: [UGO], message }), { accepted: true, as: 'incorrect' })
      assert.deepEqual(leaving(b.outbox.released), [`deliver-anomaly ${UGO}`])
      const [anomaly] = b.outbox.released
      assert.ok(anomaly !== undefined)
      assert.equal(await reasonsIn(anomaly.message), reason)
      assert.ok((await textOf(anomaly.message)).includes(await textOf(message)))
      const [event] = await b.ledger.eventsOf('')
      assert.deepEqual([event?.type, event?.provider, event?.sender], ['anomaly', 'Gestore A S.p.A.', ANNA])
    })
  }

  test('that is an envelope in appearance only never reaches the delivery point', async () => {
    await receiveAt(b, { sender: ANNA, recipients: [UGO], message: (await signedBy(world.a.issuer, 'x@pec-c.test')).message })
    assert.equal(await b.ledger.message('id@pec-a.test'), undefined)
  })
})

describe('ordinary mail', () => {
  const plain = fromBuffer(crlf(`From: max@posta.test\nTo: ${UGO}\nSubject: ciao\nMessage-ID: <1@posta.test>\n\nciao\n`))
  const from = 'max@posta.test'

  test('goes on in an anomaly envelope, to each recipient', async () => {
    assert.deepEqual(await receiveAt(b, { sender: from, recipients: [UGO, EVA, UGO], message: plain }), {
      accepted: true,
      as: 'ordinary',
    })
    assert.deepEqual(leaving(b.outbox.released), [`deliver-anomaly ${UGO}`, `deliver-anomaly ${EVA}`])
    const [anomaly] = b.outbox.released
    assert.ok(anomaly !== undefined)
    assert.equal(anomaly.from, from)
    assert.equal(await reasonsIn(anomaly.message), 'il messaggio non =E8 firmato digitalmente')
    const [event] = await b.ledger.eventsOf('')
    assert.deepEqual(
      [event?.type, event?.provider, event?.outcome, event?.recipients],
      ['anomaly', 'mx.pec-a.test [192.0.2.1]', 'the message is not signed: no signature', [UGO, EVA]],
    )
  })

  test('without a sender, as reports have it, goes on without one', async () => {
    await receiveAt(b, { sender: '', recipients: [UGO], message: plain })
    assert.equal(b.outbox.released[0]?.from, '')
  })

  test('is refused where the policy says so, and leaves no trace in queue and ledger', async () => {
    const outcome = await receiveAt({ ...b, ordinaryMail: 'reject' }, { sender: from, recipients: [UGO], message: plain })
    const reason = '5.7.1 Only certified mail is accepted here: the message is not signed: no signature'
    assert.deepEqual(outcome, { accepted: false, reason })
    assert.deepEqual(b.outbox.batches, [])
    assert.deepEqual(await b.ledger.eventsOf(''), [])
  })

  test('cannot put words of its own into the refusal', async () => {
    const type = `Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: a\u00e8\u0085${'x'.repeat(500)}/b\n\nx\n--b--\n`
    const message = fromBuffer(crlf(`From: ${from}\n${type}`))
    const outcome = await receiveAt({ ...b, ordinaryMail: 'reject' }, { sender: from, recipients: [UGO], message })
    assert.ok(!outcome.accepted)
    assert.match(outcome.reason, /^5\.7\.1 [ -~]{1,250}$/)
  })

  test('for nobody who exists is refused, for somebody who does it is taken', async () => {
    const [nobody, noone] = ['nessuno@pec-b.test', 'nemo@pec-b.test']
    assert.deepEqual(await receiveAt(b, { sender: from, recipients: [nobody, noone], message: plain }), {
      accepted: false,
      reason: '5.1.1 Unknown mailbox',
    })
    assert.ok((await receiveAt(b, { sender: from, recipients: [nobody, UGO], message: plain })).accepted)
  })

  test('is what is left of an envelope that was changed, whose signer is unknown or not trusted', async () => {
    const envelope = await sent({ subject: 'prezzo 1000' })
    const changed = { ...envelope, message: await altered(envelope.message, 'una riga', 'due righ') }
    const outsider = await houseOf(world, world.outsider)
    await openAccessPoint(outsider).submit(submissionOf({ sender: 'x@estraneo.test' }))
    const foreign = outsider.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
    assert.ok(foreign !== undefined)
    for (const [dispatch, house, reason] of [
      [changed, b, 'la firma digitale del messaggio non =E8 valida'],
      [foreign, b, "il messaggio non =E8 firmato da un gestore dell'indice dei gestori di posta certificata"],
      [envelope, { ...b, trust: world.distrust }, 'il certificato di firma del gestore non =E8 valido o =E8 stato revocato'],
    ] as const) {
      assert.deepEqual(await receive(dispatch, [UGO], house), { accepted: true, as: 'ordinary' })
      const [anomaly] = b.outbox.take()
      assert.ok(anomaly !== undefined)
      assert.equal(await reasonsIn(anomaly.message), reason)
    }
  })

  test('is not yet what a signer has signed whose revocation nobody can tell now', async () => {
    const unsure = { judge: () => Promise.resolve({ trusted: false, status: 'unknown', reason: 'no list' } as const) }
    await assert.rejects(receive(await sent(), [UGO], { ...b, trust: unsure }), { code: 'crl', temporary: true })
    assert.deepEqual(b.outbox.take(), [])
  })

  test('may have a header without an end, or nothing at all', async () => {
    for (const text of [
      '',
      '\r\n',
      'x',
      'From: x',
      'Content-Type: multipart/signed',
      'Content-Type: application/pkcs7-mime\r\n\r\n',
    ]) {
      assert.deepEqual(await receiveAt(b, { sender: from, recipients: [UGO], message: fromBuffer(Buffer.from(text)) }), {
        accepted: true,
        as: 'ordinary',
      })
    }
  })

  test('with a header that nobody can read is refused for good', async () => {
    const message = fromBuffer(Buffer.alloc(1024 * 1024 + 100, 'x'))
    await assert.rejects(receiveAt(b, { sender: from, recipients: [UGO], message }), { code: 'malformed', temporary: false })
  })
})

describe('what comes in while the gateway cannot deal with it', () => {
  test('is put off when the ledger is away, and nothing leaves', async () => {
    const envelope = await sent()
    const { ledger } = b
    const commit = ledger.commit.bind(ledger)
    ledger.commit = () => Promise.reject(LEDGER_AWAY)
    await assert.rejects(receive(envelope, [UGO]), { code: 'ledger', temporary: true })
    assert.deepEqual(b.outbox.released, [])
    ledger.commit = commit
    await receive(envelope, [UGO])
    assert.equal(b.outbox.released.length, 2)
  })

  test('is put off when others are quicker again and again', async () => {
    const envelope = await sent()
    b.ledger.taken = () => Promise.resolve([])
    await receive(envelope, [UGO])
    await assert.rejects(receive(envelope, [UGO]), { code: 'ledger', temporary: true })
    assert.deepEqual(
      b.outbox.batches.slice(1).map(({ state }) => state),
      ['dropped', 'dropped', 'dropped'],
    )
  })
})

test('an envelope of ours is judged as right by whoever receives it', async () => {
  const judgement = await judged((await sent({ to: [UGO, BRUNO], cc: [MAX] })).message, world)
  assert.ok(judgement.verdict === 'envelope')
  assert.deepEqual(judgement.data.recipients, [
    { address: UGO, type: 'certified' },
    { address: BRUNO, type: 'certified' },
    { address: MAX, type: 'ordinary' },
  ])
})
