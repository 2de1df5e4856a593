import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, beforeEach, describe, test } from 'node:test'
import { fromBuffer, slice, type Source } from '../../src/mail/source.js'
import { openAccessPoint } from '../../src/points/access.js'
import { openDeliveryPoint, type DeliveryPoint } from '../../src/points/delivery.js'
import type { Dispatch, Errand } from '../../src/points/ports.js'
import { openReceptionPoint } from '../../src/points/reception.js'
import { after, houseOf, LEDGER_AWAY, makeWorld, receiptIn, textOf, type TestHouse, type World } from './house.js'
import { ANNA, BRUNO, MAX, submissionOf, UGO, type SubmissionParts } from './submissions.js'

type Delivery = Extract<Errand, { readonly kind: 'deliver-envelope' }>

let world: World
/** The sender's provider. */
let a: TestHouse
/** The recipients'. */
let b: TestHouse
let delivery: DeliveryPoint

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  a = await houseOf(world, world.a)
  b = await houseOf(world, world.b)
  b.now = after(1)
  delivery = openDeliveryPoint(b)
})

interface Arrived {
  readonly identifier: string
  readonly errands: ReadonlyMap<string, Delivery>
  readonly envelope: Source
  readonly original: Source
}

/** Anna's message, taken in charge by provider B for all its recipients there. */
async function arrive(parts: SubmissionParts = {}): Promise<Arrived> {
  await openAccessPoint(a).submit(submissionOf(parts))
  const sent = a.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
  assert.ok(sent !== undefined)
  const { from, to, message } = sent
  await openReceptionPoint(b).receive({ sender: from, recipients: to, message, host: 'mx.pec-a.test' })
  const errands = new Map<string, Delivery>()
  for (const { errand } of b.outbox.take()) if (errand.kind === 'deliver-envelope') errands.set(errand.recipient, errand)
  const [first] = errands.values()
  assert.ok(first !== undefined)
  const original = slice(message, first.original.start, first.original.end)
  return { identifier: first.identifier, errands, envelope: message, original }
}

function errandFor({ errands }: Arrived, recipient: string): Delivery {
  const errand = errands.get(recipient)
  assert.ok(errand !== undefined, recipient)
  return errand
}

/** The one message that left. */
function soleDispatch({ outbox }: TestHouse): Dispatch {
  const [dispatch, ...others] = outbox.take()
  assert.ok(dispatch !== undefined && others.length === 0)
  return dispatch
}

const types = async (house: TestHouse, identifier: string): Promise<readonly string[]> =>
  (await house.ledger.eventsOf(identifier)).map(({ type }) => type)

describe('a delivered envelope', () => {
  const [primary, copy] = ['ugo@pec-b.test', 'eva@pec-b.test']
  const asking = (type: string): SubmissionParts => ({ to: [primary], cc: [copy], fields: `X-TipoRicevuta: ${type}` })
  const heading = async (message: Source): Promise<string | undefined> =>
    /Ricevuta .*avvenuta consegna/.exec(await textOf(message))?.[0]

  test('gives the sender a complete receipt with the whole original', async () => {
    const arrived = await arrive(asking('completa'))
    await delivery.delivered(errandFor(arrived, primary), arrived.envelope)
    const { from, to, message, errand } = soleDispatch(b)
    assert.deepEqual(
      [from, to, errand],
      ['posta-certificata@pec-b.test', [ANNA], { kind: 'send-receipt', identifier: arrived.identifier }],
    )
    assert.equal(await heading(message), 'Ricevuta di avvenuta consegna')
    assert.ok((await textOf(message)).includes(await textOf(arrived.original)))
    const data = await receiptIn(message, world)
    assert.deepEqual(
      [data.kind, data.error, data.delivery, data.receiptType, data.identifier, data.sender, data.provider],
      ['delivery', 'none', primary, 'complete', arrived.identifier, ANNA, 'Gestore B S.p.A.'],
    )
    assert.equal(data.hour, '13:01:00')
    assert.deepEqual(
      data.recipients.map(({ address }) => address),
      [primary, copy],
    )
  })

  test('gives a brief receipt with hashes in place of the attachments', async () => {
    const arrived = await arrive(asking('breve'))
    await delivery.delivered(errandFor(arrived, primary), arrived.envelope)
    const { message } = soleDispatch(b)
    const text = await textOf(message)
    assert.equal(await heading(message), 'Ricevuta breve di avvenuta consegna')
    assert.equal((await receiptIn(message, world)).receiptType, 'brief')
    assert.ok(text.includes('dati.bin.hash') && text.includes(createHash('sha1').update('AAECAw==').digest('hex')))
    assert.ok(!text.includes('AAECAw=='))
  })

  test('gives a concise receipt without the original', async () => {
    const arrived = await arrive(asking('sintetica'))
    await delivery.delivered(errandFor(arrived, primary), arrived.envelope)
    const { message } = soleDispatch(b)
    assert.equal(await heading(message), 'Ricevuta sintetica di avvenuta consegna')
    assert.ok(!(await textOf(message)).includes('postacert.eml'))
    assert.equal((await receiptIn(message, world)).receiptType, 'concise')
  })

  for (const [asked, requested] of [
    ['completa', 'complete'],
    ['breve', 'brief'],
  ] as const) {
    test(`gives a concise receipt for a copy, which says that a ${requested} one was asked for`, async () => {
      const arrived = await arrive(asking(asked))
      await delivery.delivered(errandFor(arrived, copy), arrived.envelope)
      const { message } = soleDispatch(b)
      assert.equal(await heading(message), 'Ricevuta sintetica di avvenuta consegna')
      assert.ok(!(await textOf(message)).includes('postacert.eml'))
      assert.equal((await receiptIn(message, world)).receiptType, requested)
    })
  }

  test('gives a complete receipt where a brief one cannot be made', async () => {
    const parts = Array.from({ length: 1200 }, (_, number) => `--parti\n\n${number}\n`).join('')
    const body = `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=parti\n\n${parts}--parti--\n`
    const arrived = await arrive({ ...asking('breve'), body })
    await delivery.delivered(errandFor(arrived, primary), arrived.envelope)
    const { message } = soleDispatch(b)
    assert.equal(await heading(message), 'Ricevuta di avvenuta consegna')
    assert.equal((await receiptIn(message, world)).receiptType, 'brief')
  })

  test('that is told twice gives one receipt, one after the other and at once', async () => {
    const arrived = await arrive(asking('completa'))
    const told = (recipient: string): Promise<void> => delivery.delivered(errandFor(arrived, recipient), arrived.envelope)
    await told(primary)
    await told(primary)
    await Promise.all([told(copy), told(copy)])
    assert.equal(b.outbox.released.length, 2)
    const each = ['mailbox-delivery', 'delivery']
    assert.deepEqual(await types(b, arrived.identifier), ['reception', 'take-charge', ...each, ...each])
    const stored = await b.ledger.message(arrived.identifier)
    assert.deepEqual(
      stored?.recipients.map(({ outcome, outcomeAt }) => [outcome, outcomeAt]),
      [
        ['delivered', after(1)],
        ['delivered', after(1)],
      ],
    )
  })

  test('after its refusal changes nothing', async () => {
    const arrived = await arrive()
    await delivery.refused(errandFor(arrived, UGO), UGO, ANNA, '550 5.1.1 no')
    b.outbox.take()
    await delivery.delivered(errandFor(arrived, UGO), arrived.envelope)
    assert.deepEqual(b.outbox.released, [])
  })

  test('that the ledger does not know is in the register, and gives no receipt', async () => {
    const errand = {
      kind: 'deliver-envelope',
      identifier: 'x@pec-a.test',
      recipient: UGO,
      original: { start: 0, end: 0 },
    } as const
    await delivery.delivered(errand, fromBuffer(Buffer.alloc(0)))
    assert.deepEqual(b.outbox.released, [])
    const [event] = await b.ledger.eventsOf('x@pec-a.test')
    assert.deepEqual([event?.type, event?.outcome], ['mailbox-delivery', 'delivered without a receipt: not in the ledger'])
  })

  test('fails as long as the ledger is away, and is told again', async () => {
    const arrived = await arrive()
    const commit = b.ledger.commit.bind(b.ledger)
    b.ledger.commit = () => Promise.reject(LEDGER_AWAY)
    await assert.rejects(delivery.delivered(errandFor(arrived, UGO), arrived.envelope), { code: 'ledger' })
    b.ledger.commit = commit
    await delivery.delivered(errandFor(arrived, UGO), arrived.envelope)
    assert.deepEqual(
      b.outbox.batches.map(({ state }) => state),
      ['left to the ledger', 'released'],
    )
  })
})

describe('a refusal by the mailbox store', () => {
  const name = 'Gestore B S.p.A.'
  for (const [reply, error, detail] of [
    ['550 5.1.1 User unknown', 'no-recipient', `5.1.1 - ${name} - indirizzo non valido`],
    ['5.1.1 unknown', 'no-recipient', `5.1.1 - ${name} - indirizzo non valido`],
    ['550 5.2.1 Mailbox disabled', 'other', `5.2.1 - ${name} - casella disabilitata`],
    ['552 5.2.2 Mailbox full', 'other', `5.2.2 - ${name} - casella piena`],
    ['552 Quota exceeded', 'other', `5.2.2 - ${name} - casella piena`],
    ['452 4.2.2 Mailbox full', 'other', `5.2.2 - ${name} - casella piena`],
    ['552 5.3.4 Too big', 'other', `5.3.4 - ${name} - Too big`],
    ['550 5.1.3 Bad syntax', 'no-recipient', `5.1.3 - ${name} - Bad syntax`],
    ['550 User 5.1.1.1 is banned', 'other', `5.0.0 - ${name} - 550 User 5.1.1.1 is banned`],
    ['554 no', 'other', `5.0.0 - ${name} - 554 no`],
    ['550', 'other', `5.0.0 - ${name} - 550`],
    ['', 'other', `5.0.0 - ${name} - messaggio rifiutato`],
  ] as const) {
    test(`with "${reply}" tells the sender ${detail}`, async () => {
      const arrived = await arrive()
      await delivery.refused(errandFor(arrived, UGO), UGO, ANNA, reply)
      const { from, to, message } = soleDispatch(b)
      assert.deepEqual([from, to], ['posta-certificata@pec-b.test', [ANNA]])
      const data = await receiptIn(message, world)
      assert.deepEqual([data.kind, data.error, data.errorDetail, data.delivery], ['non-delivery', error, detail, UGO])
      assert.equal((await b.ledger.message(arrived.identifier))?.recipients[0]?.outcome, 'not-delivered')
    })
  }

  test('cannot put lines of its own into the notice', async () => {
    const arrived = await arrive()
    await delivery.refused(errandFor(arrived, UGO), UGO, ANNA, '550 5.7.1 no\r\nX-Ricevuta: x\r\n\r\n<b>')
    const { message } = soleDispatch(b)
    assert.equal((await receiptIn(message, world)).errorDetail, `5.7.1 - ${name} - no  X-Ricevuta: x    <b>`)
    assert.ok(!(await textOf(message)).includes('\r\nX-Ricevuta: x'))
  })

  test('that is told twice gives one notice', async () => {
    const arrived = await arrive()
    const tell = (): Promise<void> => delivery.refused(errandFor(arrived, UGO), UGO, ANNA, '550 no')
    await Promise.all([tell(), tell()])
    await tell()
    assert.equal(b.outbox.released.length, 1)
  })

  test("after many attempts tells a peer's user, for whom nobody here keeps the time", async () => {
    const arrived = await arrive()
    await delivery.gaveUp(errandFor(arrived, UGO), UGO, ANNA, 'Too many failures (connection refused)')
    const data = await receiptIn(soleDispatch(b).message, world)
    assert.equal(data.errorDetail, `5.0.0 - ${name} - Too many failures (connection refused)`)
  })

  test('of what owes no receipt is only in the register', async () => {
    for (const kind of ['deliver-other', 'deliver-anomaly', 'send-receipt'] as const) {
      const identifier = `${kind}@x.test`
      await delivery.refused({ kind, identifier }, UGO, 'x@y.test', '550 no')
      await delivery.gaveUp({ kind, identifier }, UGO, 'x@y.test', 'Too many failures')
      assert.deepEqual(await types(b, identifier), ['delivery-failure', 'delivery-failure'])
    }
    assert.deepEqual(b.outbox.released, [])
  })

  test('of an envelope that the ledger does not know, or for another recipient, is only in the register', async () => {
    const arrived = await arrive()
    await delivery.refused(errandFor(arrived, UGO), 'altri@pec-b.test', ANNA, '550 no')
    await delivery.refused({ kind: 'send-envelope', identifier: 'x@x.test' }, UGO, ANNA, '550 no')
    assert.deepEqual(b.outbox.released, [])
    assert.deepEqual(await types(b, 'x@x.test'), ['delivery-failure'])
    assert.deepEqual((await types(b, arrived.identifier)).at(-1), 'delivery-failure')
  })
})

describe('what becomes of an envelope sent to other hosts', () => {
  const send: Errand = { kind: 'send-envelope', identifier: '' }
  /** Anna's message to Ugo and Max on its way. */
  async function sent(): Promise<{ readonly errand: Errand; readonly point: DeliveryPoint }> {
    const { identifier } = await openAccessPoint(a).submit(submissionOf({ to: [UGO], cc: [MAX] }))
    a.outbox.take()
    a.now = after(2)
    return { errand: { ...send, identifier } as Errand, point: openDeliveryPoint(a) }
  }

  for (const [reply, error, detail] of [
    ['550 5.1.1 User unknown', 'no-recipient', '5.1.1 - Gestore A S.p.A. - User unknown'],
    ['550 5.1.10 Null MX', 'no-recipient', '5.1.0 - Gestore A S.p.A. - Null MX'],
    ['5.1.2 No Such Domain: pec-b.test', 'no-domain', '5.1.2 - Gestore A S.p.A. - No Such Domain: pec-b.test'],
    ['554 5.7.1 Rejected', 'other', '5.7.1 - Gestore A S.p.A. - Rejected'],
    ['552 Too big', 'other', '5.0.0 - Gestore A S.p.A. - 552 Too big'],
  ] as const) {
    test(`a peer that answers "${reply}" for good ends the waiting with a notice: ${detail}`, async () => {
      const { errand, point } = await sent()
      await point.refused(errand, UGO, ANNA, reply)
      const { to, message, errand: delivered } = soleDispatch(a)
      assert.deepEqual([to, delivered.kind], [[ANNA], 'deliver-other'])
      const data = await receiptIn(message, world)
      assert.deepEqual([data.kind, data.error, data.errorDetail, data.delivery], ['non-delivery', error, detail, UGO])
      assert.deepEqual(await a.ledger.openRecipients(after(1), 10), [])
    })
  }

  test("an ordinary host's refusal is told, and nothing else changes", async () => {
    const { errand, point } = await sent()
    await point.refused(errand, MAX, ANNA, '550 5.1.1 User unknown')
    await point.refused(errand, MAX, ANNA, '550 5.1.1 User unknown')
    const data = await receiptIn(soleDispatch(a).message, world)
    assert.deepEqual([data.kind, data.delivery], ['non-delivery', MAX])
    const outcomes = (await a.ledger.message(errand.identifier))?.recipients.map(({ outcome }) => outcome)
    assert.deepEqual(outcomes, [undefined, undefined])
    assert.deepEqual(
      (await a.ledger.openRecipients(after(1), 10)).map(({ address }) => address),
      [UGO],
    )
  })

  test('a refusal by a peer is left to the time limits where the settings say so, one by an ordinary host is not', async () => {
    const { errand } = await sent()
    const point = openDeliveryPoint({ ...a, peerRefusal: 'wait' })
    await point.refused(errand, UGO, ANNA, '550 5.1.1 User unknown')
    assert.deepEqual(a.outbox.released, [])
    assert.equal((await types(a, errand.identifier)).at(-1), 'delivery-failure')
    assert.equal((await a.ledger.openRecipients(after(1), 10)).length, 1)
    await point.refused(errand, MAX, ANNA, '550 5.1.1 User unknown')
    assert.equal((await receiptIn(soleDispatch(a).message, world)).delivery, MAX)
  })

  test('a peer that never answers is left to the time limits, an ordinary host is told of', async () => {
    const { errand, point } = await sent()
    await point.gaveUp(errand, UGO, ANNA, 'Too many failures (Tried all MXs)')
    assert.deepEqual(a.outbox.released, [])
    assert.equal((await a.ledger.openRecipients(after(1), 10)).length, 1)
    await point.gaveUp(errand, MAX, ANNA, 'Too many failures (Tried all MXs)')
    assert.equal((await receiptIn(soleDispatch(a).message, world)).delivery, MAX)
  })

  test('a host that takes it is in the register', async () => {
    const { errand, point } = await sent()
    await point.passedOn(errand, [UGO], ANNA, 'queued')
    const event = (await a.ledger.eventsOf(errand.identifier)).at(-1)
    assert.deepEqual([event?.type, event?.recipients, event?.outcome, event?.at], ['relay', [UGO], 'queued', after(2)])
  })

  test('a mailbox that takes a receipt is in the register', async () => {
    const { errand, point } = await sent()
    const receipt = fromBuffer(Buffer.from('Subject: x\r\n\r\n'))
    await point.stored({ kind: 'deliver-other', identifier: errand.identifier }, receipt, BRUNO, '', 'saved')
    assert.equal((await types(a, errand.identifier)).at(-1), 'mailbox-delivery')
  })

  test('an outcome is the same whatever the case of the address', async () => {
    const { errand, point } = await sent()
    await point.refused(errand, 'UGO@PEC-B.test', ANNA, '550 no')
    assert.equal((await receiptIn(soleDispatch(a).message, world)).delivery, UGO)
  })
})
