// A gateway whose disks are full: queue and spool, ledger, quarantine, mailboxes, log. Nothing is half accepted, clients are told to come
// again, the log says which disk it is, and it goes on by itself once there is room.
import assert from 'node:assert/strict'
import { appendFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { EICAR, startScriptedClamd } from '../../src/lab/clamd.js'
import { freePorts } from '../../src/lab/ports.js'
import type { Part } from '../../src/watch/occurrence.js'
import { mountIsMissing, TestDisk } from '../harness/disk.js'
import { Laboratory } from '../harness/laboratory.js'
import { downAt } from './figures.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const TO_LUCIA = { from: MARIO, to: [LUCIA] }
/** Beyond `memory`: it goes through the spool. */
const LARGE = 'una riga del testo, che va nello spool\n'.repeat(40_000)
const MEMORY = 131_072

const letter = (subject: string, body?: string): Buffer => original(TO_LUCIA, subject, PLAIN[0], body ?? PLAIN[1])

test('a gateway whose disks are full', { skip: mountIsMissing, timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  const folder = await lab.directory()
  const [work, ledger, quarantine, mail, log] = await Promise.all(
    ['work', 'ledger', 'quarantine', 'mail', 'log'].map((name) => TestDisk.mount(lab, join(folder, name), 16)),
  )
  assert.ok(work && ledger && quarantine && mail && log)
  const clamd = await startScriptedClamd()
  lab.atClose(() => clamd.close())
  const [monitor = 0] = await freePorts(1)
  const logFile = join(log.path, 'gateway.log')
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    settings: {
      ...{ files: { memory: String(MEMORY) }, antivirus: { engine: 'clamd', socket: `127.0.0.1:${clamd.port}` } },
      monitor: { listen: `127.0.0.1:${monitor}` },
    },
    outbound: { temp_fail_intervals: '5s*100' },
    prepare: async (directory) => {
      await work.carry(directory, 'queue', 'spool')
      await ledger.carry(directory, 'ledger')
      await quarantine.carry(directory, 'quarantine')
      await mail.carry(directory, 'mail')
    },
    shell: `: > ${logFile}; tail -n +1 -f ${logFile} & exec "$@" >> ${logFile}`,
  })

  /** The log says why, and the figures say which part it is. */
  const refused = async (message: Buffer, why: RegExp, part: Part): Promise<void> => {
    const { dot } = await gateway.submit(MARIO, [LUCIA], message)
    assert.equal(dot?.code, 450, JSON.stringify(dot))
    await gateway.until(`line ${String(why)} in the log`, () => why.test(gateway.instance.log))
    assert.equal(await downAt(monitor, part), 1, part)
  }
  const works = async (part: Part): Promise<void> => assert.equal(await downAt(monitor, part), 0, part)
  const exchanged = (identifier: string): Promise<void> => gateway.exchanged(identifier, MARIO, LUCIA)
  const exchange = async (subject: string): Promise<void> => exchanged(await gateway.submitted(MARIO, [LUCIA], letter(subject)))
  const spooled = (): Promise<string[]> => readdir(join(work.path, 'spool'))

  t.afterEach(() => Promise.all([work, ledger, quarantine, mail, log].map((disk) => disk.free())))

  await t.test('no room for the queue', async () => {
    await work.fill()
    await refused(letter('Senza posto'), /the queue did not take a message: ENOSPC/, 'queue')
    await work.free()
    await exchange('Con posto')
    await works('queue')
  })

  await t.test('room for a part of a message only: what a disk takes of it is no message', async () => {
    await work.fill(16_384)
    await refused(letter('A metà', LARGE.slice(0, MEMORY / 2)), /the queue did not take a message: ENOSPC/, 'queue')
    await gateway.until('the rest to be taken away', async () => (await spooled()).length === 0)
    await work.free()
    await exchange('Intero')
  })

  await t.test('no room for the spool', async () => {
    await work.fill(16_384)
    await refused(letter('Grande', LARGE), /the spool cannot be written: ENOSPC/, 'spool')
    await gateway.until('the rest to be taken away', async () => (await spooled()).length === 0)
    await work.free()
    await exchanged(await gateway.submitted(MARIO, [LUCIA], letter('Grande', LARGE)))
    await works('spool')
  })

  await t.test('no room for the ledger', async () => {
    await ledger.fill()
    await refused(letter('Senza registro'), /the ledger failed: database or disk is full/, 'ledger')
    await ledger.free()
    await exchange('Con registro')
    await works('ledger')
  })

  await t.test('no room in quarantine: the user is not told of a virus that is not kept', async () => {
    await quarantine.fill()
    await refused(letter('Virus', EICAR), /the quarantine \S+ did not take a message: ENOSPC/, 'quarantine')
    assert.deepEqual(await readdir(join(gateway.directory, 'quarantine')), [])
    await quarantine.free()
    const identifier = await gateway.submitted(MARIO, [LUCIA], letter('Virus', EICAR))
    await gateway.waitForLetters(MARIO, 1, isOf('non-acceptance', identifier))
    await works('quarantine')
  })

  await t.test('no room for mailboxes: what is accepted waits, and arrives once', async () => {
    await mail.fill()
    const identifier = await gateway.submitted(MARIO, [LUCIA], letter('In attesa'))
    await gateway.until('word of it', () => /mailbox store: ENOSPC/.test(gateway.instance.log))
    assert.equal(await gateway.outcomeOf(identifier, LUCIA), undefined)
    await mail.free()
    await exchanged(identifier)
  })

  await t.test('no room for the log: the gateway goes on, and says afterwards what is missing', async () => {
    await log.fill()
    // The last page of the file, too.
    await appendFile(logFile, '\n'.repeat(8192)).catch(() => undefined)
    await exchange('Senza parole')
    assert.equal(await downAt(monitor, 'output'), 1)
    await log.free()
    await exchange('Con parole')
    await works('output')
    await gateway.until('word of the gap', () => /\d+ lines of the log are missing here/.test(gateway.instance.log))
  })

  await t.test('and nothing is left', async () => {
    await gateway.quiet()
    assert.deepEqual(await spooled(), [])
    assert.equal((await gateway.letters(LUCIA)).length, 7)
  })
})
