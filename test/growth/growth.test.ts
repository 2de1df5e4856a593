import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openGrowingDatabase, type EngineName, type GrowingDatabase } from '../../src/growth/database.js'
import { Filling } from '../../src/growth/growth.js'
import { measureEffort, measureQueries } from '../../src/growth/measurement.js'
import { checkLedger } from '../../src/ledger/check.js'
import { withSnapshot } from '../../src/ledger/snapshot.js'
import { mariadbIsMissing } from '../harness/mariadb.js'

const ENGINES: readonly { readonly engine: EngineName; readonly skip: false | string }[] = [
  { engine: 'sqlite', skip: false },
  { engine: 'mysql', skip: mariadbIsMissing },
]

const FEW = 600
const MANY = 9000

async function open(t: TestContext, engine: EngineName): Promise<GrowingDatabase> {
  const database = await openGrowingDatabase(engine)
  t.after(() => database.close())
  return database
}

for (const { engine, skip } of ENGINES)
  test(`a ledger on ${engine} costs the same per message with few rows and with many, and finds them`, { skip }, async (t) => {
    const database = await open(t, engine)
    const filling = new Filling(database, MANY, 100)
    await filling.to(FEW)
    await database.settle()
    const small = await measureEffort(database, 'small')
    await filling.to(MANY)
    await database.settle()
    const large = await measureEffort(database, 'large')
    // Fifteen times the rows make a tree one page deeper; a search without an index would cost fifteen times as much.
    assert.ok(large < small * 1.5, `${small} at first, then ${large}`)

    const { day, rareKind, ...queries } = await measureQueries(database, filling.span, 5)
    assert.ok(day !== undefined && day.events > 50)
    assert.equal(rareKind?.events, 0)
    for (const [name, { events, max }] of Object.entries(queries)) {
      assert.ok(events > 0, `${name} finds nothing`)
      // Seconds, over the 30 months of the traffic; far more than it takes, for a busy machine.
      assert.ok(max < 3000, `${name} takes ${max} ms`)
    }

    const settings = { lastNotice: 86_400, quarantineMonths: 30 }
    const { identifiers, violations } = await withSnapshot(database.settings, (view) =>
      checkLedger(
        view,
        settings,
        (violation) => assert.fail(JSON.stringify(violation)),
        () => Promise.resolve(),
      ),
    )
    assert.equal(violations, 0)
    assert.ok(identifiers > MANY)
  })
