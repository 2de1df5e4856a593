import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import type { RecordedEvent } from '../../src/ledger/ledger.js'
import type { OpenRecipient } from '../../src/points/ports.js'
import { addressKey } from '../../src/ledger/keys.js'
import { momentOf } from '../../src/pec/moment.js'
import type { Claim, Entry, EventType, MessageFacts, RecipientState, RegisterEvent } from '../../src/points/ports.js'
import { after } from './entries.js'
import { ENGINES, freshLedger } from './engines.js'

// -- the ledger as plainly as it can be said ----------------------------------------------------------------------------

interface Row extends RecipientState {
  readonly key: string
  readonly openSince: Date | undefined
}

class Model {
  readonly steps = new Set<string>()
  readonly claims = new Set<string>()
  readonly messages = new Map<string, MessageFacts>()
  readonly recipients = new Map<string, Row[]>()
  readonly events: RecordedEvent[] = []

  /** Whether the entry was committed; false if a claim was taken. */
  commit(entry: Entry): boolean {
    const claims = entry.claims.map(nameOf)
    const conflict =
      claims.some((claim) => this.claims.has(claim)) || new Set(claims).size < claims.length || this.steps.has(entry.step)
    if (conflict) return false
    this.steps.add(entry.step)
    for (const claim of claims) this.claims.add(claim)
    if (entry.message !== undefined) this.store(entry.message)
    const at = entry.at.date
    for (const recipient of entry.takenInCharge?.recipients ?? []) {
      this.update(entry.takenInCharge?.identifier ?? '', recipient, (row) =>
        row.takenInChargeAt === undefined ? { ...row, takenInChargeAt: at } : row,
      )
    }
    for (const { identifier, recipient, outcome } of entry.outcomes ?? []) {
      this.update(identifier, recipient, (row) =>
        row.outcome === undefined ? { ...row, outcome, outcomeAt: at, openSince: undefined } : row,
      )
    }
    this.events.push(...entry.events.map((event) => ({ at, ...event })))
    return true
  }

  store(facts: MessageFacts): void {
    if (!this.messages.has(facts.identifier)) this.messages.set(facts.identifier, facts)
    const rows = this.recipients.get(facts.identifier) ?? []
    this.recipients.set(facts.identifier, rows)
    for (const recipient of facts.recipients) {
      const key = recipient.address.toLowerCase()
      if (rows.some((row) => row.key === key)) continue
      const openSince = facts.own && recipient.type === 'certified' ? facts.acceptedAt : undefined
      rows.push({ ...recipient, key, openSince, takenInChargeAt: undefined, outcome: undefined, outcomeAt: undefined })
    }
  }

  update(identifier: string, recipient: string, change: (row: Row) => Row): void {
    const rows = this.recipients.get(identifier) ?? []
    this.recipients.set(
      identifier,
      rows.map((row) => (row.key === recipient.toLowerCase() ? change(row) : row)),
    )
  }

  open(before: Date): OpenRecipient[] {
    const all = [...this.recipients].flatMap(([identifier, rows]) => rows.map((row) => ({ identifier, ...row })))
    return all
      .flatMap(({ identifier, address, key, openSince, takenInChargeAt }) =>
        openSince === undefined || openSince >= before
          ? []
          : [{ identifier, address, key, acceptedAt: openSince, takenInChargeAt }],
      )
      .sort(
        (a, b) =>
          a.acceptedAt.getTime() - b.acceptedAt.getTime() ||
          order(a.identifier, b.identifier) ||
          order(addressKey(a.key), addressKey(b.key)),
      )
      .map(({ identifier, address, acceptedAt, takenInChargeAt }) => ({ identifier, address, acceptedAt, takenInChargeAt }))
  }
}

function nameOf({ identifier, what, recipient }: Claim): string {
  return JSON.stringify([identifier, what, recipient.toLowerCase()])
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

// -- entries over a world small enough for everything to meet -----------------------------------------------------------

const IDENTIFIERS = ['1@a.example', '2@a.example', '2@A.example', `${'long'.repeat(70)}@a.example`]
const ADDRESSES = ['bob@b.example', 'BOB@b.example', 'eve@b.example', 'Dan@c.example', 'd\u00e0n@c.example']
const WHATS = ['acceptance', 'take-charge', 'outcome', 'time-limit-12', 'time-limit-24', 'received'] as const
const TYPES: readonly EventType[] = ['acceptance', 'transport', 'delivery', 'reception', 'relay']

const identifier = fc.constantFrom(...IDENTIFIERS)
const address = fc.constantFrom(...ADDRESSES)
const time = fc.integer({ min: 0, max: 30 }).map(after)
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array))
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const claim: fc.Arbitrary<Claim> = fc.record({
  identifier,
  what: fc.constantFrom(...WHATS),
  recipient: fc.oneof(fc.constant(''), address),
})
const facts: fc.Arbitrary<MessageFacts> = fc.record({
  identifier,
  clientMessageId: maybe(text),
  sender: address,
  replyTo: text,
  subject: maybe(text),
  receiptType: fc.constantFrom('complete', 'brief', 'concise'),
  provider: text,
  own: fc.boolean(),
  acceptedAt: time,
  size: fc.maxSafeNat(),
  recipients: fc.array(fc.record({ address, type: fc.constantFrom('certified', 'ordinary'), primary: fc.boolean() }), {
    maxLength: 4,
  }),
})
const event: fc.Arbitrary<RegisterEvent> = fc.record({
  type: fc.constantFrom(...TYPES),
  identifier,
  messageId: fc.constantFrom('', 'm1@a.example', 'm2@a.example'),
  sender: address,
  recipients: fc.array(address, { maxLength: 3 }),
  subject: maybe(text),
  provider: text,
  outcome: text,
  daticert: maybe(bytes),
  signature: maybe(bytes),
})
const outcome = fc.record({
  identifier,
  recipient: address,
  outcome: fc.constantFrom('delivered', 'not-delivered', 'virus', 'expired'),
})
const entry: fc.Arbitrary<Entry> = fc.record(
  {
    step: fc.integer({ min: 0, max: 200 }).map((n) => `step-${n}`),
    at: time.map(momentOf),
    claims: fc.array(claim, { maxLength: 3 }),
    events: fc.array(event, { maxLength: 3 }),
    message: facts,
    takenInCharge: fc.record({ identifier, recipients: fc.array(address, { maxLength: 3 }) }),
    outcomes: fc.array(outcome, { maxLength: 3 }),
  },
  { requiredKeys: ['step', 'at', 'claims', 'events'] },
)

// -- one against the other ----------------------------------------------------------------------------------------------

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('answers as a plain model of it does, whatever is committed', async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 15 }), async (entries) => {
          const ledger = await freshLedger(t, engine)
          const model = new Model()
          for (const one of entries) {
            const committed = await ledger.commit(one).then(
              () => true,
              (error: unknown) => {
                if (isPecError(error) && error.code === 'conflict') return false
                throw error
              },
            )
            assert.equal(committed, model.commit(one))
          }
          for (const { step } of entries) assert.equal(await ledger.isCommitted(step), model.steps.has(step))
          for (const id of IDENTIFIERS) {
            const known = model.messages.get(id)
            const recipients = (model.recipients.get(id) ?? []).map(
              ({ address, type, primary, takenInChargeAt, outcome, outcomeAt }) => {
                return { address, type, primary, takenInChargeAt, outcome, outcomeAt }
              },
            )
            assert.deepEqual(await ledger.message(id), known === undefined ? undefined : { ...known, recipients })
            const events = model.events.filter((row) => row.identifier === id).sort((a, b) => a.at.getTime() - b.at.getTime())
            assert.deepEqual(await ledger.eventsOf(id), events)
          }
          const claims = IDENTIFIERS.flatMap((id) =>
            WHATS.flatMap((what) => ['', ...ADDRESSES].map((recipient) => ({ identifier: id, what, recipient }))),
          )
          assert.deepEqual(
            await ledger.taken(claims),
            claims.filter((one) => model.claims.has(nameOf(one))),
          )
          // An identifier that is no plain key is told as its key here: none of our own is such.
          const plain = (rows: readonly OpenRecipient[]) => rows.filter((row) => !row.identifier.startsWith('long'))
          assert.deepEqual(plain(await ledger.openRecipients(after(15), 100)), plain(model.open(after(15))))
          await ledger.close()
        }),
        { numRuns: engine.runs },
      )
    })
  })
