// What a test message proves, by a register that the test writes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkMailbox, type CheckMeans } from '../../src/interoperability/check.js'
import type { FoundEvent } from '../../src/ledger/search.js'
import { isMeant } from '../../src/ledger/search.js'
import { writeCertification, type CertificationData } from '../../src/pec/certification.js'
import type { EventType, RecipientState, StoredMessage } from '../../src/points/ports.js'

const NOON = new Date('2026-03-02T12:00:00.400Z')
const after = (seconds: number): Date => new Date(Date.parse('2026-03-02T12:00:00Z') + seconds * 1000)
const PROBE = 'verifica@pec-a.test'
const UGO = 'ugo@pec-b.test'
const IDENTIFIER = '1@pec-a.test'
const CHARGED = { takenInChargeAt: after(2) }
const DELIVERED = { ...CHARGED, outcome: 'delivered', outcomeAt: after(5) } as const

interface World {
  /** Undefined if it was not accepted. */
  readonly recipient?: Partial<RecipientState>
  readonly events?: readonly FoundEvent[]
  readonly daticert?: Buffer
  readonly answer?: string | Error
  readonly pause?: () => Promise<void>
}

function event(type: EventType, outcome: string, more: Partial<FoundEvent> = {}): FoundEvent {
  const about = { id: 7, at: after(3), messageId: 'm', subject: undefined, provider: 'B' }
  return { type, outcome, ...about, identifier: IDENTIFIER, sender: PROBE, recipients: [UGO], ...more }
}

function check({ recipient, events = [], daticert, answer = `2.6.0 Message taken as ${IDENTIFIER} (X.1)`, pause }: World) {
  const state = { address: 'Ugo@pec-b.test', type: 'certified', primary: true, takenInChargeAt: undefined } as const
  const states = [{ ...state, outcome: undefined, outcomeAt: undefined, ...recipient }]
  const message = { acceptedAt: after(0), recipients: states } as unknown as StoredMessage
  const index = new Map(
    ['pec-b.test', 'altra-b.test', 'pec-c.test'].map((domain) => [domain, domain === 'pec-c.test' ? 'C' : 'B']),
  )
  const means: CheckMeans = {
    ...{ mailbox: PROBE, receipts: 'ricevute@pec-a.test', clock: () => NOON, patience: 1 },
    send: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)),
    register: {
      message: (identifier) => Promise.resolve(identifier === IDENTIFIER && recipient !== undefined ? message : undefined),
      search: (query) =>
        Promise.resolve({
          events: events.filter((each) => isMeant(each, query) && each.at >= (query.from ?? after(0))),
          next: undefined,
        }),
      evidenceOf: () => Promise.resolve({ daticert }),
    },
    index: { byDomain: (domain) => ({ name: index.get(domain) }) as unknown as ReturnType<CheckMeans['index']['byDomain']> },
    pause: pause ?? (() => new Promise((resolve) => setTimeout(resolve, 300))),
  }
  return checkMailbox(UGO, means)
}

test('a message that the register does not know is no success', async () => {
  const { faults } = await check({})
  assert.match(faults.join(), /^it was accepted, but the register has nothing of it/)
})

test('all receipts in time are no fault, and tell how long each took', async () => {
  const { seconds, ...facts } = await check({ recipient: DELIVERED })
  assert.deepEqual(facts, { mailbox: UGO, provider: 'B', identifier: IDENTIFIER, sentAt: NOON, faults: [] })
  assert.deepEqual({ ...seconds, acceptance: 0 }, { acceptance: 0, takeCharge: 2, delivery: 5 })
})

test('a delivery receipt without a take-charge receipt, or the other way round, is waited for and missed', async () => {
  const { faults, seconds } = await check({ recipient: { ...DELIVERED, takenInChargeAt: undefined } })
  assert.deepEqual([faults, seconds.delivery], [['no valid take-charge receipt within 1 s'], 5])
  assert.deepEqual((await check({ recipient: CHARGED })).faults, ['no valid delivery receipt within 1 s'])
})

test('what is refused, has a virus or is late is told with its reason, and no receipt is missed then', async () => {
  const data: CertificationData = {
    ...{ kind: 'non-delivery', error: 'no-recipient', provider: 'B', day: '02/03/2026', hour: '13:00:03', zone: '+0100' },
    ...{
      identifier: IDENTIFIER,
      clientMessageId: undefined,
      sender: PROBE,
      replyTo: PROBE,
      subject: 's',
      receiptType: undefined,
    },
    ...{ recipients: [{ address: UGO, type: 'certified' }], delivery: UGO, takenInCharge: [] },
    errorDetail: '5.1.1 - B - indirizzo inesistente',
  }
  const refused = { outcome: 'not-delivered', outcomeAt: after(3) } as const
  const cases: readonly [World, readonly string[]][] = [
    [
      {
        recipient: { ...CHARGED, ...refused },
        events: [event('receipt-reception', 'non-delivery')],
        daticert: writeCertification(data),
      },
      ['received: non-delivery: 5.1.1 - B - indirizzo inesistente'],
    ],
    [
      { recipient: { outcome: 'virus' }, events: [event('receipt-reception', 'virus-detection'), event('transport', 'issued')] },
      ['received: virus-detection'],
    ],
    [
      {
        recipient: refused,
        events: [event('delivery-failure', '5.1.2 no such domain'), event('receipt-reception', 'take-charge')],
      },
      ['delivery refused for good: 5.1.2 no such domain'],
    ],
    [
      { recipient: { ...CHARGED, outcome: 'expired' }, events: [event('time-limit', '24 hours')] },
      ['notice of a missed time limit issued: 24 hours'],
    ],
    [{ events: [event('non-acceptance', 'no-recipients')] }, ['notice of non-acceptance issued: no-recipients']],
  ]
  for (const [world, faults] of cases) assert.deepEqual((await check(world)).faults, faults)
})

test('messages of that provider that were not valid are told, those of others and of before are not', async () => {
  const anomaly = (sender: string, more: Partial<FoundEvent>): FoundEvent =>
    event('anomaly', 'altered', { identifier: '', sender, recipients: [PROBE], provider: 'mx.test [192.0.2.1]', ...more })
  const { faults } = await check({
    recipient: DELIVERED,
    events: [
      anomaly('posta-certificata@altra-b.test', {}),
      anomaly('', { provider: 'B', recipients: ['ricevute@pec-a.test'] }),
      anomaly('posta-certificata@pec-c.test', {}),
      anomaly('posta-certificata@pec-b.test', { at: after(-5) }),
      anomaly('posta-certificata@pec-b.test', { recipients: ['mario@pec-a.test'] }),
    ],
  })
  assert.deepEqual(faults, [
    'no valid message, from posta-certificata@altra-b.test: altered',
    'no valid message, from nobody: altered',
  ])
})

test('what our own access point does not take is a fault, and no reason to wait', async () => {
  const gone = await check({ answer: new Error('the gateway is not reached') })
  assert.deepEqual([gone.faults, gone.identifier], [['the gateway is not reached'], undefined])
  assert.match((await check({ answer: '2.0.0 ok' })).faults.join(), /gave no identifier: 2\.0\.0 ok/)
})

test('whoever is not interested any more ends the waiting', async () => {
  await assert.rejects(check({ recipient: CHARGED, pause: () => Promise.reject(new Error('stopped')) }), /^Error: stopped$/)
})
