import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import { composeTransportEnvelope, prepareOriginal } from '../../src/pec/envelope.js'
import { momentOf } from '../../src/pec/moment.js'
import type { Issuer } from '../../src/pec/signed-message.js'
import { openAccessPoint } from '../../src/points/access.js'
import { altered, crlf, houseOf, NOON, textOf } from './house.js'
import type { TestHouse } from './house.js'
import { ANNA, submissionOf, UGO } from './submissions.js'
import { leaving, receiveAt, reasonsIn } from './traffic.js'
import { b, EVA, receive, sent, world } from './two-houses.js'

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
