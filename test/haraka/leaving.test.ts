import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConfig } from '../../src/config/config.js'
import type { Ini } from '../../src/config/values.js'
import { PASS } from '../../src/haraka/hook.js'
import { isCondemned, passGate, wayOf, type GateRegister } from '../../src/haraka/leaving.js'
import type { Note } from '../../src/haraka/note.js'
import type { FoundEvent } from '../../src/ledger/search.js'
import type { ProviderIndex, ProviderRecord } from '../../src/points/ports.js'
import { mailOf } from './mail.js'

const provider = { name: 'Provider A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }
const configOf = (sections: Ini = {}): ReturnType<typeof parseConfig> => parseConfig({ provider, ...sections }, '/instance')

const index: ProviderIndex = {
  byDomain: (domain) => (domain === 'pec-b.test' ? ({} as ProviderRecord) : undefined),
  byCertificate: () => [],
}

const DONE = { identifier: 'done', recipient: 'lucia@pec-a.test' }
const ledger: GateRegister = {
  isCommitted: (step) => Promise.resolve(step === 'committed'),
  // One is committed just before it would be given up.
  giveUp: (step) => Promise.resolve(step !== 'late'),
  search: ({ type, identifier, recipient }) => {
    const isDone = type === 'delivery' && identifier === DONE.identifier && recipient === DONE.recipient
    return Promise.resolve({ events: isDone ? [{} as FoundEvent] : [], next: undefined })
  },
}
const noteOf = (step: string, kind: Note['errand']['kind'] = 'send-receipt'): Note => ({
  step,
  errand: { kind, identifier: 'i' } as Note['errand'],
})

const now = new Date('2026-05-01T10:00:00Z')

describe('a message that wants to leave the queue', () => {
  test('may, if its step was committed', async () => {
    const mail = mailOf({ note: noteOf('committed') })
    assert.deepEqual(await passGate(mail, ledger, now), PASS)
    assert.equal(isCondemned(mail), false)
    assert.deepEqual(mail.done, [])
  })

  for (const [what, parts, why] of [
    ['if its step was not', { note: noteOf('other') }, 'its step other was never committed'],
    ['if no point has made it', {}, 'no point has made it'],
  ] as const) {
    test(`must not, ${what}: it is dropped, and logged`, async () => {
      const mail = mailOf(parts)
      assert.deepEqual(await passGate(mail, ledger, now), PASS)
      assert.equal(isCondemned(mail), true)
      assert.deepEqual(mail.done, [`notice: queued message UUID.1 is dropped: ${why}`])
      assert.deepEqual(wayOf(mail, configOf(), index).reply, { code: 'refuse', text: 'dropped' })
    })
  }

  for (const [what, recipient, isDone] of [
    ['must not again, if its recipient has it', DONE.recipient, true],
    ['may, if another recipient of it has it', 'mario@pec-a.test', false],
  ] as const)
    test(what, async () => {
      const errand = { kind: 'deliver-envelope', identifier: DONE.identifier, recipient, original: { start: 0, end: 1 } } as const
      const mail = mailOf({ note: { step: 'committed', errand } })
      assert.deepEqual(await passGate(mail, ledger, now), PASS)
      assert.equal(isCondemned(mail), isDone)
      assert.equal(mail.done.length, isDone ? 1 : 0)
    })

  for (const [when, age] of [
    ['only just now', 59_000],
    ['a little later than now, by a clock that has been set back since', -59_000],
  ] as const) {
    test(`waits if it was written ${when} and its step is not committed: it may still be`, async () => {
      const mail = mailOf({ note: noteOf('other'), queued: now.getTime() - age })
      assert.deepEqual(await passGate(mail, ledger, now), { code: 'delay', text: 10 })
      assert.equal(isCondemned(mail), false)
    })
  }

  test('may, if its step was committed at the last moment', async () => {
    const mail = mailOf({ note: noteOf('late') })
    assert.deepEqual(await passGate(mail, ledger, now), PASS)
    assert.equal(isCondemned(mail), false)
  })

  for (const age of [60_000, -60_000]) {
    test(`does not wait if it was written ${age / 1000} s ago`, async () => {
      const mail = mailOf({ note: noteOf('other'), queued: now.getTime() - age })
      assert.deepEqual(await passGate(mail, ledger, now), PASS)
      assert.equal(isCondemned(mail), true)
    })
  }

  test("may, if it is a report of Haraka's own", async () => {
    const mail = mailOf({ from: '' })
    await passGate(mail, ledger, now)
    assert.equal(isCondemned(mail), false)
  })

  test('must not for its null sender alone, if a step made it', async () => {
    const mail = mailOf({ from: '', note: noteOf('other') })
    await passGate(mail, ledger, now)
    assert.equal(isCondemned(mail), true)
  })
})

describe('the way of a message', () => {
  for (const kind of ['deliver-envelope', 'deliver-anomaly', 'deliver-other'] as const) {
    test(`to a mailbox is LMTP (${kind})`, () => {
      const mail = mailOf({ to: ['anna@pec-a.test'], note: noteOf('s', kind) })
      const store = { lmtp: 'dovecot.test:24', embedded: 'false' }
      const routes = { 'pec-a.test': '127.0.0.1:9' }
      const { reply, tls } = wayOf(mail, configOf({ store, routes }), index)
      assert.deepEqual(reply, { code: 'accept', text: { exchange: 'dovecot.test', port: 24, using_lmtp: true } })
      assert.equal(tls, 'optional')
      const socket = configOf({ store: { lmtp: '/run/lmtp', embedded: 'false' } })
      assert.deepEqual(wayOf(mail, socket, index).reply, { code: 'accept', text: { path: '/run/lmtp', using_lmtp: true } })
    })
  }

  for (const [what, to, sections, expected] of [
    ['to a provider is the DNS, with TLS', 'ugo@pec-b.test', {}, 'required'],
    ['to a provider has the TLS of all', 'ugo@pec-b.test', { peers: { tls: 'verified' } }, 'verified'],
    ['to a provider has the TLS of its own', 'ugo@Pec-B.test', { peer_tls: { 'PEC-b.test': 'optional' } }, 'optional'],
    ['to an ordinary host is the DNS', 'max@posta.test', { peers: { tls: 'verified' } }, 'optional'],
  ] as const) {
    test(what, () => {
      const { reply, tls } = wayOf(mailOf({ to: [to], note: noteOf('s', 'send-envelope') }), configOf(sections), index)
      assert.deepEqual([reply, tls], [PASS, expected])
    })
  }

  test('to a domain with a static route is that', () => {
    const config = configOf({ routes: { 'pec-b.test': '127.0.0.1:2526' } })
    const { reply, tls } = wayOf(mailOf({ to: ['ugo@PEC-B.test'], note: noteOf('s', 'send-envelope') }), config, index)
    assert.deepEqual(reply, { code: 'accept', text: { exchange: '127.0.0.1', port: 2526 } })
    assert.equal(tls, 'required')
  })

  test("of a report of Haraka's own is that of any mail", () => {
    assert.deepEqual(wayOf(mailOf({ from: '', to: ['max@posta.test'] }), configOf(), index).reply, PASS)
  })
})
