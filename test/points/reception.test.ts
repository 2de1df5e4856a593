import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromBuffer, slice, type Source } from '../../src/mail/source.js'
import { composeTransportEnvelope, prepareOriginal } from '../../src/pec/envelope.js'
import { momentOf } from '../../src/pec/moment.js'
import type { Issuer } from '../../src/pec/signed-message.js'
import { openAccessPoint } from '../../src/points/access.js'
import type { Dispatch } from '../../src/points/ports.js'
import { after, crlf, judged, LEDGER_AWAY, NOON, receiptIn, textOf } from './house.js'
import { ANNA, BRUNO, LIA, MAX, submissionOf, UGO } from './submissions.js'
import { leaving, reasonsIn, register } from './traffic.js'
import { b, EVA, receive, sent, world } from './two-houses.js'

const identifierOf = ({ errand }: Dispatch): string => errand.identifier

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
