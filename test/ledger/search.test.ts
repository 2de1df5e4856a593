import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import type { FoundEvent, Position, RegisterQuery } from '../../src/ledger/search.js'
import { momentOf } from '../../src/pec/moment.js'
import type { RegisterEvent } from '../../src/points/ports.js'
import { after, claimOf, entryOf, eventOf, factsOf } from './entries.js'
import { ENGINES, freshLedger } from './engines.js'

const SENDERS = ['alice@a.example', 'Dario@a.example', 'eva@a.example']
const RECIPIENTS = ['bob@b.example', 'Carla@c.example', 'dan@d.example', 'eve@e.example']
const PROVIDERS = ['Provider A', 'Provider Ü']
const TYPES = ['acceptance', 'transport', 'delivery'] as const
const MESSAGES = 60

interface Known extends RegisterEvent {
  readonly at: Date
  readonly clientMessageId: string
}

/** Messages with three events each; several in the same millisecond, and several under one Message-ID of their clients. */
async function fill(ledger: SqlLedger): Promise<readonly Known[]> {
  const known: Known[] = []
  for (let n = 0; n < MESSAGES; n++) {
    const identifier = `${String((n * 7) % MESSAGES).padStart(3, '0')}@a.example`
    const clientMessageId = `<${n % 9}@client.example>`
    const at = after(Math.floor(n / 4))
    const events = TYPES.map((type, index) =>
      eventOf(identifier, {
        ...{ type, sender: SENDERS[n % 3] ?? '', provider: PROVIDERS[n % 2] ?? '' },
        recipients: [RECIPIENTS[n % 4] ?? '', RECIPIENTS[(n + index) % 4] ?? ''],
      }),
    )
    await ledger.commit(
      entryOf(`step-${n}`, { claims: [claimOf(identifier)], message: factsOf(identifier, { clientMessageId }), events }, at),
    )
    known.push(...events.map((event) => ({ at, clientMessageId, ...event })))
  }
  const refusal = eventOf('', { type: 'refusal', messageId: '', sender: 'x@x.example', provider: 'mx.x.example' })
  await ledger.commit({ step: 'refusal', at: momentOf(after(3)), claims: [], events: [refusal] })
  known.push({ at: after(3), clientMessageId: '', ...refusal })
  return known
}

function means(query: RegisterQuery, event: Known): boolean {
  const same = (a: string, b: string | undefined): boolean => b === undefined || a.toLowerCase() === b.toLowerCase()
  return (
    same(event.identifier, query.identifier) &&
    same(event.clientMessageId, query.clientMessageId) &&
    same(event.sender, query.sender) &&
    (query.recipient === undefined || event.recipients.some((address) => same(address, query.recipient))) &&
    same(event.provider, query.provider) &&
    same(event.type, query.type) &&
    (query.from === undefined || event.at >= query.from) &&
    (query.to === undefined || event.at < query.to)
  )
}

async function allOf(ledger: SqlLedger, query: RegisterQuery, limit: number): Promise<readonly FoundEvent[]> {
  const found: FoundEvent[] = []
  for (let position: Position | undefined; ;) {
    const page = await ledger.search(query, limit, position)
    assert.ok(page.events.length <= limit)
    found.push(...page.events)
    position = page.next
    if (position === undefined) return found
  }
}

function nameOf({ at, type, identifier }: Pick<Known, 'at' | 'type' | 'identifier'>): string {
  return `${at.toISOString()} ${identifier} ${type}`
}

const QUERIES: Readonly<Record<string, RegisterQuery>> = {
  nothing: {},
  'an identifier': { identifier: '014@a.example' },
  "a client's Message-ID": { clientMessageId: '<4@client.example>' },
  "a client's Message-ID and more": { clientMessageId: '<4@client.example>', type: 'delivery', from: after(2), to: after(12) },
  'a sender, whatever the case': { sender: 'DARIO@a.example' },
  'a recipient': { recipient: 'carla@c.example' },
  'a provider': { provider: 'Provider Ü' },
  'a kind': { type: 'transport' },
  'a kind of which there is one': { type: 'refusal' },
  'a period': { from: after(2), to: after(5) },
  'a day': { from: after(-720), to: after(720) },
  'sender and recipient': { sender: 'alice@a.example', recipient: 'dan@d.example' },
  'all at once': {
    ...{ sender: 'alice@a.example', recipient: 'bob@b.example', provider: 'Provider A', type: 'delivery' as const },
    ...{ from: after(0), to: after(14) },
  },
  'what is nowhere': { sender: 'nobody@a.example', type: 'delivery' },
}

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('finds events by every mark, alone and together, the same whatever the size of a page', async (t) => {
      const ledger = await freshLedger(t, engine)
      const known = await fill(ledger)
      for (const [what, query] of Object.entries(QUERIES)) {
        const expected = known.filter((event) => means(query, event)).map(nameOf)
        assert.equal(expected.length > 0, what !== 'what is nowhere', what)
        for (const limit of [1, 4, 500]) {
          const found = await allOf(ledger, query, limit)
          assert.deepEqual(found.map(nameOf).sort(), [...expected].sort(), `${what}, ${limit} on a page`)
          if (query.clientMessageId === undefined)
            assert.deepEqual(
              found.map(({ at }) => at.getTime()),
              found.map(({ at }) => at.getTime()).sort((a, b) => a - b),
            )
        }
      }
    })

    test('looks at a bounded number of rows for a page, and goes on from there', async (t) => {
      const ledger = await freshLedger(t, engine)
      const crowd = Array.from({ length: 7000 }, (_, n) => eventOf('1@a.example', { type: n === 6500 ? 'delivery' : 'relay' }))
      await ledger.commit(entryOf('crowd', { events: crowd.slice(0, 7000) }))
      await ledger.commit(
        entryOf('others', {
          events: Array.from({ length: 6000 }, () => eventOf('2@a.example', { type: 'delivery', sender: 'eva@a.example' })),
        }),
      )
      const query: RegisterQuery = { sender: 'alice@a.example', type: 'delivery' }
      const first = await ledger.search(query, 10)
      assert.deepEqual(first.events, [])
      assert.ok(first.next)
      assert.equal((await allOf(ledger, query, 10)).length, 1)
    })

    test('gives what an event was certified by, and takes what is asked for as nothing but a value', async (t) => {
      const ledger = await freshLedger(t, engine)
      const daticert = Buffer.from('<postacert/>')
      await ledger.commit(entryOf('1', { events: [eventOf('1@a.example', { daticert }), eventOf('2@a.example')] }))
      const [first, second] = (await ledger.search({}, 10)).events
      assert.deepEqual(await ledger.evidenceOf(first?.id ?? 0), { daticert, signature: undefined })
      assert.deepEqual(await ledger.evidenceOf(second?.id ?? 0), { daticert: undefined, signature: undefined })
      for (const hostile of ["' or 1 = 1 -- ", '%', '\\', 'x'.repeat(5000), 'à"`'])
        for (const mark of ['identifier', 'clientMessageId', 'sender', 'recipient', 'provider'] as const)
          assert.deepEqual((await ledger.search({ [mark]: hostile }, 10)).events, [])
    })
  })
