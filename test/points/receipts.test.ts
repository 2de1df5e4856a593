import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import { failureOf } from '../../src/pec/error-codes.js'
import { momentOf } from '../../src/pec/moment.js'
import { composeNotification, type Occurrence } from '../../src/pec/notification.js'
import { openAccessPoint } from '../../src/points/access.js'
import { openDeliveryPoint } from '../../src/points/delivery.js'
import type { StoredMessage } from '../../src/points/ports.js'
import { receiptStep } from '../../src/points/receipts.js'
import { indexRecords } from '../../src/providers/provider-index.js'
import { openReceptionPoint, type ReceptionOutcome } from '../../src/points/reception.js'
import { onlyElement, TAG } from '../../src/smime/der.js'
import {
  after,
  houseOf,
  judged,
  LEDGER_AWAY,
  makeWorld,
  receiptIn,
  textOf,
  type TestHouse,
  type TestProvider,
  type World,
} from './house.js'
import { ANNA, BRUNO, MAX, submissionOf, UGO } from './submissions.js'
import { leaving } from './traffic.js'

const EVA = 'eva@pec-b.test'
const CARA = 'cara@pec-c.test'
const RECEIPTS = 'ricevute@pec-a.test'

let world: World
/** Ours. */
let a: TestHouse
/** Anna's message to all of them. */
let message: StoredMessage

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  a = await houseOf(world, world.a, { mailboxes: [ANNA, BRUNO, RECEIPTS] })
  const { identifier } = await openAccessPoint(a).submit(submissionOf({ to: [UGO, CARA], cc: [EVA, MAX, BRUNO] }))
  const stored = await a.ledger.message(identifier)
  assert.ok(stored !== undefined)
  message = stored
  a.outbox.take()
  a.now = after(5)
})

const DELIVERY = { kind: 'delivery', recipient: UGO, requested: 'complete', form: 'concise', original: undefined } as const
const NON_DELIVERY = { kind: 'non-delivery', recipient: UGO, ...failureOf('unknown-mailbox', 'Gestore B S.p.A.') } as const
const VIRUS = { kind: 'virus-detection', recipient: UGO, errorDetail: 'Eicar-Test', serviceMailbox: RECEIPTS } as const
const CHARGE = { kind: 'take-charge', takenInCharge: [UGO, EVA], serviceMailbox: RECEIPTS } as const

/** A receipt about Anna's message, or about another. */
async function receipt(
  occurrence: Occurrence,
  from: TestProvider = world.b,
  about: Partial<StoredMessage> = {},
): Promise<Source> {
  const moment = momentOf(after(4))
  return (await composeNotification({ message: { ...message, ...about }, moment, occurrence }, from.issuer)).message
}

function receive(source: Source, recipients: readonly string[] = [ANNA], house = a): Promise<ReceptionOutcome> {
  const incoming = { sender: 'posta-certificata@pec-b.test', recipients, message: source, host: 'mx.pec-b.test' }
  return openReceptionPoint(house).receive(incoming)
}

/** Recipients whose state is no longer that after the acceptance, with their state. */
async function states(): Promise<Readonly<Record<string, string>>> {
  const stored = await a.ledger.message(message.identifier)
  const changed = (stored?.recipients ?? []).flatMap(({ address, takenInChargeAt, outcome, outcomeAt }) => {
    const words = [takenInChargeAt?.getTime() === after(5).getTime() ? 'taken' : '', outcome ?? '']
    assert.equal(outcome === undefined ? undefined : after(5).getTime(), outcomeAt?.getTime())
    const state = words.filter((word) => word !== '').join(', ')
    return state === '' ? [] : [[address, state]]
  })
  return Object.fromEntries(changed) as Record<string, string>
}

const ACCEPTED: ReceptionOutcome = { accepted: true, as: 'receipt' }

describe('a receipt from another provider', () => {
  for (const [what, occurrence, recipients, passedOn, expected] of [
    ['of take-charge', CHARGE, [RECEIPTS], RECEIPTS, { [UGO]: 'taken', [EVA]: 'taken' }],
    ['of delivery', DELIVERY, [ANNA], ANNA, { [UGO]: 'delivered' }],
    ['of non-delivery', NON_DELIVERY, [ANNA], ANNA, { [UGO]: 'not-delivered' }],
  ] as const) {
    test(`${what} is passed on byte for byte, and noted`, async () => {
      const source = await receipt(occurrence)
      assert.deepEqual(await receive(source, recipients), ACCEPTED)
      assert.deepEqual(leaving(a.outbox.released), [`deliver-other ${passedOn}`])
      const [dispatch] = a.outbox.released
      assert.equal(dispatch?.from, 'posta-certificata@pec-b.test')
      assert.equal(await textOf(dispatch.message), await textOf(source))
      assert.deepEqual(await states(), expected)
      const event = (await a.ledger.eventsOf(message.identifier)).at(-1)
      assert.deepEqual(
        [event?.type, event?.outcome, event?.provider, event?.sender, event?.at],
        ['receipt-reception', occurrence.kind, 'Gestore B S.p.A.', ANNA, after(5)],
      )
      assert.ok(event?.daticert !== undefined && event.signature !== undefined)
    })
  }

  test('ends the waiting for its recipient only', async () => {
    await receive(await receipt(DELIVERY))
    const open = await a.ledger.openRecipients(after(10), 10)
    assert.deepEqual(open.map(({ address }) => address).sort(), [BRUNO, CARA, EVA])
  })

  test('that comes again is not passed on again', async () => {
    const source = await receipt(DELIVERY)
    await receive(source)
    await receive(source)
    await receive(source, ['Anna@PEC-a.test', 'ANNA@pec-a.test'])
    await Promise.all([receive(source), receive(source)])
    assert.equal(a.outbox.released.length, 1)
    assert.equal((await a.ledger.eventsOf(message.identifier)).at(-1)?.outcome, 'delivery, duplicate')
  })

  test('that comes again with its signature in another encoding is not passed on again', async () => {
    const source = await receipt(DELIVERY)
    await receive(source)
    const text = await textOf(source)
    const [start, end] = [text.lastIndexOf('\r\n\r\nMI') + 4, text.lastIndexOf('\r\n--')]
    const { content } = onlyElement(Buffer.from(text.slice(start, end), 'base64'), TAG.sequence)
    const indefinite = Buffer.concat([Buffer.of(TAG.sequence, 0x80), content, Buffer.of(0, 0)]).toString('base64')
    const encoded = `${text.slice(0, start)}${indefinite.replace(/.{76}/g, '$&\r\n')}${text.slice(end)}`
    assert.deepEqual(await receive(fromBuffer(Buffer.from(encoded, 'latin1'))), ACCEPTED)
    assert.equal(a.outbox.released.length, 1)
    assert.equal((await a.ledger.eventsOf(message.identifier)).at(-1)?.outcome, 'delivery, duplicate')
  })

  test('that comes twice at once is passed on once', async () => {
    const source = await receipt(DELIVERY)
    assert.deepEqual(await Promise.all([receive(source), receive(source)]), [ACCEPTED, ACCEPTED])
    assert.equal(a.outbox.released.length, 1)
  })

  test('for several addresses goes to each once', async () => {
    const source = await receipt(DELIVERY)
    await receive(source, [ANNA, BRUNO])
    await receive(source, [BRUNO, 'nuova@pec-a.test'])
    assert.deepEqual(leaving(a.outbox.released), [
      `deliver-other ${ANNA}`,
      `deliver-other ${BRUNO}`,
      'deliver-other nuova@pec-a.test',
    ])
  })

  test('is told from another one for the same recipient, and both are passed on', async () => {
    await receive(await receipt(DELIVERY))
    await receive(await receipt(DELIVERY))
    assert.equal(a.outbox.released.length, 2)
    assert.deepEqual(await states(), { [UGO]: 'delivered' })
  })

  test('that comes after another outcome is passed on, and the first one counts', async () => {
    await receive(await receipt(NON_DELIVERY))
    await receive(await receipt(DELIVERY))
    assert.equal(a.outbox.released.length, 2)
    assert.deepEqual(await states(), { [UGO]: 'not-delivered' })
  })

  test("is the last word: our own notice of a peer's refusal comes too late", async () => {
    await receive(await receipt(DELIVERY))
    a.outbox.take()
    await openDeliveryPoint(a).refused({ kind: 'send-envelope', identifier: message.identifier }, UGO, ANNA, '550 no')
    assert.deepEqual(a.outbox.released, [])
  })

  test('and our own notice of a refusal at once leave one outcome, and one notice at the most', async () => {
    const source = await receipt(DELIVERY)
    const errand = { kind: 'send-envelope', identifier: message.identifier } as const
    await Promise.all([receive(source), openDeliveryPoint(a).refused(errand, UGO, ANNA, '550 no')])
    const { [UGO]: outcome } = await states()
    const own = a.outbox.released.length - 1
    assert.ok((outcome === 'delivered' && own === 0) || (outcome === 'not-delivered' && own === 1), `${outcome ?? ''}, ${own}`)
  })

  test('names its recipient in any case', async () => {
    await receive(await receipt({ ...DELIVERY, recipient: 'UGO@PEC-B.TEST' }))
    assert.deepEqual(await states(), { [UGO]: 'delivered' })
  })

  for (const [what, about] of [
    ['a message that we do not know', { identifier: 'altro@pec-a.test' }],
    ['an identifier of any length', { identifier: 'x'.repeat(2000) }],
  ] as const) {
    test(`about ${what} is passed on, and changes nothing`, async () => {
      assert.deepEqual(await receive(await receipt(DELIVERY, world.b, about)), ACCEPTED)
      assert.deepEqual(leaving(a.outbox.released), [`deliver-other ${ANNA}`])
      assert.deepEqual(await states(), {})
    })
  }

  test("about a message that is not our users' changes nothing", async () => {
    const b = await houseOf(world, world.b)
    await openAccessPoint(b).submit(submissionOf({ sender: UGO, to: [ANNA, CARA] }))
    const envelope = b.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
    assert.ok(envelope !== undefined)
    await receive(envelope.message, [ANNA])
    a.outbox.take()
    const theirs = await a.ledger.message(envelope.errand.identifier)
    assert.ok(theirs?.own === false)
    await receive(await receipt({ ...DELIVERY, recipient: CARA }, world.c, theirs), [ANNA])
    assert.deepEqual(leaving(a.outbox.released), [`deliver-other ${ANNA}`])
    assert.deepEqual(await a.ledger.message(theirs.identifier), theirs)
  })

  test('about a recipient of ordinary mail, or none of the message, changes nothing', async () => {
    const stranger = 'nessuno@pec-b.test'
    await receive(await receipt({ ...DELIVERY, recipient: stranger }))
    await receive(await receipt({ ...CHARGE, takenInCharge: [stranger] }))
    assert.deepEqual(await states(), {})
  })

  test('about a recipient who was ordinary when the message was accepted changes nothing', async () => {
    const managedDomains = new Set([...world.b.record.managedDomains, 'posta.test'])
    const index = indexRecords([world.a.record, { ...world.b.record, managedDomains }, world.c.record])
    assert.deepEqual(await receive(await receipt({ ...DELIVERY, recipient: MAX }), [ANNA], { ...a, index }), ACCEPTED)
    assert.deepEqual(await states(), {})
  })

  for (const [what, occurrence] of [
    ['take-charge', { ...CHARGE, takenInCharge: [UGO, CARA] }],
    ['delivery', { ...DELIVERY, recipient: CARA }],
    ['non-delivery', { ...NON_DELIVERY, recipient: CARA }],
    ['virus-detection', { ...VIRUS, recipient: CARA }],
  ] as const) {
    test(`of ${what} for a recipient of a third provider is an anomaly, and changes nothing`, async () => {
      assert.deepEqual(await receive(await receipt(occurrence)), { accepted: true, as: 'incorrect' })
      assert.deepEqual(leaving(a.outbox.released), [`deliver-anomaly ${ANNA}`])
      assert.deepEqual(await states(), {})
    })
  }

  for (const occurrence of [{ kind: 'acceptance' }, { kind: 'time-limit', recipient: UGO, hours: 24 }] as const) {
    test(`of ${occurrence.kind} for our own message is an anomaly: nobody but we can give it`, async () => {
      assert.deepEqual(await receive(await receipt(occurrence)), { accepted: true, as: 'incorrect' })
      assert.deepEqual(await states(), {})
    })
  }

  test('with one byte changed is ordinary mail, and changes nothing', async () => {
    const text = await textOf(await receipt(DELIVERY))
    const forged = fromBuffer(Buffer.from(text.replace('avvenuta consegna', 'avvenuta_consegna'), 'latin1'))
    assert.deepEqual(await receive(forged), { accepted: true, as: 'ordinary' })
    assert.deepEqual(await states(), {})
  })

  test('fails while the ledger is away, and comes again', async () => {
    const source = await receipt(DELIVERY)
    const { ledger } = a
    const commit = ledger.commit.bind(ledger)
    ledger.commit = () => Promise.reject(LEDGER_AWAY)
    await assert.rejects(receive(source), { code: 'ledger', temporary: true })
    ledger.commit = commit
    await receive(source)
    assert.equal(a.outbox.released.length, 1)
  })
})

describe('what providers tell each other', () => {
  for (const occurrence of [CHARGE, VIRUS]) {
    test(`in a ${occurrence.kind} receipt is for our receipts mailbox, whomever it was sent to`, async () => {
      await receive(await receipt(occurrence), [ANNA, RECEIPTS, BRUNO])
      const [first, ...others] = leaving(a.outbox.released)
      assert.equal(first, `deliver-other ${RECEIPTS}`)
      assert.ok(!others.some((line) => line.includes(RECEIPTS) || line.includes(BRUNO)))
    })
  }
})

describe('a virus detection notice', () => {
  test('becomes a non-delivery notice for a virus to our user', async () => {
    assert.deepEqual(await receive(await receipt(VIRUS), [RECEIPTS]), ACCEPTED)
    assert.deepEqual(leaving(a.outbox.released), [`deliver-other ${RECEIPTS}`, `deliver-other ${ANNA}`])
    const notice = a.outbox.released[1]
    assert.ok(notice !== undefined)
    assert.equal(notice.from, 'posta-certificata@pec-a.test')
    const data = await receiptIn(notice.message, world)
    assert.deepEqual(
      [data.kind, data.error, data.errorDetail, data.delivery, data.provider, data.identifier],
      ['non-delivery', 'virus', 'Eicar-Test', UGO, 'Gestore A S.p.A.', message.identifier],
    )
    const text = await textOf(notice.message)
    assert.match(text, /^Subject: AVVISO DI MANCATA CONSEGNA PER VIRUS: Offerta\r\n/m)
    assert.match(text, /^X-VerificaSicurezza: errore\r\n/m)
    assert.deepEqual(await states(), { [UGO]: 'virus' })
    const event = (await a.ledger.eventsOf(message.identifier)).at(-1)
    assert.deepEqual([event?.type, event?.outcome, event?.recipients], ['non-delivery', 'virus: Eicar-Test', [UGO]])
  })

  test('that comes again, in the same or another form, gives no second notice', async () => {
    const source = await receipt(VIRUS)
    await Promise.all([receive(source, [RECEIPTS]), receive(source, [RECEIPTS])])
    await receive(await receipt(VIRUS), [RECEIPTS])
    assert.equal(leaving(a.outbox.released).filter((line) => line === `deliver-other ${ANNA}`).length, 1)
  })

  test('gives each recipient a notice of his own', async () => {
    await receive(await receipt(VIRUS), [RECEIPTS])
    await receive(await receipt({ ...VIRUS, recipient: EVA }), [RECEIPTS])
    const notices = a.outbox.released.filter(({ to }) => to[0] === ANNA)
    const about = await Promise.all(notices.map(async (notice) => (await receiptIn(notice.message, world)).delivery))
    assert.deepEqual(about, [UGO, EVA])
  })

  test('after an outcome gives no other one', async () => {
    await receive(await receipt(DELIVERY))
    a.outbox.take()
    await receive(await receipt(VIRUS), [RECEIPTS])
    assert.deepEqual(leaving(a.outbox.released), [`deliver-other ${RECEIPTS}`])
    assert.deepEqual(await states(), { [UGO]: 'delivered' })
  })

  test('from older software, with its recipient where receipts of take-charge have theirs, counts too', async () => {
    const older = await receipt({ ...CHARGE, takenInCharge: [UGO, EVA] })
    const judgement = await judged(older, world)
    assert.ok(judgement.verdict === 'receipt')
    const data = { ...judgement.data, kind: 'virus-detection' as const, errorDetail: undefined }
    const incoming = { sender: '', recipients: [RECEIPTS], message: older, host: '' }
    const step = await receiptStep({ ...judgement, kind: 'virus-detection', data }, incoming, momentOf(after(5)), a)
    assert.deepEqual(
      step.outcomes?.map(({ recipient, outcome }) => `${recipient} ${outcome}`),
      [`${UGO} virus`, `${EVA} virus`],
    )
    assert.equal(step.dispatches.length, 3)
  })

  test('with a text of any length does not make notices of any length', async () => {
    await receive(await receipt({ ...VIRUS, errorDetail: 'x'.repeat(60_000) }), [RECEIPTS])
    assert.ok((a.outbox.released[1]?.message.size ?? Infinity) < 10_000)
  })
})
