// What monitoring sees of a running gateway with several workers: their figures added up, and what it lacks to take mail.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setKeys } from '../../src/cli/settings.js'
import { EICAR, startScriptedClamd } from '../../src/lab/clamd.js'
import { freePorts } from '../../src/lab/ports.js'
import { startSink } from '../../src/lab/sink.js'
import { Laboratory } from '../harness/laboratory.js'
import { figuresAt } from './figures.js'
import { TestGateway } from './gateway.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const ANNA = 'anna@pec-a.test'
const MESSAGES = 8

interface Answer {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>
}

test('monitoring a gateway with two workers', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  let clamd = await startScriptedClamd()
  lab.atClose(() => clamd.close())
  const smarthost = await startSink({ protocol: 'smtp' })
  lab.atClose(() => smarthost.close())
  const [port = 0] = await freePorts(1)
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, ANNA],
    settings: {
      monitor: { listen: `127.0.0.1:${port}` },
      antivirus: { engine: 'clamd', socket: `127.0.0.1:${clamd.port}` },
      alarms: {
        ...{
          mail_to: 'ops@example.test',
          mail_from: 'pec@example.test',
          smarthost: `127.0.0.1:${smarthost.port}`,
          tls: 'optional',
        },
        ...{ minimum: '0', settled: '0', disk: '0' },
      },
    },
    prepare: (directory) => setKeys(join(directory, 'config', 'smtp.ini'), { main: { nodes: '2' } }),
  })
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  const readiness = async () => {
    const response = await get('/readyz')
    return { status: response.status, ...((await response.json()) as Answer) }
  }
  const figures = () => figuresAt(port)
  const message = (body: string) => original({ from: MARIO, to: [ANNA] }, body, ...PLAIN)

  await t.test('adds up the figures of all its processes', async () => {
    for (let i = 0; i < MESSAGES; i++) await gateway.submitted(MARIO, [ANNA], message('Prova'))
    await gateway.until('all deliveries', async () => (await figures()).get('pec_events_total{type="delivery"}') === MESSAGES)
    // A gauge is looked at again after a while only.
    await gateway.until('an end to them', async () => (await figures()).get('pec_open_recipients') === 0)
    const found = await figures()
    assert.equal(found.get('pec_messages_total{point="access",outcome="accepted"}'), MESSAGES)
    assert.equal(found.get('pec_way_seconds_count{event="delivery"}'), MESSAGES)
    assert.equal(found.get('pec_signature_seconds_count'), 4 * MESSAGES)
    assert.equal(found.get('pec_scan_seconds_count'), MESSAGES)
    assert.equal(found.get('pec_authentications_total{outcome="passed"}'), MESSAGES)
    assert.ok((found.get('pec_certificate_seconds_left') ?? 0) > 0)
    assert.ok((found.get('nodejs_eventloop_lag_seconds') ?? -1) >= 0)
  })

  await t.test('says that it is ready, by everything that it needs', async () => {
    const { status, ready, checks } = await readiness()
    assert.deepEqual([status, ready], [200, true], JSON.stringify(checks))
    const names = ['antivirus', 'certificate', 'directory', 'index', 'ledger', 'workers']
    assert.deepEqual(Object.keys(checks).toSorted(), names)
    assert.equal((await get('/healthz')).status, 200)
    assert.equal((await get('/')).status, 404)
  })

  await t.test('says what is missing, and when it is back', async () => {
    await clamd.close()
    const { status, ready, checks } = await readiness()
    assert.deepEqual([status, ready], [503, false])
    assert.match(checks['antivirus']?.reason ?? '', /clamd/)
    assert.deepEqual([checks['ledger']?.ok, (await get('/healthz')).status], [true, 200])
    assert.equal((await gateway.submit(MARIO, [ANNA], message('Persa'))).dot?.code, 450)
    const down = 'pec_part_down{part="antivirus"}'
    assert.equal((await figures()).get(down), 1)
    assert.equal((await figures()).get('pec_failures_total{part="antivirus",code="antivirus"}'), 1)
    await gateway.until('failure in both workers', async () => {
      await gateway.submit(MARIO, [ANNA], message('Persa'))
      return (await figures()).get(down) === 2
    })
    const [alarm] = await smarthost.waitFor(1)
    assert.match(alarm?.bytes.toString() ?? '', /^Subject: \[PEC\] \S+ antivirus fails\r$/m)

    clamd = await startScriptedClamd(clamd.port)
    await gateway.until('readiness', async () => (await readiness()).ready)
    await gateway.until('recovery in both workers', async () => {
      await gateway.submitted(MARIO, [ANNA], message('Prova'))
      return (await figures()).get(down) === 0
    })
    const [, end, ...more] = await smarthost.waitFor(2)
    assert.match(end?.bytes.toString() ?? '', /^Subject: \[PEC\] \S+ antivirus is solved\r$/m)
    assert.deepEqual(more, [])
  })

  await t.test('counts what the antivirus finds', async () => {
    await gateway.submitted(MARIO, [ANNA], message(EICAR))
    const found = await figures()
    assert.deepEqual([found.get('pec_infected_total'), found.get('pec_quarantined_total')], [1, 1])
  })

  await t.test('tells the end of a trouble after a restart, too', async () => {
    await clamd.close()
    await gateway.submit(MARIO, [ANNA], message('Persa'))
    await smarthost.waitFor(3)
    await gateway.instance.stop()
    clamd = await startScriptedClamd(clamd.port)
    await gateway.restart()
    const subjects = (await smarthost.waitFor(4)).map(({ bytes }) => /^Subject: (.*)\r$/m.exec(bytes.toString())?.[1])
    assert.match(subjects.slice(2).join(), /antivirus fails,.* antivirus is solved$/)
  })
})
