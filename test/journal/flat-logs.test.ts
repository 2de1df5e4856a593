import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { FlatLogs } from '../../src/journal/flat-logs.js'
import { within } from '../../src/lab/within.js'
import { listening } from '../haraka/listening.js'
import type { RegisterEvent } from '../../src/points/ports.js'
import type { Occurrence } from '../../src/watch/occurrence.js'

const AT = new Date('2026-03-02T12:00:00Z')
const CLIENT = { ip: '192.0.2.2', host: 'client.test' }
const EVENT: RegisterEvent = {
  type: 'acceptance',
  ...{ identifier: 'id@pec-a.test', messageId: 'm@pec-a.test', sender: 'a@pec-a.test' },
  ...{ recipients: ['b@pec-b.test'], subject: 'Segreto\n', provider: 'A', outcome: 'issued' },
  ...{ daticert: Buffer.from('daticert'), signature: Buffer.from('signature') },
}

async function rigOf(t: TestContext) {
  const parent = await mkdtemp(join(tmpdir(), 'pec-journal-'))
  const directory = join(parent, 'log')
  const told: Occurrence[] = []
  const { watch, health, clock } = listening(told)
  const logs = new FlatLogs({ directory, maxBytes: 100_000, server: 'mx1' }, health, clock)
  watch.listen(logs.listener)
  t.after(async () => {
    await logs.close()
    await rm(parent, { recursive: true, force: true })
  })
  const lines = async (component: string): Promise<Record<string, unknown>[]> => {
    await logs.flush()
    const names = (await readdir(directory)).filter((name) => name.includes(`_${component}_`))
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
    return texts
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  return { parent, directory, told, watch, lines }
}

test('an event of the register is a line of its component, without the subject', async (t) => {
  const { watch, lines } = await rigOf(t)
  const delivery = { ...EVENT, type: 'delivery' as const }
  watch.tell({ kind: 'registered', at: AT, events: [EVENT, delivery], acceptedAt: AT, milliseconds: 1 })
  const expected = {
    ...{ server: 'mx1', instance: String(process.pid), time: '2026-03-02T12:00:00.000Z' },
    ...{ identifier: 'id@pec-a.test', message_id: 'm@pec-a.test', sender: 'a@pec-a.test', recipients: ['b@pec-b.test'] },
    ...{ provider: 'A', outcome: 'issued' },
  }
  assert.deepEqual(await lines('access'), [{ ...expected, component: 'access', event: 'acceptance' }])
  assert.deepEqual(await lines('delivery'), [{ ...expected, component: 'delivery', event: 'delivery' }])
})

test('every other occurrence has its component and columns', async (t) => {
  const { watch, lines } = await rigOf(t)
  const session = 'UUID'
  watch.tell({ kind: 'tls', at: AT, point: 'access', client: CLIENT, session, protocol: 'TLSv1.3', cipher: 'X' })
  watch.tell({ kind: 'authentication', at: AT, client: { ...CLIENT, host: undefined }, session, user: 'anna', passed: false })
  watch.tell({ kind: 'signature', at: AT, key: 'key.pem', serial: '0a', digest: 'ff', milliseconds: 1.26 })
  watch.tell({ kind: 'scan', at: AT, found: undefined, size: 1, milliseconds: 1 })
  watch.tell({ kind: 'index-refused', at: AT, reason: 'it is empty', age: 1 })
  const outcomes = async (component: string) =>
    (await lines(component)).map((line) => [line['event'], line['external_server'], line['outcome']])
  assert.deepEqual(await outcomes('access'), [
    ['tls-session', 'client.test [192.0.2.2]', 'TLSv1.3 X'],
    ['authentication', '192.0.2.2', 'failed'],
  ])
  const [signature] = await lines('signer')
  const { key, certificate_serial, signed_digest, duration } = signature ?? {}
  assert.deepEqual([key, certificate_serial, signed_digest, duration], ['key.pem', '0a', 'ff', 1.3])
  assert.deepEqual(await outcomes('directory'), [['index-refused', undefined, 'it is empty']])
  assert.deepEqual(await lines('antivirus').catch(() => 'none'), 'none')
})

test('that the logs cannot be written is a failure told once, and in them once they can', async (t) => {
  const { directory, told, watch, lines } = await rigOf(t)
  await writeFile(directory, 'no directory')
  for (const what of ['trust', 'keys'] as const) watch.tell({ kind: 'reloaded', at: AT, what, detail: 'x' })
  watch.tell({ kind: 'index-refused', at: AT, reason: 'it is empty', age: 1 })
  const changes = () => told.filter(({ kind }) => kind === 'failure' || kind === 'recovery')
  await within(20_000, 'nothing is told', () => changes().length > 0)
  const [failure] = changes()
  assert.ok(failure?.kind === 'failure')
  assert.deepEqual([failure.part, failure.code], ['log', 'log'])
  await rm(directory)
  await within(30_000, 'it does not recover', () => changes().length > 1)
  assert.deepEqual(
    changes().map(({ kind }) => kind),
    ['failure', 'recovery'],
  )
  const events = (await lines('gateway')).map(({ event }) => event)
  assert.deepEqual(events, ['reloaded', 'reloaded', 'failure', 'recovery'])
})
