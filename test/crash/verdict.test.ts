import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Attempt } from '../../src/crash/clients.js'
import type { Evidence, LedgerEvent, Letter } from '../../src/crash/evidence.js'
import { judge, type Verdict } from '../../src/crash/verdict.js'

const ANNA = 'anna@pec-a.test'
const UGO = 'ugo@pec-a.test'
const NOBODY = 'nobody@pec-a.test'

const eventOf = (type: string, recipients: readonly string[], messageId = `${type}-${recipients.join()}`): LedgerEvent => ({
  ...{ type, identifier: 'i1', messageId, recipients },
})
const letterOf = (mailbox: string, messageId: string, kind: string | undefined = 'x'): Letter => ({
  ...{ mailbox, messageId, kind, intact: true },
})

/** One message to Ugo, who has a mailbox, and to somebody who has none; all that is owed for it is there. */
const whole: Evidence = {
  attempts: [{ id: '<m1>', from: ANNA, to: [UGO, NOBODY], lines: 1, answer: 'accepted' }],
  events: [
    eventOf('acceptance', [UGO, NOBODY], 'acceptance'),
    eventOf('transport', [UGO, NOBODY], 'transport'),
    eventOf('take-charge', [UGO, NOBODY], 'take-charge'),
    eventOf('mailbox-delivery', [UGO], ''),
    eventOf('delivery', [UGO], 'delivery'),
    eventOf('non-delivery', [NOBODY], 'non-delivery'),
  ],
  messages: [
    {
      identifier: 'i1',
      clientMessageId: '<m1>',
      outcomes: new Map([
        [UGO, 'delivered'],
        [NOBODY, 'not-delivered'],
      ]),
    },
  ],
  letters: [letterOf(ANNA, 'acceptance'), letterOf(UGO, 'transport'), letterOf(ANNA, 'delivery'), letterOf(ANNA, 'non-delivery')],
  queued: [],
  commitsMayBeUncertain: false,
}

const clean: Verdict = {
  ...{ lost: [], duplicateReceipts: [], uncertifiedSent: [], leftover: [], duplicateDeliveries: 0, recordedTwice: 0, unheard: 0 },
}
const verdictOn = (changes: Partial<Evidence>): Verdict => judge({ ...whole, ...changes }, (address) => address !== NOBODY)
const answered = (answer: Attempt['answer']): Evidence['attempts'] => whole.attempts.map((attempt) => ({ ...attempt, answer }))
const nothing = { events: [], messages: [], letters: [] }

describe('the verdict', () => {
  test('finds nothing wrong where all is there', () => {
    assert.deepEqual(verdictOn({}), clean)
  })

  test('misses an accepted message that is in no ledger', () => {
    assert.deepEqual(verdictOn(nothing), { ...clean, lost: ['<m1> is in no ledger'] })
  })

  test('allows nothing to be there for a message without an answer, or all; not half of it', () => {
    assert.deepEqual(verdictOn({ ...nothing, attempts: answered('silence') }), clean)
    assert.deepEqual(verdictOn({ attempts: answered('silence') }), { ...clean, unheard: 1 })
    assert.equal(verdictOn({ attempts: answered('silence'), letters: whole.letters.slice(1) }).lost.length, 1)
  })

  test('allows nothing to be there for a message that was refused', () => {
    assert.deepEqual(verdictOn({ ...nothing, attempts: answered('refused') }), clean)
    assert.equal(verdictOn({ attempts: answered('refused') }).uncertifiedSent.length, 1)
  })

  test('allows it for one that was to be tried again only where a server may have died with the answer', () => {
    const attempts = answered('deferred')
    assert.equal(verdictOn({ attempts }).uncertifiedSent.length, 1)
    assert.deepEqual(verdictOn({ attempts, commitsMayBeUncertain: true }), { ...clean, unheard: 1 })
    assert.deepEqual(verdictOn({ ...nothing, attempts }), clean)
    assert.equal(verdictOn({ attempts: answered('refused'), commitsMayBeUncertain: true }).uncertifiedSent.length, 1)
  })

  for (const [at, { messageId }] of whole.letters.entries()) {
    test(`misses the ${messageId} that is in no mailbox`, () => {
      assert.equal(verdictOn({ letters: whole.letters.toSpliced(at, 1) }).lost.length, 1)
    })
  }

  for (const type of ['acceptance', 'take-charge', 'delivery', 'non-delivery']) {
    test(`misses the ${type} that was never issued`, () => {
      const verdict = verdictOn({ events: whole.events.filter((event) => event.type !== type) })
      assert.notEqual(verdict.lost.length, 0)
    })

    test(`finds the ${type} that was issued twice`, () => {
      const again = whole.events.filter((event) => event.type === type).map((event) => ({ ...event, messageId: 'other' }))
      assert.notEqual(verdictOn({ events: [...whole.events, ...again] }).duplicateReceipts.length, 0)
    })
  }

  test('misses an outcome', () => {
    const [message] = whole.messages
    assert.ok(message)
    const messages = [{ ...message, outcomes: new Map([...message.outcomes, [UGO, undefined]]) }]
    assert.deepEqual(verdictOn({ messages }).lost, [`<m1>: the outcome of ${UGO} is open, not delivered`])
  })

  test('finds two outcomes of one recipient', () => {
    const events = [...whole.events, eventOf('non-delivery', [UGO])]
    assert.deepEqual(verdictOn({ events }).duplicateReceipts, [`i1: outcome about ${UGO}`])
  })

  test('finds a message that was certified twice', () => {
    const twice = [...whole.messages, ...whole.messages.map((message) => ({ ...message, identifier: 'i2' }))]
    assert.deepEqual(verdictOn({ messages: twice }).duplicateReceipts, ['<m1> is certified 2 times'])
  })

  test('counts what came into a mailbox again', () => {
    const letters = [...whole.letters, letterOf(UGO, 'transport'), letterOf(UGO, 'transport')]
    assert.deepEqual(verdictOn({ letters }), { ...clean, duplicateDeliveries: 2 })
    const delivered = letters.map(({ mailbox }) => eventOf('mailbox-delivery', [mailbox], ''))
    const events = [...whole.events.filter(({ type }) => type !== 'mailbox-delivery'), ...delivered]
    assert.deepEqual(verdictOn({ letters, events }), { ...clean, duplicateDeliveries: 2, recordedTwice: 2 })
  })

  test('finds what no ledger certifies, what is no PEC message and what was changed', () => {
    const letters = [
      ...whole.letters,
      letterOf(UGO, 'unknown'),
      { ...letterOf(UGO, 'acceptance'), kind: undefined },
      { ...letterOf(ANNA, 'transport'), intact: false },
    ]
    assert.equal(verdictOn({ letters }).uncertifiedSent.length, 3)
  })

  test('finds what was left in a queue', () => {
    assert.deepEqual(verdictOn({ queued: ['file'] }), { ...clean, leftover: ['file'] })
  })
})
