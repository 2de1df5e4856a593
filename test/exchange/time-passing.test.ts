// What time does to a gateway that runs: a mailbox store away for an hour, a clock that is set forth and back, a certificate that ends.
// Properties P2, P5; requirements D4, K4
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startSink, type Sink } from '../../src/lab/sink.js'
import { freePorts } from '../../src/lab/ports.js'
import { issueProviderCertificate } from '../../src/smime/issue.js'
import { Laboratory } from '../harness/laboratory.js'
import { downAt } from './figures.js'
import { PROGRAM, TestGateway } from './gateway.js'
import { letterOf, type Letter } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const HOUR_MS = 3_600_000
const YEARS_MS = 3 * 365 * 24 * HOUR_MS

test('time passing', { timeout: 300_000 }, async (t) => {
  const lab = new Laboratory(t)
  const ahead = join(await lab.directory(), 'ahead')
  /** What the gateway's clocks show, beside ours; they look again within a moment. */
  const set = async (milliseconds: number): Promise<void> => {
    await writeFile(`${ahead}.new`, String(milliseconds))
    await rename(`${ahead}.new`, ahead)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await set(0)
  const [storePort = 0, monitor = 0] = await freePorts(2)
  const stores: Sink[] = []
  const openStore = async (): Promise<void> => void stores.push(await startSink({ protocol: 'lmtp', port: storePort }))
  const closeStore = async (): Promise<void> => stores.at(-1)?.close()
  lab.atClose(closeStore)
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    storePort,
    environment: { NODE_OPTIONS: `--import=${join(__dirname, 'shifted-clock.mjs')}`, PEC_TEST_AHEAD: ahead },
    outbound: { temp_fail_intervals: '5s*1000' },
    settings: { signer: { refresh: '1' }, index: { refresh: '1' }, monitor: { listen: `127.0.0.1:${monitor}` } },
  })

  /** All that was delivered to a mailbox, in all the time. */
  const delivered = async (address: string): Promise<Letter[]> => {
    const taken = stores.flatMap((store) => store.messages).filter(({ to }) => to.includes(address))
    return Promise.all(taken.map(({ bytes }) => letterOf('', bytes)))
  }
  const counts = async (identifier: string): Promise<Readonly<Record<string, number>>> => {
    const found: Record<string, number> = {}
    for (const { kind = '', data } of [...(await delivered(MARIO)), ...(await delivered(LUCIA))])
      if (data?.identifier === identifier) found[kind] = (found[kind] ?? 0) + 1
    return found
  }
  const ONCE = { acceptance: 1, transport: 1, delivery: 1 }
  const submit = (subject: string): Promise<string> =>
    gateway.submitted(MARIO, [LUCIA], original({ from: MARIO, to: [LUCIA] }, subject, ...PLAIN))
  const arrives = async (identifier: string): Promise<void> => {
    await gateway.until(`delivery of ${identifier}`, async () => (await counts(identifier))['delivery'] === 1)
    await gateway.quiet()
    assert.deepEqual(await counts(identifier), ONCE)
  }

  await t.test('a mailbox store that is away for an hour gets everything once, and nobody a notice', async () => {
    const identifier = await submit('un’ora')
    await gateway.quiet(2)
    await set(HOUR_MS)
    await gateway.quiet(2)
    assert.match(gateway.instance.log, /store does not work \(store\): the mailbox store cannot be reached/)
    assert.equal(await downAt(monitor, 'store'), 1)
    await openStore()
    await arrives(identifier)
    assert.equal(await downAt(monitor, 'store'), 0)
  })

  await t.test(
    'a clock that is set forth and back repeats no identifier and no receipt, and brings no notice before its time',
    async () => {
      const identifiers: string[] = []
      for (const hours of [1, 5, 0, 3, -0.5, 0]) {
        await set(hours * HOUR_MS)
        identifiers.push(await submit(`ore ${hours}`))
      }
      assert.equal(new Set(identifiers).size, identifiers.length)
      for (const identifier of identifiers) await arrives(identifier)
    },
  )

  await t.test('a certificate that ends refuses for the time being, until another is in its place', async () => {
    await set(YEARS_MS)
    const message = original({ from: MARIO, to: [LUCIA] }, 'scaduto', ...PLAIN)
    const { dot } = await gateway.submit(MARIO, [LUCIA], message)
    assert.equal(dot?.code, 450, JSON.stringify(dot))
    await gateway.instance.waitForLog(
      /nothing can be signed: our certificate expired at .*: put the new one and its key in its place/,
    )
    await renew(gateway.directory)
    await gateway.until('way back', async () => (await gateway.submit(MARIO, [LUCIA], message)).dot?.code === 250)
    await arrives(await submit('rinnovato'))
  })
})

/** As an operator does: the new certificate into our own record, then it and its key in the place of the old ones. */
async function renew(directory: string): Promise<void> {
  const place = (name: string): string => join(directory, 'config', name)
  const read = (name: string): Promise<string> => readFile(place(name), 'utf8')
  const authority = { key: await read('test_authority_key.pem'), certificate: await read('test_authority.pem') }
  const { key, certificate } = await issueProviderCertificate({
    ...{ authority, providerName: 'Gestore A S.p.A.', address: 'posta-certificata@pec-a.test', days: 3600 },
  })
  await writeFile(place('new_key.pem'), key, { mode: 0o600 })
  await writeFile(place('new_certificate.pem'), certificate)
  await promisify(execFile)(process.execPath, [PROGRAM, 'index', 'certificate', 'add', directory, place('new_certificate.pem')])
  await rename(place('new_key.pem'), place('pec_key.pem'))
  await rename(place('new_certificate.pem'), place('pec_certificate.pem'))
}
