// What mailboxes have beside their mail (O8): copies for their archives, and notices of arrival.
import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { PecError } from '../../src/errors.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'
import { openAccessPoint } from '../../src/points/access.js'
import { openDeliveryPoint, type DeliveryPoint } from '../../src/points/delivery.js'
import type { Dispatch, Errand, Mailbox } from '../../src/points/ports.js'
import { openReceptionPoint } from '../../src/points/reception.js'
import { after, crlf, houseOf, LEDGER_AWAY, makeWorld, NOON, textOf, type TestHouse, type World } from './house.js'
import { ANNA, submissionOf, UGO } from './submissions.js'

const EVA = 'eva@pec-b.test'
const HOME = 'ugo@casa.test'

let world: World
let a: TestHouse
let b: TestHouse
let delivery: DeliveryPoint
/** What each mailbox has, by its address. */
let options: Record<string, Pick<Mailbox, 'archive' | 'arrivalNotice' | 'unreadableOptions'>>
/** Whether the directory answers. */
let isAway: boolean

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  options = {}
  isAway = false
  a = withOptions(await houseOf(world, world.a, { mailboxes: [ANNA] }))
  b = withOptions(await houseOf(world, world.b, { mailboxes: [UGO, EVA] }))
  b.now = after(1)
  delivery = openDeliveryPoint(b)
})

function withOptions(house: TestHouse): TestHouse {
  const { directory } = house
  const mailbox = async (address: string): Promise<Mailbox | undefined> => {
    if (isAway) throw new PecError('directory', 'no LDAP server answers', { temporary: true })
    const found = await directory.mailbox(address)
    return found && { ...found, ...options[found.address] }
  }
  return Object.assign(house, { directory: { ...directory, mailbox } })
}

const kinds = (dispatches: readonly Dispatch[]): readonly string[] =>
  dispatches.map(({ errand, to }) => `${errand.kind} ${to.join(' ')}`)

/** Anna's message, taken in charge by provider B: what it sends to a mailbox of its own. */
async function arrive(
  recipient: string,
): Promise<Dispatch & { readonly errand: Errand & { readonly kind: 'deliver-envelope' } }> {
  await openAccessPoint(a).submit(submissionOf({ to: [UGO, EVA], subject: 'Offerta riservata' }))
  const { from, to, message } = a.outbox.take().find(({ errand }) => errand.kind === 'send-envelope') ?? assert.fail()
  await openReceptionPoint(b).receive({ sender: from, recipients: to, message, host: 'mx.pec-a.test' })
  for (const dispatch of b.outbox.take()) {
    const { errand } = dispatch
    if (errand.kind === 'deliver-envelope' && errand.recipient === recipient) return { ...dispatch, errand }
  }
  return assert.fail()
}

describe('a copy for an archive', () => {
  test('of what a mailbox sends is the envelope, with its acceptance', async () => {
    options[ANNA] = { archive: 'files' }
    await openAccessPoint(a).submit(submissionOf())
    const leaving = a.outbox.take()
    assert.deepEqual(kinds(leaving), [`deliver-other ${ANNA}`, `send-envelope ${UGO}`, `archive ${ANNA}`])
    const [, envelope, copy] = leaving
    assert.deepEqual(copy?.errand, { kind: 'archive', identifier: envelope?.errand.identifier, at: NOON.toISOString() })
    assert.equal(copy.message, envelope?.message)
    options[ANNA] = {}
    await openAccessPoint(a).submit(submissionOf())
    assert.deepEqual(kinds(a.outbox.take()), [`deliver-other ${ANNA}`, `send-envelope ${UGO}`])
  })

  test('of what is not accepted is that of its notice alone', async () => {
    options[ANNA] = { archive: 'files' }
    await openAccessPoint(a).submit(submissionOf({ recipients: ['altro@pec-b.test'] }))
    assert.deepEqual(kinds(a.outbox.take()), [`deliver-other ${ANNA}`])
  })

  test('of an envelope is made with its delivery receipt, once', async () => {
    options[UGO] = { archive: 'files' }
    const { errand, message } = await arrive(UGO)
    assert.deepEqual(kinds(b.outbox.take()), [])
    await delivery.delivered(errand, message)
    await delivery.delivered(errand, message)
    const leaving = b.outbox.take()
    assert.deepEqual(kinds(leaving), [`send-receipt ${ANNA}`, `archive ${UGO}`])
    assert.deepEqual(await readAll(leaving[1]?.message ?? assert.fail()), await readAll(message))
  })

  test('goes to another mailbox of the store, where one is named, and to nobody else', async () => {
    options[UGO] = { archive: { mailbox: EVA } }
    options[EVA] = { archive: 'files', arrivalNotice: { to: HOME, details: true } }
    const { errand, message } = await arrive(UGO)
    await delivery.delivered(errand, message)
    const leaving = b.outbox.take()
    assert.deepEqual(kinds(leaving), [`send-receipt ${ANNA}`, `deliver-copy ${EVA}`])
    // A copy that is in its mailbox is not copied, and nobody is told of it.
    const copy = leaving[1]?.errand ?? assert.fail()
    await delivery.passedOn(copy, [EVA], ANNA, '250 ok')
    assert.deepEqual(b.outbox.take(), [])
  })

  test('is made of receipts and anomaly envelopes, too', async () => {
    options[UGO] = { archive: 'files' }
    const receipt = fromBuffer(crlf('Subject: CONSEGNA: x\n\nx\n'))
    for (const kind of ['deliver-other', 'deliver-anomaly'] as const) {
      await delivery.stored({ kind, identifier: 'id' }, receipt, UGO, ANNA, '250 ok')
      const [copy, ...others] = b.outbox.take()
      assert.deepEqual([copy?.errand.kind, copy?.message, others], ['archive', receipt, []])
    }
  })

  test('waits for the ledger as the receipt does: neither goes without the other', async () => {
    options[UGO] = { archive: 'files' }
    const { errand, message } = await arrive(UGO)
    const { ledger } = b
    const commit = ledger.commit.bind(ledger)
    ledger.commit = () => Promise.reject(LEDGER_AWAY)
    await assert.rejects(delivery.delivered(errand, message), { code: 'ledger' })
    assert.deepEqual(b.outbox.take(), [])
    ledger.commit = commit
    await delivery.delivered(errand, message)
    assert.deepEqual(kinds(b.outbox.take()), [`send-receipt ${ANNA}`, `archive ${UGO}`])
  })

  test('that is given up is in the register, and changes nothing of the message', async () => {
    options[UGO] = { archive: { mailbox: 'copie@pec-b.test' } }
    const { errand, message } = await arrive(UGO)
    await delivery.delivered(errand, message)
    const copy = b.outbox.take()[1]?.errand ?? assert.fail()
    await delivery.refused(copy, 'copie@pec-b.test', ANNA, '552 5.2.2 full')
    await delivery.gaveUp(copy, 'copie@pec-b.test', ANNA, 'Too many failures')
    assert.deepEqual(b.outbox.take(), [])
    const rows = (await b.ledger.eventsOf(errand.identifier)).slice(-2)
    assert.deepEqual(
      rows.map(({ type, recipients, outcome }) => [type, recipients, outcome]),
      [
        ['option-failure', ['copie@pec-b.test'], '552 5.2.2 full'],
        ['option-failure', ['copie@pec-b.test'], 'Too many failures'],
      ],
    )
    const state = (await b.ledger.message(errand.identifier))?.recipients.find(({ address }) => address === UGO)
    assert.equal(state?.outcome, 'delivered')
  })
})

describe('a notice of arrival', () => {
  const noticed = async (details: boolean): Promise<Dispatch> => {
    options[UGO] = { arrivalNotice: { to: HOME, details } }
    const { errand, message } = await arrive(UGO)
    await delivery.delivered(errand, message)
    await delivery.delivered(errand, message)
    const [receipt, notice, ...others] = b.outbox.take()
    assert.equal(receipt?.errand.kind, 'send-receipt')
    assert.deepEqual(others, [])
    return notice ?? assert.fail()
  }

  test('is an ordinary e-mail without a reverse path, once for each message', async () => {
    const { from, to, errand, message } = await noticed(false)
    assert.deepEqual([from, to, errand.kind], ['', [HOME], 'notify'])
    const text = await textOf(message)
    for (const line of [
      'From: avvisi@pec-b.test',
      `To: ${HOME}`,
      `Subject: Nuovo messaggio nella casella ${UGO}`,
      'Auto-Submitted: auto-generated',
      'Date: Mon, 02 Mar 2026 13:01:00 +0100',
      'Il giorno 02/03/2026 alle ore 13:01:00 (+0100) =E8 arrivato un messaggio',
    ])
      assert.ok(text.includes(`${line}\r\n`), `${line}\n${text}`)
    assert.doesNotMatch(text, /X-Ricevuta|X-Trasporto|smime|riservata|anna@/i)
  })

  test('tells sender and subject where the mailbox wants it', async () => {
    const text = await textOf((await noticed(true)).message)
    assert.match(text, /^Mittente: anna@pec-a\.test\r\nOggetto: Offerta riservata\r$/m)
  })

  /** Ordinary mail in its anomaly envelope, on its way to Ugo. */
  const anomalyOf = async (fields: string, sender = 'x@mail.test'): Promise<Dispatch> => {
    const message = fromBuffer(crlf(`From: x@mail.test\nTo: ${UGO}\nSubject: ciao bello\n${fields}\nx\n`))
    await openReceptionPoint(b).receive({ sender, recipients: [UGO], message, host: 'mx.mail.test' })
    return b.outbox.take().find(({ errand }) => errand.kind === 'deliver-anomaly') ?? assert.fail()
  }
  const deliver = ({ message, from }: Dispatch): Promise<void> =>
    delivery.stored({ kind: 'deliver-anomaly', identifier: '' }, message, UGO, from, '250 ok')

  test('is sent of anomaly envelopes, not of receipts nor of copies', async () => {
    options[UGO] = { arrivalNotice: { to: HOME, details: true } }
    const anomaly = await anomalyOf('')
    await deliver(anomaly)
    const [notice = assert.fail()] = b.outbox.take()
    assert.match(await textOf(notice.message), /^Mittente: x@mail\.test\r\nOggetto: ANOMALIA MESSAGGIO: ciao bello\r$/m)
    await delivery.stored({ kind: 'deliver-other', identifier: 'id' }, anomaly.message, UGO, ANNA, '250 ok')
    assert.deepEqual(b.outbox.take(), [])
  })

  test('is not sent of what programs write: a notice that comes back gives rise to no other', async () => {
    options[UGO] = { arrivalNotice: { to: HOME, details: true } }
    for (const [anomaly, expected] of [
      [await anomalyOf('Auto-Submitted: auto-generated\n'), []],
      [await anomalyOf('auto-submitted: Auto-Replied; x=y\n'), []],
      [await anomalyOf('', ''), []],
      [await anomalyOf('Auto-Submitted: no\n'), [`notify ${HOME}`]],
    ] as const) {
      await deliver(anomaly)
      assert.deepEqual(kinds(b.outbox.take()), expected)
    }
    // What cannot be read is delivered, with no notice.
    const vast = fromBuffer(Buffer.alloc(1024 * 1024 + 1, 'x'))
    await delivery.stored({ kind: 'deliver-anomaly', identifier: '' }, vast, UGO, 'x@mail.test', '250 ok')
    assert.deepEqual(b.outbox.take(), [])
    // Ugo's other mailbox sends on what it gets, with a sender of its own.
    await deliver(await anomalyOf(''))
    const [{ message } = assert.fail()] = b.outbox.take()
    await openReceptionPoint(b).receive({ sender: HOME, recipients: [UGO], message, host: 'mx.casa.test' })
    const back = b.outbox.take().find(({ errand }) => errand.kind === 'deliver-anomaly') ?? assert.fail()
    await deliver(back)
    assert.deepEqual(b.outbox.take(), [])
  })

  test('never goes to certified mail, wherever that is', async () => {
    for (const to of [EVA, 'x@comune.test', ANNA, 'x@PEC-A.test']) {
      options[UGO] = { arrivalNotice: { to, details: false } }
      const { errand, message } = await arrive(UGO)
      await delivery.delivered(errand, message)
      assert.deepEqual(kinds(b.outbox.take()), [`send-receipt ${ANNA}`], to)
    }
  })

  test('is left out where there were too many of late', async () => {
    let left = 1
    delivery = openDeliveryPoint({ ...b, notices: { ...b.notices, mayGo: () => left-- > 0 } })
    options[UGO] = { arrivalNotice: { to: HOME, details: false } }
    for (const expected of [[`send-receipt ${ANNA}`, `notify ${HOME}`], [`send-receipt ${ANNA}`]]) {
      const { errand, message } = await arrive(UGO)
      await delivery.delivered(errand, message)
      assert.deepEqual(kinds(b.outbox.take()), expected)
    }
  })

  test('that an ordinary host takes or refuses is in the register, and gives rise to nothing', async () => {
    const { errand } = await noticed(false)
    await delivery.passedOn(errand, [HOME], '', '250 ok')
    await delivery.refused(errand, HOME, '', '550 no')
    assert.deepEqual(b.outbox.take(), [])
    const rows = (await b.ledger.eventsOf(errand.identifier)).slice(-2)
    assert.deepEqual(
      rows.map(({ type, outcome }) => [type, outcome]),
      [
        ['arrival-notice', '250 ok'],
        ['option-failure', '550 no'],
      ],
    )
  })
})

describe('options that nobody can tell', () => {
  const unreadable = { unreadableOptions: 'the LDAP entry cn=ugo: pecArchive is none of files, mailbox:ADDRESS' }

  /** What waits for the options of a mailbox. */
  function owed(dispatches: readonly Dispatch[]): Dispatch & { readonly errand: Errand & { readonly kind: 'options' } } {
    for (const dispatch of dispatches) {
      const { errand } = dispatch
      if (errand.kind === 'options') return { ...dispatch, errand }
    }
    return assert.fail(kinds(dispatches).join(', '))
  }

  const settle = ({ errand, message, from, to: [mailbox = ''] }: ReturnType<typeof owed>): Promise<void> =>
    delivery.optionsOwed(errand, message, mailbox, from)

  for (const [what, begin, end] of [
    ['while the directory is away', () => (isAway = true), () => (isAway = false)],
    ['of an entry that is wrong', () => (options[UGO] = unreadable), () => undefined],
  ] as const)
    test(`hold back no delivery receipt, ${what}, and are done later`, async () => {
      const { errand, message } = await arrive(UGO)
      begin()
      await delivery.delivered(errand, message)
      const leaving = b.outbox.take()
      assert.deepEqual(kinds(leaving), [`send-receipt ${ANNA}`, `options ${UGO}`])
      await assert.rejects(settle(owed(leaving)), { code: 'directory', temporary: true })
      assert.deepEqual(b.outbox.take(), [])
      end()
      options[UGO] = { archive: 'files', arrivalNotice: { to: HOME, details: true } }
      b.now = after(90)
      await settle(owed(leaving))
      const [copy, notice, ...others] = b.outbox.take()
      assert.deepEqual(copy?.errand, { kind: 'archive', identifier: errand.identifier, at: after(1).toISOString() })
      assert.deepEqual([await readAll(copy.message), copy.from], [await readAll(message), ANNA])
      assert.deepEqual([notice?.to, others], [[HOME], []])
      assert.match(await textOf(notice?.message ?? assert.fail()), /ore 13:01:00[^]*Oggetto: Offerta riservata/)
    })

  test('hold back no acceptance', async () => {
    options[ANNA] = unreadable
    await openAccessPoint(a).submit(submissionOf())
    const leaving = a.outbox.take()
    assert.deepEqual(kinds(leaving), [`deliver-other ${ANNA}`, `send-envelope ${UGO}`, `options ${ANNA}`])
    assert.equal(owed(leaving).errand.as, 'other')
  })

  test('are asked for again for receipts and anomaly envelopes, too', async () => {
    const receipt = fromBuffer(crlf('Subject: CONSEGNA: x\n\nx\n'))
    for (const kind of ['deliver-other', 'deliver-anomaly'] as const) {
      isAway = true
      await delivery.stored({ kind, identifier: 'id' }, receipt, UGO, ANNA, '250 ok')
      const leaving = b.outbox.take()
      assert.equal(owed(leaving).errand.as, kind === 'deliver-other' ? 'other' : 'anomaly')
      isAway = false
      options[UGO] = { archive: 'files' }
      await settle(owed(leaving))
      assert.deepEqual(kinds(b.outbox.take()), [`archive ${UGO}`])
    }
  })

  test('add nothing where there are none in the end, and are in the register where nobody could tell', async () => {
    isAway = true
    await delivery.stored({ kind: 'deliver-other', identifier: 'id' }, fromBuffer(crlf('x\n')), UGO, ANNA, '250 ok')
    const waiting = owed(b.outbox.take())
    isAway = false
    await settle(waiting)
    assert.deepEqual(b.outbox.take(), [])
    await delivery.gaveUp(waiting.errand, UGO, ANNA, '450 no LDAP server answers')
    const row = (await b.ledger.eventsOf('id')).at(-1)
    assert.deepEqual([row?.type, row?.outcome], ['option-failure', '450 no LDAP server answers'])
  })
})
