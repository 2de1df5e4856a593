// The trial of docker/compose.yaml without containers: its own script makes the two providers, and the services of Debian's packages stand
// around provider A. Each of them goes away in turn: users see temporary refusals, and nothing is lost.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ImapFlow } from 'imapflow'
import { createTransport } from 'nodemailer'
import { setKeys } from '../../src/cli/settings.js'
import { freePort, freePorts } from '../../src/lab/ports.js'
import { connectClient } from '../../src/lab/smtp-client.js'
import { within } from '../../src/lab/within.js'
import { letterOf, type Letter } from '../exchange/letter.js'
import { clamdIsMissing, EICAR, startClamd } from '../harness/clamd.js'
import { dovecotIsMissing, TestDovecot } from '../harness/dovecot.js'
import { Laboratory } from '../harness/laboratory.js'
import { mariadbIsMissing, TestMariadb } from '../harness/mariadb.js'
import { rspamdIsMissing, startRspamd } from '../harness/rspamd.js'
import { ADMIN_PASSWORD, slapdIsMissing, TestSlapd } from '../harness/slapd.js'
import { startTimeServer } from '../harness/time-server.js'
import { TrialTsa } from './trial-tsa.js'

const ROOT = join(__dirname, '..', '..')
const MARIO = 'mario@pec-a.test'
const LUIGI = 'luigi@pec-b.test'
const PASSWORD = 'segreto-di-tutti-e-due'
const PATIENCE_MS = 60_000
const DAY_MS = 86_400_000

const missing = slapdIsMissing || dovecotIsMissing || mariadbIsMissing || clamdIsMissing || rspamdIsMissing

test('two providers, one with all the real services around it', { skip: missing, timeout: 600_000 }, async (t) => {
  const lab = new Laboratory(t)
  const folder = await lab.directory()
  const [a, b, secrets, bin] = ['a', 'b', 'secrets', 'bin'].map((name) => join(folder, name)) as [string, string, string, string]
  for (const directory of [secrets, bin]) await mkdir(directory)
  const pec = join(ROOT, 'dist', 'src', 'cli', 'pec.js')
  await symlink(pec, join(bin, 'pec'))
  for (const [name, secret] of Object.entries({
    mariadb_pec: 'of-the-ledger',
    ldap_admin: ADMIN_PASSWORD,
    mario_password: PASSWORD,
  }))
    await writeFile(join(secrets, name), `${secret}\n`)

  const slapd = await TestSlapd.start({ ldif: readFileSync(join(ROOT, 'docker', 'openldap', 'tree.ldif'), 'utf8') })
  lab.atClose(() => slapd.close())
  const mariadb = await TestMariadb.start()
  lab.atClose(() => mariadb.close())
  for (const statement of [
    'create database pec',
    "create user pec@'%' identified by 'of-the-ledger'",
    "grant all on pec.* to pec@'%'",
  ])
    await mariadb.run(statement)
  const clamd = await startClamd(t, { port: await freePort() })
  const rspamd = await startRspamd(t)
  const dovecot = await TestDovecot.start(slapd.url)
  lab.atClose(() => dovecot.close())
  const tsa = await TrialTsa.start(join(folder, 'tsa'))
  lab.atClose(() => tsa.stop())

  const times = await Promise.all([startTimeServer(t), startTimeServer(t)])

  const [portsA, portsB] = [await portsOf(), await portsOf()]
  const clamdPort = 'port' in clamd.endpoint ? clamd.endpoint.port : 0
  const places = {
    ...{ A_DIR: a, B_DIR: b, SECRETS_DIR: secrets, A_OPTIONS: optionsOf(portsA), B_OPTIONS: optionsOf(portsB) },
    ...{ CLAMD: `127.0.0.1:${clamdPort}`, MARIADB_HOST: '127.0.0.1', MARIADB_PORT: String(mariadb.port), LDAP_URL: slapd.url },
    ...{ LMTP: `127.0.0.1:${dovecot.ports.lmtp}`, RSPAMD_HOST: '127.0.0.1', RSPAMD_PORT: String(rspamd.port) },
    ...{ A_MX: `127.0.0.1:${portsA.mx}`, B_MX: `127.0.0.1:${portsB.mx}`, TSA_URL: tsa.url, TSA_ANCHORS: tsa.anchors },
    ...{ A_MONITOR: `127.0.0.1:${portsA.monitor}`, B_MONITOR: `127.0.0.1:${portsB.monitor}` },
    ...{ NTP_A: `127.0.0.1:${times[0].port}`, NTP_B: `127.0.0.1:${times[1].port}` },
  }
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, ...places }
  await promisify(execFile)('sh', [join(ROOT, 'docker', 'demo', 'prepare.sh')], { env })

  // Sooner than a trial of people has it: the directory is asked again after a second, and what waits in the queue is tried after five.
  await promisify(execFile)(process.execPath, [pec, 'set', a, 'ldap.cache=1', 'ldap.cache_unknown=1'])
  await setKeys(join(a, 'config', 'outbound.ini'), { main: { temp_fail_intervals: '5s*30' } })
  // Something of yesterday in the register: a day that is over, archived a minute after the start. Nobody is there to stamp it.
  const ahead = join(folder, 'ahead')
  await writeFile(ahead, String(-DAY_MS))
  const yesterday = {
    ...env,
    PEC_TEST_AHEAD: ahead,
    NODE_OPTIONS: `--import=${join(ROOT, 'test', 'exchange', 'shifted-clock.mjs')}`,
  }
  await promisify(execFile)(process.execPath, [pec, 'domain', 'policy', a, 'pec-a.test', 'accept'], { env: yesterday })
  tsa.stop()

  const start = (directory: string, ports: Ports) =>
    lab.instance({
      ...{ directory, ports: [ports.submission, ports.starttls, ports.mx, ports.monitor], readyLines: [/ready for mail/] },
      ...{ startMs: 60_000, command: [process.execPath, pec, 'start', directory] },
    })
  const [gateway] = await Promise.all([start(a, portsA), start(b, portsB)])

  const archive = async (command: string): Promise<string> =>
    (await promisify(execFile)(process.execPath, [pec, 'archive', command, a])).stdout

  /** What is seen of the day that waits for its time stamp; then the authority is back, and the rest of the trial goes on meanwhile. */
  const waiting = (async () => {
    await gateway.waitForLog(/timestamp does not work \(timestamp\)/, 2 * PATIENCE_MS)
    const seen = { status: await archive('status'), metrics: await metricsOf(portsA.monitor) }
    await tsa.start()
    return seen
  })()
  waiting.catch(() => undefined)

  /** As a mail client does; with what the server says. */
  async function send(from: string, to: string, text = 'Buongiorno'): Promise<string> {
    const port = from === MARIO ? portsA.submission : portsB.submission
    const tls = { rejectUnauthorized: false }
    const client = createTransport({ host: '127.0.0.1', port, secure: true, auth: { user: from, pass: PASSWORD }, tls })
    try {
      return (await client.sendMail({ from, to, subject: 'Prova', text })).response
    } catch (error) {
      return String((error as { readonly response?: string }).response ?? error)
    } finally {
      client.close()
    }
  }

  /** What is in mario's mailbox, over IMAPS. */
  async function read(): Promise<Letter[]> {
    const [port, tls, auth] = [dovecot.ports.imaps, { ca: dovecot.tls.ca }, { user: MARIO, pass: PASSWORD }]
    const client = new ImapFlow({ host: 'localhost', port, secure: true, auth, tls, logger: false })
    await client.connect()
    try {
      if ((await client.mailboxOpen('INBOX')).exists === 0) return []
      const sources = (await client.fetchAll('1:*', { source: true })).map(({ source }) => source ?? Buffer.alloc(0))
      return await Promise.all(sources.map((source) => letterOf('', source)))
    } finally {
      await client.logout()
    }
  }

  /** Waits until mario has as many letters of a kind. */
  const has = (kind: string, count: number): Promise<void> =>
    within(PATIENCE_MS, `not ${count} of ${kind} for mario`, async () => {
      const found = (await read()).filter((letter) => letter.kind === kind).length
      assert.ok(found <= count, `${found} of ${kind} for mario`)
      return found === count
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${gateway.log.slice(-4000)}`)
    })

  let sent = 0
  let received = 0
  /** From mario to luigi with all receipts, and back. */
  async function exchange(): Promise<void> {
    assert.match(await send(MARIO, LUIGI), /^250 /)
    sent++
    assert.match(await send(LUIGI, MARIO), /^250 /)
    received++
    await has('acceptance', sent)
    await has('delivery', sent)
    await has('transport', received)
  }

  await t.test('exchange certified mail in both directions', exchange)

  await t.test('a virus is not accepted, and its sender told', async () => {
    assert.match(await send(MARIO, LUIGI, EICAR), /^250 .*not accepted/)
    await has('non-acceptance', 1)
  })

  await t.test('spam in ordinary mail is marked', async () => {
    const client = await connectClient({ port: portsA.mx, patienceMs: 30_000 })
    await client.ehlo('mx.mail.test')
    const message = Buffer.from(`From: x@mail.test\r\nTo: ${MARIO}\r\nSubject: points 8\r\n\r\nciao\r\n`)
    assert.equal((await client.send({ from: 'x@mail.test', to: [MARIO] }, message)).dot?.code, 250)
    client.destroy()
    await has('anomaly', 1)
    const [letter] = (await read()).filter(({ kind }) => kind === 'anomaly')
    assert.deepEqual(letter?.values('X-Spam-Level'), ['medium'])
  })

  const absences: readonly [string, () => unknown, () => unknown, RegExp][] = [
    ['clamd', () => clamd.stop(), () => clamd.start(), /^450 /],
    ['MariaDB', () => mariadb.stop(), () => mariadb.start(), /^45\d |^421 |^454 /],
    ['slapd', () => slapd.kill(), () => slapd.start(), /^45\d /],
  ]
  for (const [name, stop, startAgain, answer] of absences)
    await t.test(`${name} away refuses for the time being, and nothing is lost or certified`, async () => {
      await stop()
      await within(PATIENCE_MS, `an answer without ${name}`, async () => {
        const reply = await send(MARIO, LUIGI)
        if (/^250 /.test(reply)) sent++
        return answer.test(reply)
      })
      await startAgain()
      await within(PATIENCE_MS, `${name} is not believed to be back`, async () => {
        const accepted = /^250 /.test(await send(MARIO, LUIGI))
        if (accepted) sent++
        return accepted
      })
      await exchange()
    })

  await t.test('Dovecot away leaves messages in the queue', async () => {
    await dovecot.stop()
    assert.match(await send(LUIGI, MARIO), /^250 /)
    received++
    await gateway.waitForLog(/mailbox store|LMTP|ECONNREFUSED/i, PATIENCE_MS)
    await dovecot.start()
    await has('transport', received)
  })

  await t.test('rspamd away lets mail go on', async () => {
    await rspamd.stop()
    await exchange()
    await rspamd.start()
  })

  await t.test('the time-stamping authority away leaves the day in the queue, until it is back', async () => {
    const { status, metrics } = await waiting
    assert.match(status, /^Waits {7}\S+: for its time stamp$/m)
    assert.match(metrics, /^pec_part_down\{part="timestamp"\} 1$/m)
    await gateway.waitForLog(/timestamp works again/, 3 * PATIENCE_MS)
    assert.match(await archive('status'), /^Last day {4}\S+, stamped$/m)
    await archive('verify')
  })

  await t.test('the ledgers fit together, and the installation is in order', async () => {
    for (const directory of [a, b]) await promisify(execFile)(process.execPath, [pec, 'check', directory])
    assert.equal((await fetch(`http://127.0.0.1:${portsA.monitor}/readyz`)).status, 200)
  })
})

async function metricsOf(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
}

interface Ports {
  readonly submission: number
  readonly starttls: number
  readonly mx: number
  readonly store: number
  readonly monitor: number
}

async function portsOf(): Promise<Ports> {
  const [submission = 0, starttls = 0, mx = 0, store = 0, monitor = 0] = await freePorts(5)
  return { submission, starttls, mx, store, monitor }
}

function optionsOf({ submission, starttls, mx, store }: Ports): string {
  return [
    '--listen 127.0.0.1',
    `--submission-port ${submission} --starttls-port ${starttls} --mx-port ${mx} --store-port ${store}`,
  ].join(' ')
}
