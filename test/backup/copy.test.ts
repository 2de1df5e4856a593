import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { checkLedger } from '../../src/ledger/check.js'
import { backupLedger, restoreLedger } from '../../src/ledger/copy.js'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { withSnapshot } from '../../src/ledger/snapshot.js'
import { claimOf, entryOf, eventOf, factsOf, failure, ledgerPath, quarantinedOf, after } from '../ledger/entries.js'
import { ENGINES } from '../ledger/engines.js'
import { settingsOf } from '../ledger/place.js'

const BYTES = Buffer.from([0, 0xff, 0x27, 0x5c, 0x0d, 0x0a])

async function commit(ledger: SqlLedger, name: string, size = 6): Promise<void> {
  const identifier = `${name}@a.example`
  const signature = Buffer.alloc(size, BYTES)
  const signed = (type: 'acceptance' | 'transport') =>
    eventOf(identifier, { type, daticert: BYTES, signature, subject: 'Pèrché ‘no’ \u{1F4E8}' })
  await ledger.commit(
    entryOf(name, {
      claims: [claimOf(identifier)],
      message: factsOf(identifier),
      events: [signed('acceptance'), signed('transport')],
    }),
  )
}

async function contents(ledger: SqlLedger): Promise<unknown> {
  const { events } = await ledger.search({}, 5000)
  const messages = await Promise.all(events.map(({ identifier }) => ledger.message(identifier)))
  const evidence = await Promise.all(events.map(({ id }) => ledger.evidenceOf(id)))
  return { events, messages, evidence, kept: await ledger.quarantinedOf('virus@a.example') }
}

for (const engine of ENGINES)
  describe(`from ${engine.name}`, { skip: engine.skip }, () => {
    for (const other of ENGINES)
      test(`a copy holds the same on ${other.name}`, { skip: other.skip }, async (t) => {
        const place = await engine.place(t)
        const ledger = await place.open()
        for (let n = 0; n < 260; n++) await commit(ledger, String(n))
        // More in one row than goes into a statement with others.
        await commit(ledger, 'large', 3_000_000)
        await ledger.commit(
          entryOf('virus', {
            claims: [],
            events: [eventOf('virus@a.example', { type: 'refusal' })],
            quarantined: quarantinedOf('virus@a.example'),
          }),
        )
        const file = await ledgerPath(t)
        await backupLedger(settingsOf(place.name), file)
        assert.equal((await stat(file)).mode & 0o777, 0o600)
        // What comes later is not in it, and the last steps are forgotten: their numbers must not come again.
        const before = await contents(ledger)
        await commit(ledger, 'later')

        const target = await other.place(t)
        await restoreLedger(file, settingsOf(target.name))
        const restored = await target.open()
        assert.deepEqual(await contents(restored), before)
        assert.equal(await restored.isCommitted('259'), true)
        assert.equal(await restored.isCommitted('later'), false)
        await restored.purgeSteps(after(1))
        await commit(restored, 'after')
        const summary = await withSnapshot(settingsOf(target.name), (view) =>
          checkLedger(
            view,
            { lastNotice: 86_400, quarantineMonths: 30 },
            (violation) => assert.fail(JSON.stringify(violation)),
            () => Promise.resolve(),
          ),
        )
        assert.equal(summary.violations, 0)
        // Nothing is written over.
        await assert.rejects(restoreLedger(file, settingsOf(target.name)), failure('configuration', false))
      })

    test('a copy is of one moment, while others write', async (t) => {
      const place = await engine.place(t)
      const ledger = await place.open()
      for (let n = 0; n < 30; n++) await commit(ledger, String(n))
      const load = { running: true }
      const writing = (async () => {
        for (let n = 30; load.running; n++) await commit(ledger, String(n))
      })()
      const file = await ledgerPath(t)
      await backupLedger(settingsOf(place.name), file)
      load.running = false
      await writing
      const summary = await withSnapshot({ engine: 'sqlite', file }, (view) =>
        checkLedger(
          view,
          { lastNotice: 86_400, quarantineMonths: 30 },
          (violation) => assert.fail(JSON.stringify(violation)),
          () => Promise.resolve(),
        ),
      )
      assert.ok(summary.identifiers >= 30)
      await assert.rejects(backupLedger(settingsOf(place.name), file), /EEXIST/)
    })
  })
