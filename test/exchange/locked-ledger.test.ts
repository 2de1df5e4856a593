// A gateway whose SQLite file another process keeps locked, as a backup or a repair by hand may: it refuses for now what it cannot certify,
// keeps what it has accepted, says why, and goes on by itself.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { freePorts } from '../../src/lab/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { downAt } from './figures.js'
import { TestGateway } from './gateway.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
/** What a client may have to wait for its answer on a busy machine: no longer than any client waits. */
const ANSWERED_MS = 60_000

test('a gateway whose ledger is locked by another process', { timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  const [monitor = 0] = await freePorts(1)
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    settings: { monitor: { listen: `127.0.0.1:${monitor}` } },
    outbound: { temp_fail_intervals: '5s*100' },
  })
  const { instance } = gateway
  const letter = (subject: string): Buffer => original({ from: MARIO, to: [LUCIA] }, subject, ...PLAIN)
  const exchanged = (identifier: string): Promise<void> => gateway.exchanged(identifier, MARIO, LUCIA)
  await exchanged(await gateway.submitted(MARIO, [LUCIA], letter('Prima')))

  await gateway.quiet()
  const events = async (): Promise<number> => (await gateway.ledger.search({}, 1000)).events.length
  const before = await events()
  const other = new Database(join(gateway.directory, 'ledger', 'pec.sqlite'))
  lab.atClose(() => other.close())
  other.exec('begin immediate')
  const began = performance.now()
  const refusals = await Promise.all(['uno', 'due', 'tre'].map((subject) => gateway.submit(MARIO, [LUCIA], letter(subject))))
  assert.ok(performance.now() - began < ANSWERED_MS)
  assert.deepEqual(
    refusals.map(({ dot }) => dot?.code),
    [450, 450, 450],
  )
  await instance.waitForLog(/ledger does not work \(ledger\): the ledger failed: database is locked/)
  assert.equal(await downAt(monitor, 'ledger'), 1)
  // What was refused has left nothing: no event, no letter.
  assert.equal(await events(), before)
  assert.equal((await gateway.letters(LUCIA)).length, 1)

  other.exec('commit')
  const after = await gateway.submitted(MARIO, [LUCIA], letter('Dopo'))
  await exchanged(after)
  await instance.waitForLog(/ledger works again/)
  assert.equal(await downAt(monitor, 'ledger'), 0)
  await gateway.quiet()
  assert.equal(gateway.instance.exited, false)
  assert.equal((await gateway.letters(LUCIA)).length, 2)

  await t.test('and what was accepted before waits for it, and arrives once', async () => {
    const identifier = await gateway.submitted(MARIO, [LUCIA], letter('In viaggio'))
    other.exec('begin immediate')
    // Longer than an attempt of the ledger.
    await new Promise((resolve) => setTimeout(resolve, 7000))
    other.exec('commit')
    await exchanged(identifier)
    await gateway.quiet()
  })
})
