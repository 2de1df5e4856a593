import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkLedger, type CheckSummary } from '../../src/ledger/check.js'
import { dossiersOf } from '../../src/ledger/dossier.js'
import type { Violation } from '../../src/ledger/invariants.js'
import { withSnapshot } from '../../src/ledger/snapshot.js'
import type { Entry, RegisterEvent } from '../../src/points/ports.js'
import { after, certified, claimOf, eventOf, factsOf, failure, NOON, quarantinedOf } from './entries.js'
import { ENGINES, type Place } from './engines.js'
import { settingsOf } from './place.js'
import {
  BOB,
  issuedRow,
  stepOf,
  accepted,
  local,
  concluded,
  received,
  refused,
  answered,
  expired,
  commit,
  COURSES,
} from './courses.js'

const DAY = 86_400
const SETTINGS = { lastNotice: DAY, quarantineMonths: 30 }

async function check(place: Place): Promise<CheckSummary & { readonly found: readonly Violation[] }> {
  const found: Violation[] = []
  const summary = await withSnapshot(settingsOf(place.name), (view) =>
    checkLedger(
      view,
      SETTINGS,
      (violation) => void found.push(violation),
      () => Promise.resolve(),
    ),
  )
  return { ...summary, found }
}

// -- what must not be ---------------------------------------------------------------------------------------------------

const TIMES = `${NOON.getTime()}`

/** A message, what is done to its rows behind the ledger's back, and how it is named. `ID` is its identifier. */
interface Plant {
  readonly entries: (identifier: string) => readonly Entry[]
  readonly sql?: readonly string[]
  readonly named: readonly string[]
}

const delivered = (id: string): Entry[] => [local(id), concluded(id, 'delivery', 'complete')]
const withoutClaim = (what: string): string => `delete from claim where identifier = 'ID' and what = '${what}'`
const withoutEvent = (type: string): string[] => [
  `delete from evidence where event_id in (select id from event where identifier = 'ID' and type = '${type}')`,
  `delete from event where identifier = 'ID' and type = '${type}'`,
]
const again =
  (type: RegisterEvent['type'], outcome = 'issued') =>
  (id: string) => [...delivered(id), stepOf({ events: [issuedRow(type, id, { outcome })] })]

const PLANTS: readonly Plant[] = [
  { entries: delivered, sql: withoutEvent('acceptance'), named: ['acceptance-missing'] },
  { entries: delivered, sql: withoutEvent('transport'), named: ['transport-missing'] },
  { entries: again('acceptance'), named: ['acceptance-twice'] },
  { entries: again('transport'), named: ['transport-twice'] },
  { entries: again('take-charge'), named: ['take-charge-twice'] },
  { entries: again('delivery'), named: ['outcome-twice'] },
  { entries: again('non-delivery'), named: ['outcome-twice', 'state-differs'] },
  { entries: again('non-acceptance'), named: ['accepted-and-refused'] },
  { entries: delivered, sql: withoutEvent('take-charge'), named: ['take-charge-missing'] },
  { entries: delivered, sql: withoutEvent('delivery'), named: ['outcome-missing'] },
  { entries: delivered, sql: [withoutClaim('acceptance')], named: ['claim-missing'] },
  { entries: delivered, sql: [withoutClaim('take-charge')], named: ['claim-missing'] },
  { entries: delivered, sql: [withoutClaim('outcome')], named: ['claim-missing', 'claim-missing'] },
  {
    entries: delivered,
    sql: ["update recipient set outcome = null, outcome_at = null where identifier = 'ID'"],
    named: ['state-differs', 'state-differs'],
  },
  { entries: delivered, sql: ["update recipient set taken_at = null where identifier = 'ID'"], named: ['state-differs'] },
  { entries: delivered, sql: [`update recipient set open_since = ${TIMES} where identifier = 'ID'`], named: ['state-differs'] },
  {
    entries: (id) => [local(id)],
    sql: ["update recipient set open_since = null where identifier = 'ID'"],
    named: ['state-differs'],
  },
  {
    entries: delivered,
    sql: ["update event set sender = 'eve@a.example' where identifier = 'ID' and type = 'delivery'"],
    named: ['sender-differs'],
  },
  {
    entries: delivered,
    sql: [`update event set recipients = '["eve@b.example"]' where identifier = 'ID' and type = 'acceptance'`],
    named: ['recipient-unknown', 'recipients-differ'],
  },
  {
    entries: delivered,
    sql: [`update event set recipients = '["eve@b.example"]' where identifier = 'ID' and type = 'delivery'`],
    named: ['outcome-missing', 'recipient-unknown'],
  },
  {
    entries: delivered,
    sql: ["delete from recipient where identifier = 'ID'"],
    named: [
      ...Array<string>(4).fill('recipient-unknown'),
      ...Array<string>(2).fill('recipients-differ'),
      'recipients-missing',
    ].sort(),
  },
  {
    entries: delivered,
    sql: [
      "update evidence set daticert = null where event_id in (select id from event where identifier = 'ID' and type = 'delivery')",
    ],
    named: ['evidence-missing'],
  },
  {
    entries: (id) => [accepted(id), expired(id)],
    sql: withoutEvent('time-limit'),
    named: ['notice-missing'],
  },
  {
    entries: (id) => [accepted(id), expired(id)],
    sql: [withoutClaim('time-limit-24')],
    named: ['claim-missing', 'notice-missing'],
  },
  {
    entries: (id) => [accepted(id), expired(id), stepOf({ events: [issuedRow('time-limit', id, { outcome: '24 hours' })] })],
    named: ['time-limit-twice'],
  },
  { entries: (id) => [accepted(id), answered(id, 'virus')], sql: withoutEvent('non-delivery'), named: ['virus-notice-missing'] },
  {
    entries: (id) => [received(id, 'Test')],
    sql: withoutEvent('virus-detection'),
    named: ['outcome-missing', 'virus-notice-missing'],
  },
  {
    entries: (id) => [received(id, 'Test')],
    sql: ["delete from quarantine where identifier = 'ID'"],
    named: ['quarantine-missing'],
  },
  {
    entries: (id) => [refused(id, 'Test')],
    sql: ["delete from quarantine where identifier = 'ID'"],
    named: ['quarantine-missing'],
  },
  { entries: (id) => [stepOf({ quarantined: quarantinedOf(id) })], named: ['quarantine-unknown'] },
  {
    entries: (id) => [received(id)],
    sql: ["delete from event where identifier = 'ID' and type = 'reception'"],
    named: ['reception-missing'],
  },
  { entries: (id) => [received(id), stepOf({ events: [issuedRow('acceptance', id)] })], named: ['not-ours'] },
  {
    entries: (id) => [received(id)],
    sql: ["delete from claim where identifier = 'ID' and what = 'take-charge' and recipient = ''"],
    named: ['claim-missing'],
  },
  { entries: (id) => [refused(id), stepOf({ events: [issuedRow('non-acceptance', id)] })], named: ['refused-twice'] },
  { entries: (id) => [refused(id)], sql: [withoutClaim('acceptance')], named: ['claim-missing'] },
  { entries: (id) => [refused(id)], sql: withoutEvent('non-acceptance'), named: [] },
  {
    entries: (id) => [refused(id), stepOf({ events: [eventOf(id, { type: 'relay' })] })],
    sql: withoutEvent('non-acceptance'),
    named: ['notice-missing'],
  },
  {
    entries: delivered,
    sql: ["delete from recipient where identifier = 'ID'", "delete from message where identifier = 'ID'"],
    named: [...Array<string>(4).fill('message-missing'), ...Array<string>(2).fill('message-missing'), 'notice-missing'],
  },
  {
    entries: delivered,
    sql: ["update recipient set type = 'ordinary' where identifier = 'ID'"],
    named: ['ordinary-certified', 'ordinary-certified', 'ordinary-certified'],
  },
  {
    entries: (id) => [{ ...local(id), message: factsOf(id, { acceptedAt: after(-2 * 24 * 60) }) }],
    named: ['outcome-overdue'],
  },
]

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('finds nothing wrong with any course that a message can take', async (t) => {
      const place = await engine.place(t)
      await commit(await place.open(), COURSES)
      const { found, identifiers } = await check(place)
      assert.deepEqual(found, [])
      assert.equal(identifiers, 12)
    })

    test('names each violation that is planted, with its message, and no other', async (t) => {
      const place = await engine.place(t)
      const ledger = await place.open()
      // The register begins before all that is planted.
      await ledger.commit(stepOf({ events: [eventOf('', { type: 'refusal' })] }, after(-10 * 24 * 60)))
      await commit(ledger, COURSES)
      for (const [index, { entries, sql = [] }] of PLANTS.entries()) {
        const identifier = `plant${index}@a`
        await commit(ledger, entries(identifier))
        for (const statement of sql) await place.run(statement.replaceAll('ID', identifier))
      }
      const { found, violations } = await check(place)
      assert.equal(violations, found.length)
      for (const [index, { named }] of PLANTS.entries()) {
        const identifier = `plant${index}@a`
        const names = found.filter((violation) => violation.identifier === identifier).map(({ invariant }) => invariant)
        assert.deepEqual(names.sort(), [...named].sort(), `plant ${index}`)
      }
      assert.deepEqual(
        found.filter(({ identifier }) => !identifier.startsWith('plant')),
        [],
      )
      for (const { what, remedy } of found) assert.ok(what.length > 10 && remedy.length > 10)
      assert.ok(found.every(({ invariant, recipient }) => !invariant.startsWith('outcome') || recipient === BOB))
    })

    test('looks at one moment, while others go on to write', async (t) => {
      const place = await engine.place(t)
      const ledger = await place.open()
      await commit(ledger, [local('1@a'), local('3@a')])
      const seen: string[] = []
      await withSnapshot(settingsOf(place.name), async (view) => {
        for await (const { identifier, recipients } of dossiersOf(view)) {
          seen.push(identifier)
          assert.equal(recipients[0]?.outcome, null)
          if (identifier === '1@a') await commit(ledger, [local('2@a'), concluded('3@a', 'delivery', 'complete'), local('4@a')])
        }
      })
      assert.deepEqual(seen, ['1@a', '3@a'])
      assert.equal((await check(place)).identifiers, 4)
    })

    test('reads more rows than fit on a page, and a message with more recipients than that', async (t) => {
      const place = await engine.place(t)
      const ledger = await place.open()
      const crowd = Array.from({ length: 2500 }, (_, n) => `r${n}@b.example`)
      const about = { recipients: crowd }
      await ledger.commit(
        stepOf({
          message: factsOf('crowd@a', { recipients: crowd.map(certified) }),
          claims: [claimOf('crowd@a')],
          events: [issuedRow('acceptance', 'crowd@a', about), issuedRow('transport', 'crowd@a', about)],
        }),
      )
      for (let n = 0; n < 30; n++) await ledger.commit(local(`${n}@a`))
      assert.deepEqual(await check(place), { identifiers: 31, violations: 0, found: [] })
      await place.run("delete from recipient where recipient = 'r2000@b.example'")
      const { found } = await check(place)
      assert.deepEqual(
        found.map(({ invariant, identifier }) => `${identifier} ${invariant}`),
        ['crowd@a recipients-differ', 'crowd@a recipients-differ', 'crowd@a recipient-unknown', 'crowd@a recipient-unknown'],
      )
    })

    test('refuses a ledger of another schema, and changes nothing in it', async (t) => {
      const place = await engine.place(t)
      await (await place.open()).close()
      await place.run('delete from migration where version > 3')
      await assert.rejects(check(place), failure('configuration', false))
      assert.equal((await place.run('select version from migration')).length, 3)
    })
  })
