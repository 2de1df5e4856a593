// The life of an instance: it ends with its work in hand, and is renewed under clients that notice nothing. O4, K4
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { setKeys } from '../../src/cli/settings.js'
import { processTree } from '../../src/lab/processes.js'
import { stuff } from '../../src/lab/wire.js'
import { issueAuthority, issueTlsCertificate } from '../../src/smime/issue.js'
import { Laboratory } from '../harness/laboratory.js'
import { choosePorts, PROGRAM, TestGateway } from './gateway.js'
import { isOf } from './letter.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
/** Beyond what ending may take: the bound of smtp.ini is longer, and a test of CI is slow. */
const ENDED_MS = 25_000

const letter = (subject: string): Buffer =>
  Buffer.from(`From: ${MARIO}\r\nTo: ${LUCIA}\r\nSubject: ${subject}\r\n\r\nBuongiorno\r\n`)

const pec = (...args: readonly string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...args])

/** What a command that must fail says. */
async function complaint(...args: readonly string[]): Promise<string> {
  return pec(...args).then(
    ({ stdout }) => assert.fail(`it worked: ${stdout}`),
    (error: unknown) => String((error as { readonly stderr?: unknown }).stderr),
  )
}

function workersOf(gateway: TestGateway): number[] {
  return processTree(gateway.instance.pid).filter((pid) => pid !== gateway.instance.pid)
}

/** How many have been ready since the start. */
function readyWorkers(gateway: TestGateway): number {
  return gateway.instance.log.split('ready for mail').length - 1
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} to every process lets what is in hand finish, and loses nothing`, async (t) => {
    const lab = new Laboratory(t)
    const ports = await choosePorts()
    // The store takes its time over the first message.
    let slow = true
    const dot = () => (slow ? ((slow = false), { reply: '250 2.6.0 taken', afterMs: 3_000 }) : undefined)
    const store = await lab.sink({ protocol: 'lmtp', port: ports.store, script: { dot } })
    const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA], workers: 2, storePort: ports.store }, ports)
    const workers = workersOf(gateway)
    assert.equal(workers.length, 2)

    // A message on its way to the store, one half sent, one that waits for its commit, a client that does nothing.
    const first = await gateway.submitted(MARIO, [LUCIA], letter('In consegna'))
    await gateway.until('a delivery', () => store.messages.length > 0)
    const half = await gateway.session(MARIO)
    await half.command(`MAIL FROM:<${MARIO}>`)
    await half.command(`RCPT TO:<${LUCIA}>`)
    await half.command('DATA')
    half.write('Subject: A meta\r\n')
    const idle = await gateway.session(MARIO)
    const committing = await gateway.session(MARIO)
    await committing.command(`MAIL FROM:<${MARIO}>`)
    await committing.command(`RCPT TO:<${LUCIA}>`)
    await committing.command('DATA')
    const database = new Database(join(gateway.directory, 'ledger', 'pec.sqlite'))
    database.exec('begin immediate')
    const committed = committing.sendData(stuff(letter('In certificazione')))

    // A terminal, or systemd, signals every process, and more than once.
    for (let turn = 0; turn < 2; turn++) for (const pid of gateway.instance.pids) process.kill(pid, signal)
    assert.equal((await idle.read()).code, 421)
    database.exec('commit')
    database.close()
    assert.equal((await committed).code, 250)
    assert.equal((await half.sendData(stuff(Buffer.from(`From: ${MARIO}\r\nTo: ${LUCIA}\r\n\r\nciao\r\n`)))).code, 250)
    await gateway.until('end', () => gateway.instance.exited && gateway.instance.pids.length === 0, ENDED_MS)
    assert.doesNotMatch(gateway.instance.log, /is killed|Caught exception/)

    await gateway.restart()
    await gateway.quiet()
    assert.equal(await gateway.outcomeOf(first, LUCIA), 'delivered')
    const taken = store.messages.filter(({ accepted }) => accepted.includes(LUCIA))
    // What the store got is what it was given: each message once.
    assert.equal(taken.length, 3)
    const kinds = store.messages.filter(({ accepted }) => accepted.includes(MARIO)).length
    assert.equal(kinds, 6, 'an acceptance and a delivery receipt of each')
  })
}

test('pec start after kill -9 of whatever ran', async (t) => {
  const lab = new Laboratory(t)
  // As a shell has it, $1 is Node.js and $4 the directory.
  const plan = { mailboxes: [MARIO, LUCIA], workers: 2, shell: `exec "$1" '${PROGRAM}' start "$4"` }
  const gateway = await TestGateway.open(lab, plan)
  // A mailbox may have got a letter twice.
  const delivered = (identifier: string) =>
    gateway.until('a delivery', async () => (await gateway.outcomeOf(identifier, LUCIA)) === 'delivered')

  await t.test('killed itself, it leaves a gateway that ends, and the next start waits for that', async () => {
    const former = gateway.instance
    const session = await gateway.session(MARIO)
    await session.command(`MAIL FROM:<${MARIO}>`)
    await session.command(`RCPT TO:<${LUCIA}>`)
    await session.command('DATA')
    process.kill(former.pid, 'SIGKILL')
    await former.waitForLog(/pec start, which runs this, is gone: finishing what is in hand/)
    const next = spawn(process.execPath, [PROGRAM, 'start', gateway.directory], { stdio: ['ignore', 'pipe', 'inherit'] })
    lab.atClose(() => next.kill('SIGKILL'))
    assert.match(String(await once(next.stdout, 'data')), /is still ending: waiting/)
    next.kill('SIGKILL')
    assert.equal((await session.sendData(stuff(letter('In mano')))).code, 250)
    await gateway.until('end', () => former.pids.length === 0, ENDED_MS)
    await gateway.restart()
    await gateway.waitForLetters(LUCIA, 1)
  })

  await t.test('its master killed, it ends, and the next start has workers at once', async () => {
    const former = gateway.instance
    const [, master = 0] = processTree(former.pid)
    const before = await gateway.submitted(MARIO, [LUCIA], letter('Prima'))
    process.kill(master, 'SIGKILL')
    await gateway.until('end of pec start', () => former.exited)
    await gateway.restart()
    await delivered(await gateway.submitted(MARIO, [LUCIA], letter('Dopo')))
    await delivered(before)
    assert.deepEqual(former.pids, [])
  })

  await t.test('killed in a moment, all of it is started again', async () => {
    await gateway.instance.kill()
    await gateway.restart()
    await delivered(await gateway.submitted(MARIO, [LUCIA], letter('Di nuovo')))
  })
})

test('pec reload replaces the workers under clients that go on submitting', async (t) => {
  const lab = new Laboratory(t)
  const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA], workers: 1, settings: { signer: { refresh: '1' } } })
  const before = workersOf(gateway)

  await t.test('a session that is open goes on, and no connection is refused', async () => {
    const session = await gateway.session(MARIO)
    await session.command(`MAIL FROM:<${MARIO}>`)
    await session.command(`RCPT TO:<${LUCIA}>`)
    await session.command('DATA')
    const submitting = { goes: true }
    const accepted: string[] = []
    const client = (async () => {
      for (let count = 0; submitting.goes; count++)
        accepted.push(await gateway.submitted(MARIO, [LUCIA], letter(`Numero ${count}`)))
    })()
    for (let turn = 0; turn < 2; turn++) {
      const { stdout } = await pec('reload', gateway.directory)
      assert.match(stdout, /1 workers were replaced/)
    }
    submitting.goes = false
    await client
    assert.equal((await session.sendData(stuff(letter('Di prima')))).code, 250)
    assert.ok(accepted.length > 0)
    await gateway.waitForLetters(LUCIA, accepted.length + 1)
    await gateway.waitForLetters(MARIO, accepted.length + 1, isOf('delivery'))
    await gateway.until('the old worker to go', () => workersOf(gateway).length === 1)
    assert.ok(!before.includes(workersOf(gateway)[0] ?? 0))
  })

  await t.test('a worker that dies afterwards is replaced as before', async () => {
    const [worker = 0] = workersOf(gateway)
    const ready = readyWorkers(gateway)
    process.kill(worker, 'SIGKILL')
    await gateway.until('another worker', () => readyWorkers(gateway) > ready)
    await gateway.submitted(MARIO, [LUCIA], letter('Ancora'))
  })

  await t.test('a new TLS certificate is served afterwards', async () => {
    const authority = await issueAuthority({ name: 'Altra CA', keyKind: 'p-256' })
    const { key, certificate } = await issueTlsCertificate({ authority, hosts: ['localhost'], keyKind: 'p-256' })
    await replace(join(gateway.directory, 'config', 'tls_key.pem'), key)
    await replace(join(gateway.directory, 'config', 'tls_cert.pem'), certificate)
    await pec('reload', gateway.directory)
    const socket = connect({
      port: gateway.submissionPort,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.certificate,
    })
    await once(socket, 'secureConnect')
    socket.destroy()
  })

  await t.test('faulty settings change nothing, and are named', async () => {
    const ini = join(gateway.directory, 'config', 'pec.ini')
    const workers = workersOf(gateway)
    await setKeys(ini, { limits: { recipients: 'many' }, deadlines: { first: '0' } })
    const said = await complaint('reload', gateway.directory)
    assert.match(said, /\[limits\] recipients is many.*\[deadlines\] first is 0/)
    await setKeys(ini, { limits: { recipients: '1000' }, deadlines: { first: '43200' }, ledger: { file: 'ledger/other.sqlite' } })
    assert.match(await complaint('reload', gateway.directory), /\[ledger\] .*cannot change while it runs/)
    assert.deepEqual(workersOf(gateway), workers)
    await setKeys(ini, { ledger: { file: 'ledger/pec.sqlite' } })
    await pec('reload', gateway.directory)
  })

  await t.test('only its owner can speak to it, and nobody can start it twice', async () => {
    assert.equal((await stat(join(gateway.directory, 'control.sock'))).mode & 0o777, 0o600)
    assert.match(await complaint('start', gateway.directory), /is running already/)
    await gateway.submitted(MARIO, [LUCIA], letter('Sempre'))
  })

  await t.test('once it has ended there is nothing to reload', async () => {
    assert.ok(await gateway.instance.stop(ENDED_MS))
    assert.match(await complaint('reload', gateway.directory), /is not running/)
    assert.deepEqual(
      (await readdir(gateway.directory)).filter((name) => name.endsWith('.sock')),
      [],
    )
  })
})

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
