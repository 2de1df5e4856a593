// The gateway over a ledger in MariaDB: it certifies and delivers, refuses for now what it could not certify, and goes on by itself,
// whether its server is away, hangs, may not be written to, or is not there when the gateway starts.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { setKeys } from '../../src/cli/settings.js'
import { freePorts } from '../../src/lab/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { mariadbIsMissing, TestMariadb } from '../harness/mariadb.js'
import { downAt } from './figures.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'

function letter(subject: string): Buffer {
  return Buffer.from(`From: Mario <${MARIO}>\r\nTo: Lucia <${LUCIA}>\r\nSubject: ${subject}\r\n\r\nBuongiorno.\r\n`)
}

/** What a client may have to wait for the answer, with a margin for a busy machine: no longer than any client waits. */
const ANSWERED_MS = 60_000

test('a gateway over MariaDB', { skip: mariadbIsMissing, timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  const server = await TestMariadb.start()
  lab.atClose(() => server.close())
  await server.run('create database pec')
  // May do anything with the tables, but not write to a server that is read-only.
  await server.run("create user pec@localhost identified by ''")
  await server.run('grant all on pec.* to pec@localhost')
  const [monitor = 0] = await freePorts(1)
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    settings: {
      ledger: { engine: 'mysql', socket: server.socket, user: 'pec' },
      monitor: { listen: `127.0.0.1:${monitor}` },
      // Looked after by the master every 5 s, which sees the server by that.
      deadlines: { first: '10', second: '3600' },
    },
    prepare: (directory) => setKeys(join(directory, 'config', 'smtp.ini'), { main: { nodes: '1' } }),
  })
  const certified: string[] = []
  const exchange = async (subject: string): Promise<void> => {
    const identifier = await gateway.submitted(MARIO, [LUCIA], letter(subject))
    await gateway.waitForLetters(LUCIA, 1, isOf('transport', identifier))
    await gateway.waitForLetters(MARIO, 1, isOf('delivery', identifier))
    await gateway.waitForLetters(MARIO, 1, isOf('acceptance', identifier))
    certified.push(identifier)
  }
  const known = async (): Promise<string[]> =>
    (await server.run('select identifier from message', 'pec')).map((row) => String(row['identifier']))
  /** A message that is not taken now, for a reason that the log and the figures tell. */
  const refused = async (subject: string, reason: RegExp): Promise<void> => {
    const began = performance.now()
    const { dot } = await gateway.submit(MARIO, [LUCIA], letter(subject))
    assert.ok(performance.now() - began < ANSWERED_MS)
    assert.equal(dot?.code, 450, JSON.stringify(dot))
    await gateway.instance.waitForLog(reason)
    assert.ok((await downAt(monitor, 'ledger')) > 0)
  }
  /** As before, with no trace of what was refused meanwhile. */
  const recovered = async (subject: string): Promise<void> => {
    await exchange(subject)
    await gateway.quiet()
    await gateway.until('figure of it', async () => (await downAt(monitor, 'ledger')) === 0)
    assert.deepEqual((await known()).toSorted(), certified.toSorted())
    assert.deepEqual((await gateway.letters(LUCIA)).length, certified.length)
    assert.deepEqual((await gateway.letters(MARIO)).length, 2 * certified.length)
  }

  await t.test('certifies and delivers', async () => {
    await recovered('Primo')
    const outcomes = await server.run('select outcome from recipient', 'pec')
    assert.deepEqual(outcomes, [{ outcome: 'delivered' }])
  })

  await t.test('takes nothing from a server that may not be written to, and goes on when it may', async () => {
    await server.run('set global read_only = 1')
    await refused('Sola lettura', /ledger does not work \(ledger\): the ledger failed: .*read-only/)
    // It still answers questions, and that is not enough.
    assert.equal((await fetch(`http://127.0.0.1:${monitor}/readyz`)).status, 503)
    assert.ok((await downAt(monitor, 'ledger')) > 0)
    assert.doesNotMatch(
      gateway.instance.log.slice(gateway.instance.log.lastIndexOf('ledger does not work')),
      /ledger works again/,
    )
    await server.run('set global read_only = 0')
    await gateway.until('end of it, without a message', async () => (await downAt(monitor, 'ledger')) === 0)
    assert.equal((await fetch(`http://127.0.0.1:${monitor}/readyz`)).status, 200)
    await recovered('Scrittura')
  })

  await t.test('answers while its server hangs, and goes on when it wakes up', async () => {
    server.freeze()
    await refused('Congelato', /ledger works again[^]*ledger does not work \(ledger\): .*(?:timeout|within)/i).finally(() =>
      server.thaw(),
    )
    await recovered('Sveglio')
  })

  await t.test(
    'takes nothing while its server is away, with a worker that starts meanwhile, and goes on when it is back',
    async () => {
      await server.stop('SIGTERM')
      await refused('Perso', /(?:ledger works again[^]*){2}ledger does not work/)
      const { pids, pid: master } = gateway.instance
      for (const worker of pids.filter((pid) => pid !== master)) process.kill(worker, 'SIGKILL')
      await gateway.instance.waitForLog(/the gateway cannot open yet, next try in 5 s: .*cannot be reached/, 30_000)
      const client = await lab.client({ port: gateway.mxPort, patienceMs: ANSWERED_MS })
      assert.deepEqual(client.replies, [{ code: 421, lines: ['4.3.2 Not ready yet, please try again later'] }])
      await server.start()
      await recovered('Secondo')
    },
  )

  await t.test('that has to start while its server is away says so to whoever starts it, and waits', async () => {
    await server.stop('SIGTERM')
    await gateway.instance.kill()
    const start = promisify(execFile)(process.execPath, [PROGRAM, 'start', gateway.directory])
    await assert.rejects(start, (error: Error & { code?: number; stderr?: string }) => {
      assert.equal(error.code, 1)
      assert.match(String(error.stderr), /the ledger pec as pec on \S+socket cannot be reached: /)
      return true
    })
    // Without `pec start`, as a supervisor or Haraka's own script starts it: it does not listen before it is open.
    gateway.instance = await lab.instance({
      ...{ directory: gateway.directory, ports: [], startMs: 60_000 },
      readyLines: [/the gateway cannot open yet, next try in 5 s: .*cannot be reached/],
    })
    await server.start()
    await gateway.instance.waitForLog(/ready for mail/, 30_000)
    await recovered('Terzo')
  })

  await t.test('closes its connections when it ends, by the protocol', async () => {
    const lost = async (): Promise<unknown> => (await server.run("show global status like 'Aborted_clients'"))[0]?.['Value']
    const before = await lost()
    assert.ok(await gateway.instance.stop(25_000))
    await gateway.until('the connections to be gone', async () => (await server.run('show processlist', 'pec')).length === 1)
    assert.equal(await lost(), before)
  })
})
