// Test messages to other providers (O7): one that answers, one that is away, refuses, or whose receipts are not right.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../../src/lab/ports.js'
import { composeNotification } from '../../src/pec/notification.js'
import { momentOf } from '../../src/pec/moment.js'
import { readAll } from '../../src/mail/source.js'
import { openFileSigner } from '../../src/smime/signer.js'
import { tlsIdentity } from '../harness/certificates.js'
import { Laboratory } from '../harness/laboratory.js'
import { accredit } from './accreditation.js'
import { lacking } from './checker.js'
import { figuresAt } from './figures.js'
import { choosePorts, PASSWORD, PROGRAM, TestGateway, type GatewayPlan, type Ports } from './gateway.js'
import { OUR_NAME, Peer } from './peer.js'

const PROBE = 'verifica@pec-a.test'
const UGO = 'ugo@pec-b.test'
const EVA = 'eva@pec-c.test'
const A = { name: 'Gestore A S.p.A.', domain: 'pec-a.test' }
const B = { name: 'Gestore B S.p.A.', domain: 'pec-b.test' }
const C = { name: 'Gestore C S.p.A.', domain: 'pec-c.test' }

interface Report {
  readonly passed: boolean
  readonly exchanges: readonly {
    readonly mailbox: string
    readonly provider?: string
    readonly identifier?: string
    readonly passed: boolean
    readonly seconds: Readonly<Record<string, number>>
    readonly faults: readonly string[]
  }[]
}

/** A provider that sends test messages to these. */
function probing(
  ports: Ports,
  to: string,
  more: Readonly<Record<string, string>> = {},
): Pick<GatewayPlan, 'settings' | 'prepare'> {
  const where = { password_file: 'config/verifica.password', submission: `127.0.0.1:${ports.submission}` }
  return {
    settings: { interoperability: { mailbox: PROBE, ...where, to, ...more } },
    prepare: (path) => writeFile(join(path, 'config', 'verifica.password'), `${PASSWORD}\n`, { mode: 0o600 }),
  }
}

function pec(...args: readonly string[]): Promise<{ readonly status: number; readonly out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { timeout: 90_000 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), out: stdout + stderr }),
    )
  })
}

/** `pec interop run` on an instance, and its report. */
async function check(directory: string, ...options: readonly string[]) {
  const json = join(directory, 'report.json')
  const ran = await pec('interop', 'run', directory, '--json', json, ...options)
  return { ...ran, ...(JSON.parse(await readFile(json, 'utf8')) as Report) }
}

test('another provider is sent test messages', { timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  const [keysA, keysB, keysC] = await accredit(lab, [A, B, C])
  assert.ok(keysA && keysB && keysC)
  const sink = await lab.sink({ protocol: 'smtp', tls: await tlsIdentity() })
  const [ports, portsB, monitor] = [await choosePorts(), await choosePorts(), await freePort()]
  const { settings, prepare } = probing(ports, UGO, { interval: '6', patience: '5' })
  const routes = { 'pec-b.test': portsB.mx, 'pec-c.test': sink.port }
  const planB = { ...B, keys: keysB, mailboxes: [UGO], routes: { 'pec-a.test': ports.mx } }
  const [gateway, b] = await Promise.all([
    TestGateway.open(
      lab,
      {
        ...{ ...A, keys: keysA, mailboxes: [PROBE], routes, workers: 1, ...(prepare === undefined ? {} : { prepare }) },
        settings: { ...settings, monitor: { listen: `127.0.0.1:${monitor}` } },
      },
      ports,
    ),
    TestGateway.open(lab, planB, portsB),
  ])
  const { directory } = gateway

  await t.test('one that gives all receipts passes, and the register has it', async () => {
    const { status, out, passed, exchanges } = await check(directory, '--patience', '60')
    assert.equal(status, 0, out)
    const [exchange, ...others] = exchanges
    assert.deepEqual([passed, others, exchange?.passed, exchange?.provider, exchange?.faults], [true, [], true, B.name, []])
    assert.deepEqual(Object.keys(exchange?.seconds ?? {}), ['acceptance', 'takeCharge', 'delivery'])
    assert.match(
      out,
      /^passed {2}ugo@pec-b\.test {2}Gestore B S\.p\.A\. {2}acceptance [\d.]+ s, take-charge \d+ s, delivery \d+ s$/m,
    )
    assert.match(out, /^1 checked: all passed\.$/m)
    assert.ok(exchange?.identifier !== undefined)
    const { identifier } = exchange
    const [event] = (await gateway.ledger.search({ type: 'interoperability', identifier }, 10)).events
    assert.deepEqual([event?.sender, event?.recipients], [PROBE, [UGO]])
    assert.match(event?.outcome ?? '', /^passed: acceptance/)
  })

  await t.test('the running service checks by itself', async () => {
    const byItself = (): boolean => /interoperability with ugo@pec-b\.test: passed: /.test(gateway.instance.log)
    await gateway.until('check by itself', byItself, 60_000)
    const figures = await figuresAt(monitor)
    assert.equal(figures.get(`pec_interoperability_passed{mailbox="${UGO}"}`), 1)
    assert.ok((figures.get(`pec_interoperability_answer_seconds{mailbox="${UGO}",answer="delivery"}`) ?? -1) >= 0)
  })

  await t.test('one that does not know the mailbox, and a domain that no provider has', async () => {
    const { status, out, exchanges } = await check(directory, '--to', 'nessuno@pec-b.test', 'zoe@mail.test')
    assert.equal(status, 1)
    const [unknown, stranger] = exchanges.map(({ faults }) => faults.join())
    assert.match(unknown ?? '', /^received: non-delivery: 5\.1\.1 - Gestore B S\.p\.A\. - /)
    assert.equal(stranger, 'its domain is in no record of the index: nothing was sent')
    assert.match(out, /^2 checked: 2 failed\.$/m)
  })

  await t.test('one whose receipt is altered on its way', async () => {
    const running = check(directory, '--to', EVA, '--patience', '6')
    await sink.waitFor(1, 60_000)
    const [accepted] = (await gateway.ledger.search({ recipient: EVA, type: 'acceptance' }, 1)).events
    const message = await gateway.ledger.message(accepted?.identifier ?? '')
    assert.ok(message !== undefined)
    const { cert, key } = keysC
    const signer = await openFileSigner({ certificate: cert, key, chain: [] })
    const issuer = { name: C.name, address: 'posta-certificata@pec-c.test', domain: C.domain, signer }
    const occurrence = { kind: 'delivery', recipient: EVA, requested: 'concise', form: 'concise', original: undefined } as const
    const receipt = await composeNotification({ message, moment: momentOf(new Date()), occurrence }, issuer)
    const bytes = (await readAll(receipt.message)).toString('latin1').replace('consegnato', 'consegnata')
    const { dot } = await gateway.bring({ from: issuer.address, to: [PROBE] }, Buffer.from(bytes, 'latin1'))
    assert.equal(dot?.code, 250)
    const { status, exchanges } = await running
    assert.equal(status, 1)
    const faults = exchanges[0]?.faults ?? []
    assert.deepEqual(faults.slice(0, 2), ['no valid take-charge receipt within 6 s', 'no valid delivery receipt within 6 s'])
    assert.match(faults[2] ?? '', /^no valid message, from posta-certificata@pec-c\.test: /)
    assert.equal(faults.length, 3)
  })

  await t.test('one that is away', async () => {
    await b.instance.kill()
    const { status, out, exchanges } = await check(directory, '--patience', '2')
    assert.equal(status, 1)
    assert.match(out, /^FAILED {2}ugo@pec-b\.test {2}Gestore B S\.p\.A\. {2}acceptance [\d.]+ s$/m)
    assert.deepEqual(exchanges[0]?.faults, ['no valid take-charge receipt within 2 s', 'no valid delivery receipt within 2 s'])
  })

  await t.test('ourselves, when nothing can be sent', async () => {
    await gateway.instance.stop()
    const { status, exchanges } = await check(directory)
    assert.equal(status, 1)
    assert.match(String(exchanges[0]?.faults), /^the gateway at 127\.0\.0\.1:\d+ is not reached: /)
  })

  await t.test('the register holds together with all that', async () => {
    const { status, out } = await pec('check', directory)
    assert.deepEqual([status, /everything holds/.test(out)], [0, true], out)
  })
})

test('another provider’s software is sent test messages', { skip: lacking, timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const peer = await Peer.open(lab, { twins: false })
  const ports = await choosePorts()
  const answers = ['--answer', '--send-to', `127.0.0.1:${ports.mx}`]
  const good = await peer.exchanger(...answers)
  const bad = await peer.exchanger(...answers, '--fault', 'missing-daticert')
  const probes = probing(ports, `${UGO}, eva@altra-b.test`, { patience: '5' })
  const gateway = await TestGateway.open(
    lab,
    {
      ...{ name: OUR_NAME, keys: peer.keys, mailboxes: [PROBE], ...probes },
      routes: { 'pec-b.test': good.port, 'altra-b.test': bad.port },
    },
    ports,
  )
  const { status, exchanges } = await check(gateway.directory)
  assert.equal(status, 1)
  const [right, wrong] = exchanges
  assert.deepEqual(
    right?.faults.filter((fault) => !fault.startsWith('no valid message, from')),
    [],
  )
  assert.deepEqual(wrong?.faults.slice(0, 2), ['no valid take-charge receipt within 5 s', 'no valid delivery receipt within 5 s'])
  assert.equal(wrong.faults.filter((fault) => /^no valid message, from .*daticert/.test(fault)).length, 2)
})
