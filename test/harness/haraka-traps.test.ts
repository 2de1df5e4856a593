// What Haraka itself does where our design depends on it. A test that fails here after an upgrade of Haraka means: look at the
// place named in it again, not merely at the test.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { within } from '../../src/lab/within.js'
import { Laboratory, type PlainHaraka } from './laboratory.js'
import { outcomes, recorder, waitForOutcomes } from './recorder.js'

const message = Buffer.from(
  'Subject: trap\r\nMessage-ID: <trap@client.test>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nbody\r\n',
)

async function submit(
  lab: Laboratory,
  { port }: PlainHaraka,
  to: readonly string[],
  bytes = message,
): Promise<number | undefined> {
  const client = await lab.client({ port })
  await client.ehlo()
  const { dot } = await client.send({ from: 'sender@client.test', to }, bytes)
  return dot?.code
}

async function queueOf(haraka: PlainHaraka): Promise<readonly string[]> {
  return readdir(join(haraka.directory, 'queue'))
}

test('a file with several LMTP recipients attributes their replies wrongly: we queue one file per local recipient', async (t) => {
  const lab = new Laboratory(t)
  const replies: Readonly<Record<string, string>> = { 'r2@box.test': '550 5.1.1 unknown', 'r4@box.test': '451 4.2.0 busy' }
  const sink = await lab.sink({ protocol: 'lmtp', script: { dot: ({ argument }) => replies[argument] } })
  const haraka = await lab.plainHaraka({ nodes: 0, relayTo: { port: sink.port, protocol: 'lmtp' }, plugins: { recorder } })
  const to = [1, 2, 3, 4, 5].map((n) => `r${n}@box.test`)
  assert.equal(await submit(lab, haraka, to), 250)

  const [received] = await sink.waitFor(1)
  assert.deepEqual(received?.accepted, ['r1@box.test', 'r3@box.test', 'r5@box.test'])
  const bounced = (await waitForOutcomes(haraka.directory, 3)).filter(({ hook }) => hook === 'bounce')
  assert.deepEqual(
    bounced.flatMap(({ recipients }) => recipients),
    ['r1@box.test'],
    'Haraka names the first recipient for the refusal of the second',
  )
})

test('one LMTP recipient per file is told exactly', async (t) => {
  const lab = new Laboratory(t)
  const replies: Readonly<Record<string, string>> = { 'r2@box.test': '550 5.1.1 unknown' }
  const sink = await lab.sink({ protocol: 'lmtp', script: { dot: ({ argument }) => replies[argument] } })
  const haraka = await lab.plainHaraka({ nodes: 0, relayTo: { port: sink.port, protocol: 'lmtp' }, plugins: { recorder } })
  for (const to of ['r1@box.test', 'r2@box.test']) assert.equal(await submit(lab, haraka, [to]), 250)

  const recorded = await waitForOutcomes(haraka.directory, 2)
  assert.deepEqual(
    new Set(recorded.map(({ hook, recipients }) => `${hook} ${recipients.join()}`)),
    new Set(['delivered r1@box.test', 'bounce r2@box.test']),
  )
})

test('a recipient answered 251 disappears without any hook: only our own deadline notices', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp', script: { rcpt: '251 2.1.5 will forward' } })
  const haraka = await lab.plainHaraka({ nodes: 0, relayTo: { port: sink.port, protocol: 'smtp' }, plugins: { recorder } })
  assert.equal(await submit(lab, haraka, ['moved@peer.test']), 250)

  await within(30_000, 'the file is still queued', async () => (await queueOf(haraka)).length === 0)
  assert.ok(sink.commands.includes('RCPT TO:<moved@peer.test>'))
  assert.deepEqual(sink.messages, [])
  assert.deepEqual(await outcomes(haraka.directory), [])
})

test('hooks that throw let the message pass unwrapped: every hook of ours goes through the adapter', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp' })
  const thrower = "exports.hook_data_post = exports.hook_queue_outbound = () => { throw new Error('on purpose') }"
  const haraka = await lab.plainHaraka({ nodes: 0, relayTo: { port: sink.port, protocol: 'smtp' }, plugins: { thrower } })
  assert.equal(await submit(lab, haraka, ['anyone@peer.test']), 250)

  const [relayed] = await sink.waitFor(1)
  assert.deepEqual(relayed?.bytes, message)
})

test('connect_timeout bounds the wait for the answer to the final dot: we set ten minutes', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp', script: { dot: { reply: '250 2.0.0 taken at last', afterMs: 4000 } } })
  const outbound = 'received_header=disabled\nenable_tls=false\nconnect_timeout=1\n'
  const relayTo = { port: sink.port, protocol: 'smtp' } as const
  const haraka = await lab.plainHaraka({ nodes: 0, relayTo, plugins: { recorder }, config: { 'outbound.ini': outbound } })
  assert.equal(await submit(lab, haraka, ['slow@peer.test']), 250)

  const [recorded] = await waitForOutcomes(haraka.directory, 1)
  assert.equal(recorded?.hook, 'deferred', 'to be sent again')
  assert.equal(sink.messages.length, 1, 'though the peer has it')
})

test('an async hook that rejects ends the process: the adapter must catch everything', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp' })
  const rejecter = "exports.hook_data_post = async () => { throw new Error('on purpose') }"
  const haraka = await lab.plainHaraka({ nodes: 0, relayTo: { port: sink.port, protocol: 'smtp' }, plugins: { rejecter } })
  await assert.rejects(submit(lab, haraka, ['anyone@peer.test']))
  await within(30_000, 'still running', () => haraka.instance.exited)
})

test('a delivery whose hook has not answered is made again after a crash: receipts are committed in the hook', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  const pending = 'exports.hook_delivered = () => {}'
  const haraka = await lab.plainHaraka({ nodes: 1, relayTo: { port: sink.port, protocol: 'lmtp' }, plugins: { pending } })
  assert.equal(await submit(lab, haraka, ['user@box.test']), 250)
  await sink.waitFor(1)
  await haraka.instance.kill()
  assert.equal((await queueOf(haraka)).length, 1)

  await haraka.restart()
  const messages = await sink.waitFor(2)
  assert.deepEqual(messages[1]?.bytes, messages[0]?.bytes)
})

test('the raw stream with its parsed headers put aside gives the received bytes, and the parsed one does not', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp' })
  // Both readings are sent on as the plugin saw them, in hex, in the reply to the final dot.
  const reader = `
    exports.hook_data_post = function (next, connection) {
      const stream = connection.transaction.message_stream
      stream.get_data((parsed) => {
        const headers = stream.headers
        stream.headers = []
        stream.get_data((raw) => {
          stream.headers = headers
          next(DENY, 'parsed ' + parsed.toString('hex') + ' raw ' + raw.toString('hex'))
        })
      })
    }`
  const haraka = await lab.plainHaraka({ nodes: 0, relayTo: { port: sink.port, protocol: 'smtp' }, plugins: { reader } })
  const bytes = Buffer.from('Subject: caff\xe8\r\n__proto__: x\r\nX-Blank: \r\n\r\n.dot\r\n..dots\r\n8-bit \xe8\r\n', 'latin1')
  const client = await lab.client({ port: haraka.port })
  await client.ehlo()
  const { dot } = await client.send({ from: 'sender@client.test', to: ['anyone@peer.test'] }, bytes)
  const [, parsed = '', raw = ''] = /parsed ([0-9a-f]+) raw ([0-9a-f]+)/.exec(dot?.lines.join('') ?? '') ?? []
  assert.deepEqual(Buffer.from(raw, 'hex'), bytes)
  assert.notDeepEqual(Buffer.from(parsed, 'hex'), bytes)
})
