import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesBetween } from '../../src/providers/index-changes.js'
import { registerChanges } from '../../src/providers/index-register.js'
import { ENGINES, freshLedger } from '../ledger/engines.js'

const record = (...domains: readonly string[]) => ({
  ...{ name: 'Provider B', unit: undefined, certificates: [], certificateHashes: new Set<string>(), mailReceipt: 'r@b.test' },
  managedDomains: new Set(domains),
})
const DAY = 86_400_000

for (const engine of ENGINES)
  test(
    `changes of the index are events of the register, once a day however many nodes see them: ${engine.name}`,
    { skip: engine.skip },
    async (t) => {
      const ledger = await freshLedger(t, engine)
      const at = new Date('2026-06-01T12:00:00Z')
      const changes = changesBetween([record('b.test')], [record('b.test', 'new.test')])
      const events = () => ledger.countEvents(new Date(0), new Date(at.getTime() + 2 * DAY))
      await Promise.all([1, 2].map((minutes) => registerChanges(ledger, changes, new Date(at.getTime() + minutes * 60_000))))
      assert.equal((await events()).get('index'), 1)
      await registerChanges(ledger, changes, new Date(at.getTime() + DAY))
      assert.equal((await events()).get('index'), 2)
    },
  )
