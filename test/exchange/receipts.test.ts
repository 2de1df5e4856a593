// Receipts that come again, too early, about nothing we know or about what is over already; and envelopes that come in pieces.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tlsIdentity } from '../harness/certificates.js'
import { Laboratory } from '../harness/laboratory.js'
import { assertFlawless, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import { about, isOf, letterOf, type Letter } from './letter.js'
import { original, PLAIN, WITH_ATTACHMENT } from './originals.js'
import { OUR_NAME, Peer, type Job } from './peer.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const OUR_RECEIPTS = 'ricevute@pec-a.test'
const UGO = 'ugo@pec-b.test'
const EVA = 'eva@pec-b.test'
const PEER_ADDRESS = 'posta-certificata@pec-b.test'

test('with a peer that does as it likes', { skip: lacking, timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const peer = await Peer.open(lab, { twins: false })
  const sink = await lab.sink({ protocol: 'smtp', tls: await tlsIdentity() })
  const gateway = await TestGateway.open(lab, {
    ...{ name: OUR_NAME, keys: peer.keys, mailboxes: [MARIO, LUCIA], routes: { 'pec-b.test': sink.port } },
    settings: { delivery: { brief_hash: 'sha256', brief_hash_input: 'decoded' } },
  })

  /** A message of our user on its way to these, as the peer has it. */
  const sent = async (...to: readonly string[]): Promise<Letter> => {
    const before = sink.messages.length
    await gateway.submitted(MARIO, to, original({ from: MARIO, to }, 'Prova', ...PLAIN))
    const bytes = (await sink.waitFor(before + 1)).at(-1)?.bytes ?? Buffer.alloc(0)
    return letterOf(await peer.keep(bytes), bytes)
  }
  const identifierOf = ({ data }: Letter): string => data?.identifier ?? ''
  const receiptOf = (envelope: Letter, kind: string, more: Job['options'] = {}): Job => ({
    make: 'receipt',
    options: { kind, for_: envelope.path, index: peer.index, ...more },
  })
  const bring = async (letter: Letter | undefined, to: string, from = PEER_ADDRESS): Promise<void> => {
    assert.ok(letter !== undefined)
    assert.equal((await gateway.bring({ from, to: [to] }, letter.bytes)).dot?.code, 250)
  }
  /** What our user has been told of a message, but for its acceptance. */
  const told = async (envelope: Letter): Promise<Letter[]> => {
    await gateway.quiet()
    const letters = await gateway.letters(MARIO)
    return letters.filter((letter) => about(identifierOf(envelope))(letter) && letter.kind !== 'acceptance')
  }

  await t.test('a receipt that comes twice is passed on once', async () => {
    const envelope = await sent(UGO)
    const [delivery] = await peer.make(receiptOf(envelope, 'avvenuta-consegna', { recipient: [UGO] }))
    await bring(delivery, MARIO)
    await bring(delivery, MARIO)
    assert.equal((await told(envelope)).length, 1)
    assert.equal(await gateway.outcomeOf(identifierOf(envelope), UGO), 'delivered')
  })

  await t.test('a delivery receipt before the take-charge closes the waiting, and the take-charge changes nothing', async () => {
    const envelope = await sent(UGO)
    const [charge, delivery] = await peer.make(
      receiptOf(envelope, 'presa-in-carico', { recipient: [UGO] }),
      receiptOf(envelope, 'avvenuta-consegna', { recipient: [UGO] }),
    )
    await bring(delivery, MARIO)
    assert.equal(await gateway.outcomeOf(identifierOf(envelope), UGO), 'delivered')
    await bring(charge, OUR_RECEIPTS)
    const state = (await gateway.ledger.message(identifierOf(envelope)))?.recipients[0]
    assert.deepEqual([state?.outcome, state?.takenInChargeAt !== undefined], ['delivered', true])
    assert.deepEqual(
      (await told(envelope)).map(({ kind }) => kind),
      ['delivery'],
    )
    await gateway.waitForLetters(OUR_RECEIPTS, 1, about(identifierOf(envelope)))
  })

  await t.test('a take-charge receipt sent to our user goes to our receipts mailbox instead', async () => {
    const envelope = await sent(UGO)
    const [charge] = await peer.make(receiptOf(envelope, 'presa-in-carico', { recipient: [UGO] }))
    await bring(charge, MARIO)
    assert.deepEqual(await told(envelope), [])
    await gateway.waitForLetters(OUR_RECEIPTS, 1, about(identifierOf(envelope)))
  })

  await t.test('receipts about a message that we never sent are passed on, and change nothing', async () => {
    const envelope = await sent(UGO)
    const jobs = ['presa-in-carico', 'avvenuta-consegna', 'errore-consegna', 'rilevazione-virus'].map((kind) =>
      receiptOf(envelope, kind, { recipient: [UGO], fault: 'unknown-message' }),
    )
    const [charge, delivery, failure, virus] = await peer.make(...jobs)
    for (const letter of [delivery, failure]) await bring(letter, MARIO)
    for (const letter of [charge, virus]) await bring(letter, OUR_RECEIPTS)
    for (const letter of [delivery, failure, charge, virus]) assert.ok(letter !== undefined)
    await gateway.waitForLetters(MARIO, 2, ({ messageId }) =>
      [delivery, failure].some((letter) => letter?.messageId === messageId),
    )
    await gateway.waitForLetters(OUR_RECEIPTS, 2, ({ messageId }) =>
      [charge, virus].some((letter) => letter?.messageId === messageId),
    )
    assert.equal(await gateway.outcomeOf(identifierOf(envelope), UGO), undefined)
    assert.deepEqual(await told(envelope), [])
  })

  await t.test('a second, different outcome is passed on, but the first counts', async () => {
    const envelope = await sent(UGO)
    const [failure, delivery] = await peer.make(
      receiptOf(envelope, 'errore-consegna', { recipient: [UGO] }),
      receiptOf(envelope, 'avvenuta-consegna', { recipient: [UGO] }),
    )
    await bring(failure, MARIO)
    await bring(delivery, MARIO)
    assert.deepEqual((await told(envelope)).map(({ kind }) => kind).sort(), ['delivery', 'non-delivery'])
    assert.equal(await gateway.outcomeOf(identifierOf(envelope), UGO), 'not-delivered')
  })

  await t.test('a receipt about somebody to whom we never wrote changes nothing', async () => {
    const envelope = await sent(UGO)
    const [delivery] = await peer.make(receiptOf(envelope, 'avvenuta-consegna', { recipient: [EVA] }))
    await bring(delivery, MARIO)
    assert.equal(await gateway.outcomeOf(identifierOf(envelope), UGO), undefined)
    assert.equal((await told(envelope)).length, 1)
  })

  await t.test('an envelope in several transactions, some of them twice, is one receipt each', async () => {
    const [envelope] = await peer.make({ make: 'envelope', options: { from_: UGO, to: [MARIO, LUCIA] } })
    const before = sink.messages.length
    for (const recipient of [MARIO, MARIO, LUCIA]) await bring(envelope, recipient, UGO)
    assert.ok(envelope !== undefined)
    assert.equal((await gateway.bring({ from: UGO, to: [MARIO, LUCIA] }, envelope.bytes)).dot?.code, 250)
    await gateway.quiet()
    const answers = await Promise.all(
      sink.messages.slice(before).map(async ({ bytes }) => letterOf(await peer.keep(bytes), bytes)),
    )
    const seen = answers.map(({ kind, data }) => [kind, data?.takenInCharge.join() ?? '', data?.delivery].join(' '))
    assert.deepEqual(seen.sort(), [`delivery  ${LUCIA}`, `delivery  ${MARIO}`, `take-charge ${LUCIA} `, `take-charge ${MARIO} `])
    for (const mailbox of [MARIO, LUCIA]) await gateway.waitForLetters(mailbox, 1, isOf('transport', identifierOf(envelope)))
    await assertFlawless(
      [envelope, ...answers].map(({ path }) => path),
      peer.standards,
      'exchange',
    )
  })

  await t.test('somebody in To and in Cc is a primary recipient, and hashes are made as the settings say', async () => {
    const fields = `X-TipoRicevuta: breve\n${WITH_ATTACHMENT[0]}`
    const message = original({ from: MARIO, to: [LUCIA], cc: [LUCIA, MARIO] }, 'A tutti', fields, WITH_ATTACHMENT[1])
    const identifier = await gateway.submitted(MARIO, [LUCIA, MARIO], message)
    const letters = await gateway.waitForLetters(MARIO, 4, about(identifier))
    const receipts = letters.filter(isOf('delivery'))
    const [primary, copy] = [LUCIA, MARIO].map((address) => receipts.find(({ data }) => data?.delivery === address))
    // SHA-256 of `%PDF-1.4 prova`.
    assert.ok(primary !== undefined)
    assert.ok(primary.bytes.includes('offerta.pdf.hash'))
    assert.ok(primary.bytes.includes('3fd71fcbea4f20e5f59cfa6e4f889d528cfd2b7b1fafa5f0dc221a0e319eaa42'))
    assert.ok(copy !== undefined && !copy.bytes.includes('postacert.eml'))
    await assertFlawless(
      letters.map(({ path }) => path),
      peer.standards,
      'exchange',
    )
  })

  await t.test('what our user was told is flawless', async () => {
    const own = (await gateway.letters(MARIO)).filter(({ data }) => data?.provider === OUR_NAME)
    await assertFlawless(
      own.map(({ path }) => path),
      peer.standards,
    )
  })
})
