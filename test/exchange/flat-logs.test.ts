// The flat logs of a running gateway: who came, and what was taken, signed and delivered; and mail that goes on without them.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSignedData } from '../../src/smime/signed-data.js'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway } from './gateway.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const ANNA = 'anna@pec-a.test'
const SECRET = 'parola-segreta'

test('the flat logs of a gateway', async (t) => {
  const lab = new Laboratory(t)
  const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, ANNA], settings: { log: { server: 'mx1' } } })
  const directory = join(gateway.directory, 'log')
  const submit = () => gateway.submitted(MARIO, [ANNA], original({ from: MARIO, to: [ANNA] }, 'Oggetto riservato', ...PLAIN))
  const textOf = async (): Promise<string> => {
    const texts = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name), 'utf8')))
    return texts.join('')
  }
  const lines = async (event: string): Promise<Record<string, unknown>[]> => {
    const all = (await textOf().catch(() => '')).split('\n').filter((line) => line.endsWith('}'))
    return all.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['event'] === event)
  }
  const waitForLines = async (event: string, count: number): Promise<Record<string, unknown>[]> => {
    await gateway.until(`${count} lines of ${event}`, async () => (await lines(event)).length >= count)
    return lines(event)
  }

  await t.test('tell of a message from its sender to its mailbox', async () => {
    const identifier = await submit()
    for (const [event, component] of [
      ['message-taken', 'access'],
      ['acceptance', 'access'],
      ['transport', 'access'],
      ['take-charge', 'reception'],
      ['mailbox-delivery', 'delivery'],
      ['delivery', 'delivery'],
    ] as const) {
      const isOurs = ({ recipients }: Record<string, unknown>) => JSON.stringify(recipients) === JSON.stringify([ANNA])
      await gateway.until(`line of ${event}`, async () => (await lines(event)).some(isOurs))
      const line = (await lines(event)).find(isOurs)
      assert.deepEqual([line?.['component'], line?.['identifier'], line?.['sender']], [component, identifier, MARIO])
      assert.equal(line?.['server'], 'mx1')
    }
    const [tls] = await lines('tls-session')
    assert.match(String(tls?.['outcome']), /^TLSv1\.[23] \w+/)
    assert.match(String(tls?.['external_server']), /127\.0\.0\.1/)
  })

  await t.test('tell of every signature in the register', async () => {
    const signatures = await waitForLines('signature', 4)
    const [acceptance] = await lines('acceptance')
    const events = await gateway.ledger.eventsOf(String(acceptance?.['identifier']))
    const signed = events.flatMap(({ signature }) => {
      const attributes = signature === undefined ? undefined : readSignedData(signature).signer?.attributes
      return attributes === undefined ? [] : [createHash('sha256').update(attributes.signed).digest('hex')]
    })
    assert.equal(signed.length, 4)
    const logged = signatures.map((line) => String(line['signed_digest']))
    assert.deepEqual(logged.toSorted(), signed.toSorted())
  })

  await t.test('tell of failed logins and of attempts to relay', async () => {
    const client = await lab.client({ port: gateway.submissionPort, implicitTls: true })
    await client.ehlo()
    assert.equal((await client.authPlain(MARIO, SECRET)).code, 535)
    client.destroy()
    const failed = (await waitForLines('authentication', 2)).filter((line) => line['outcome'] === 'failed')
    assert.deepEqual(
      failed.map((line) => line['user']),
      [MARIO],
    )
    const { rcpt } = await gateway.bring({ from: 'x@altro.test', to: ['y@altro.test'] }, Buffer.from('A: b\r\n\r\n'))
    assert.equal(rcpt[0]?.code, 550)
    const [attempt] = await waitForLines('relay-attempt', 1)
    assert.deepEqual([attempt?.['sender'], attempt?.['recipients']], ['x@altro.test', ['y@altro.test']])
    const [refusal] = await waitForLines('smtp-refusal', 1)
    assert.equal(refusal?.['outcome'], 'refused at RCPT: 5.7.1 Relaying denied')
  })

  await t.test("hold no secrets, no subjects, and are their owner's alone", async () => {
    assert.doesNotMatch(await textOf(), new RegExp(`${SECRET}|segreto|riservato`))
    for (const name of await readdir(directory)) {
      assert.match(name, /^mx1_\d{8}T\d\d_[a-z]+_\d+\.jsonl$/)
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600)
    }
  })

  await t.test('are not waited for: without them mail goes on, and they come back without a restart', async () => {
    await rename(directory, `${directory}.before`)
    await writeFile(directory, 'not a directory')
    await submit()
    await gateway.instance.waitForLog(/log does not work \(log\)/)
    await rm(directory)
    await gateway.instance.waitForLog(/log works again/)
    await submit()
    assert.equal((await waitForLines('message-taken', 2)).length, 2)
    await waitForLines('failure', 1)
  })

  await t.test('are complete once the gateway has ended', async () => {
    assert.ok(await gateway.instance.stop())
    const endings = (await lines('ending')).map((line) => line['instance'])
    assert.ok(endings.length > 0 && new Set(endings).size === endings.length, String(endings))
  })
})
