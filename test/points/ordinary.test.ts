import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { readHead } from '../../src/pec/head.js'
import { firstValue } from '../../src/mail/header.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'
import { openAccessPoint } from '../../src/points/access.js'
import type { Dispatch, Mailbox, OrdinaryMailPolicy } from '../../src/points/ports.js'
import { openReceptionPoint, type Incoming, type ReceptionOutcome } from '../../src/points/reception.js'
import { altered, crlf, houseOf, makeWorld, type TestHouse, type World } from './house.js'
import { LIA, submissionOf, UGO } from './submissions.js'

const EVA = 'eva@pec-b.test'
const NOBODY = 'nessuno@pec-b.test'
const FROM = 'mario@posta.test'
const ELSEWHERE = 'ugo@casa.test'
const MAIL = crlf(`From: ${FROM}\nTo: ${UGO}\nSubject: saluti\nX-Spam-Level: low\n\n.punto\ncaff\u00e8\n`)
const UNKNOWN = '5.1.1 Unknown mailbox'
const BY_POLICY = '5.7.1 Only certified mail is accepted here: the message is not signed: no signature'

let world: World
let b: TestHouse
/** Of mailboxes. */
let policies: Map<string, OrdinaryMailPolicy>
let closed: Set<string>

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  policies = new Map()
  closed = new Set()
  const house = await houseOf(world, world.b, { mailboxes: [UGO, EVA, LIA] })
  const { directory } = house
  const inState = (mailbox: Mailbox): Mailbox => (closed.has(mailbox.address) ? { ...mailbox, state: 'closed' } : mailbox)
  b = {
    ...house,
    directory: {
      ...directory,
      mailbox: async (address) => {
        const mailbox = await directory.mailbox(address)
        return mailbox && inState(mailbox)
      },
      ordinaryMail: (address) => Promise.resolve(policies.get(address)),
    },
  }
})

function receive(recipients: readonly string[], parts: Partial<Incoming> = {}, house = b): Promise<ReceptionOutcome> {
  const mail = { sender: FROM, recipients, message: fromBuffer(MAIL), host: 'mx.posta.test [192.0.2.9]' }
  return openReceptionPoint(house).receive({ ...mail, ...parts })
}

const TAKEN: ReceptionOutcome = { accepted: true, as: 'ordinary' }
const leaving = (): readonly string[] =>
  b.outbox.released.map(({ errand, from, to }) => `${errand.kind} <${from}> ${to.join(' ')}`)
const register = async (): Promise<readonly string[]> =>
  (await b.ledger.eventsOf('')).map(({ type, outcome, recipients }) => `${type} ${recipients.join(' ')}: ${outcome}`)
const WRAPPED = 'the message is not signed: no signature'

describe('ordinary mail', () => {
  test('goes by the policy of its mailbox before the default, whichever that is', async () => {
    policies.set(UGO, 'reject')
    assert.deepEqual(await receive([UGO]), { accepted: false, reason: BY_POLICY })
    policies.set(UGO, 'accept')
    assert.deepEqual(await receive([UGO], {}, { ...b, ordinaryMail: 'reject' }), TAKEN)
    assert.deepEqual(await receive([EVA], {}, { ...b, ordinaryMail: 'reject' }), { accepted: false, reason: BY_POLICY })
    assert.deepEqual(leaving(), [`deliver-anomaly <${FROM}> ${UGO}`])
  })

  test('that nobody takes is refused at once, and leaves no trace', async () => {
    policies.set(UGO, 'reject').set(EVA, 'reject')
    closed.add(LIA)
    for (const [recipients, reason] of [
      [[UGO, EVA], BY_POLICY],
      [[NOBODY, UGO, LIA], BY_POLICY],
      [[NOBODY], UNKNOWN],
      [[LIA], '5.2.1 Mailbox disabled'],
    ] as const) {
      assert.deepEqual(await receive(recipients), { accepted: false, reason })
    }
    assert.deepEqual(b.outbox.batches, [])
    assert.deepEqual(await register(), [])
    assert.deepEqual(b.antivirus.scanned, [])
  })

  test('that some take and some refuse is taken, and reported to its sender for those who refuse', async () => {
    policies.set(EVA, 'reject')
    assert.deepEqual(await receive([UGO, EVA, NOBODY]), TAKEN)
    assert.deepEqual(leaving(), [`deliver-anomaly <${FROM}> ${UGO}`, `refuse <${FROM}> ${EVA}`, `refuse <${FROM}> ${NOBODY}`])
    const replies = b.outbox.released.map(({ errand }) => (errand.kind === 'refuse' ? errand.reply : ''))
    assert.deepEqual(replies, ['', BY_POLICY, UNKNOWN])
    assert.deepEqual(await register(), [
      `anomaly ${UGO}: ${WRAPPED}`,
      `refusal ${EVA}: ${BY_POLICY}`,
      `refusal ${NOBODY}: ${UNKNOWN}`,
    ])
  })

  test('without a reverse path is reported to nobody', async () => {
    policies.set(EVA, 'reject')
    assert.deepEqual(await receive([UGO, EVA], { sender: '' }), TAKEN)
    assert.deepEqual(leaving(), [`deliver-anomaly <> ${UGO}`])
    assert.deepEqual(await register(), [`anomaly ${UGO}: ${WRAPPED}`, `refusal ${EVA}: ${BY_POLICY}`])
  })

  test('goes on elsewhere byte for byte and with its reverse path, once to each address', async () => {
    policies.set(UGO, { forward: ELSEWHERE }).set(EVA, { forward: ELSEWHERE }).set(LIA, { forward: 'lia@casa.test' })
    assert.deepEqual(await receive([UGO, EVA, LIA]), TAKEN)
    assert.deepEqual(leaving(), [`forward <${FROM}> ${ELSEWHERE}`, `forward <${FROM}> lia@casa.test`])
    for (const { message } of b.outbox.released) assert.deepEqual(await readAll(message), MAIL)
    assert.deepEqual(await register(), [
      `forward ${UGO} ${EVA}: forwarded to ${ELSEWHERE}`,
      `forward ${LIA}: forwarded to lia@casa.test`,
    ])
    assert.deepEqual(b.antivirus.scanned, [MAIL])
  })

  test('does not go on with a virus', async () => {
    policies.set(UGO, { forward: ELSEWHERE })
    b.antivirus.virus = 'punto'
    assert.ok(!(await receive([UGO])).accepted)
    assert.deepEqual(leaving(), [])
  })

  test('does not go on to ourselves or to another provider, from where it might come back', async () => {
    for (const forward of ['altro@comune.test', 'x@pec-a.test', 'x@PEC-C.test']) {
      policies.set(UGO, { forward })
      assert.deepEqual(await receive([UGO]), TAKEN)
    }
    assert.deepEqual(leaving(), Array(3).fill(`deliver-anomaly <${FROM}> ${UGO}`))
  })

  test('does not leave before the ledger has it', async () => {
    policies.set(UGO, { forward: ELSEWHERE })
    const commit = b.ledger.commit.bind(b.ledger)
    b.ledger.commit = () => Promise.reject(new Error('away'))
    await assert.rejects(receive([UGO]))
    assert.deepEqual(leaving(), [])
    b.ledger.commit = commit
  })
})

/** An envelope of provider A's. */
async function envelope(): Promise<Dispatch> {
  const a = await houseOf(world, world.a)
  await openAccessPoint(a).submit(submissionOf({ to: [UGO] }))
  const dispatch = a.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
  assert.ok(dispatch !== undefined)
  return dispatch
}

describe('the policy on ordinary mail', () => {
  for (const policy of ['reject', { forward: ELSEWHERE }] as const) {
    const words = typeof policy === 'string' ? policy : 'forward'
    test(`does not touch what a provider signed, right or not: ${words}`, async () => {
      policies.set(UGO, policy)
      const { from, message } = await envelope()
      assert.deepEqual(await receive([UGO], { sender: from, message }), { accepted: true, as: 'envelope' })
      assert.ok(leaving().includes(`deliver-envelope <${from}> ${UGO}`))
      b.outbox.take()
      // The signature holds, but what stands outside of it does not agree.
      const incorrect = await altered(message, 'X-Trasporto: posta-certificata', 'X-Trasporto: posta-certificatx')
      assert.deepEqual(await receive([UGO], { sender: from, message: incorrect }), { accepted: true, as: 'incorrect' })
      assert.deepEqual(leaving(), [`deliver-anomaly <${from}> ${UGO}`])
    })
  }
})

describe('a rating as spam', () => {
  const rated = (level: 'low' | 'medium' | 'high' | undefined) => ({ rateSpam: () => Promise.resolve(level) })

  for (const level of ['low', 'medium', 'high'] as const) {
    test(`of ${level} stands in the anomaly envelope and in the register`, async () => {
      assert.deepEqual(await receive([UGO], rated(level)), TAKEN)
      const [anomaly] = b.outbox.released
      assert.ok(anomaly !== undefined)
      assert.equal(firstValue((await readHead(anomaly.message)).header, 'X-Spam-Level'), level)
      assert.deepEqual(await register(), [`anomaly ${UGO}: ${WRAPPED}; spam: ${level}`])
    })
  }

  test('that nobody gave leaves no field, though the message has one of its own', async () => {
    for (const parts of [{}, rated(undefined)]) {
      assert.deepEqual(await receive([UGO], parts), TAKEN)
      const [anomaly] = b.outbox.take()
      assert.ok(anomaly !== undefined)
      assert.equal(firstValue((await readHead(anomaly.message)).header, 'X-Spam-Level'), undefined)
    }
  })

  test('of mail that goes on elsewhere is in the register only', async () => {
    policies.set(UGO, { forward: ELSEWHERE })
    await receive([UGO], rated('high'))
    assert.deepEqual(await readAll((b.outbox.released[0] as Dispatch).message), MAIL)
    assert.deepEqual(await register(), [`forward ${UGO}: forwarded to ${ELSEWHERE}; spam: high`])
  })

  test('is not asked for what a provider signed, nor for what is refused', async () => {
    let asked = 0
    const rateSpam = () => {
      asked++
      return Promise.resolve(undefined)
    }
    const { from, message } = await envelope()
    await receive([UGO], { sender: from, message, rateSpam })
    const incorrect = await altered(message, 'X-Trasporto: posta-certificata', 'X-Trasporto: posta-certificatx')
    await receive([UGO], { sender: from, message: incorrect, rateSpam })
    policies.set(UGO, 'reject')
    await receive([UGO], { rateSpam })
    assert.equal(asked, 0)
    policies.clear()
    await receive([UGO], { rateSpam })
    assert.equal(asked, 1)
  })
})
