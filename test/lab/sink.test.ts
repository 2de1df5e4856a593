import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { startSink, type Answer } from '../../src/lab/sink.js'
import { connectClient, type SmtpClient } from '../../src/lab/smtp-client.js'
import { tlsIdentity } from '../harness/certificates.js'
import { Laboratory } from '../harness/laboratory.js'

const envelope = { from: 'a@client.test', to: ['r1@sink.test', 'r2@sink.test', 'r3@sink.test'] }
const message = Buffer.from('Subject: x\r\n\r\nbody\r\n')

async function greeted(lab: Laboratory, port: number, verb = 'EHLO'): Promise<SmtpClient> {
  const client = await lab.client({ port })
  await client.command(`${verb} client.test`)
  return client
}

test('any bytes whose last line is ended arrive as they were sent', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp' })
  const client = await greeted(lab, sink.port)
  const pieces = fc.constantFrom('.', '..', '\r\n', '\r\n.', '\r\n..\r\n', 'x', '\r', '\n', '\xe8', '\0')
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (parts) => {
      const bytes = Buffer.from(`${parts.join('')}\r\n`, 'latin1')
      const { dot } = await client.send(envelope, bytes)
      assert.equal(dot?.code, 250)
      assert.deepEqual(sink.messages.at(-1)?.bytes, bytes)
    }),
    { numRuns: 200 },
  )
})

test('a message larger than any packet arrives whole, and is kept only as far as asked', async (t) => {
  const lab = new Laboratory(t)
  const bytes = Buffer.concat([message, Buffer.from(`${'.'.repeat(70)}\r\n`.repeat(50_000))])
  const whole = await lab.sink({ protocol: 'smtp' })
  const cut = await lab.sink({ protocol: 'smtp', keepBytes: 100 })
  for (const sink of [whole, cut]) {
    const client = await greeted(lab, sink.port)
    assert.equal((await client.send(envelope, bytes)).dot?.code, 250)
  }
  assert.deepEqual(whole.messages[0]?.bytes, bytes)
  const kept = cut.messages[0]?.bytes ?? Buffer.alloc(0)
  assert.ok(kept.length >= 100 && kept.length < bytes.length / 2)
  assert.equal(cut.messages[0]?.wireSize, bytes.length + 50_000)
})

test('an LMTP sink answers for each accepted recipient, as the script says', async (t) => {
  const lab = new Laboratory(t)
  const refused: Readonly<Record<string, Answer>> = { 'r3@sink.test': '552 5.2.2 full' }
  const sink = await lab.sink({
    protocol: 'lmtp',
    script: {
      rcpt: ({ argument }) => (argument === 'r1@sink.test' ? '550 5.1.1 unknown' : undefined),
      dot: ({ argument }) => refused[argument],
    },
  })
  const client = await greeted(lab, sink.port, 'LHLO')
  const { rcpt, dot } = await client.send(envelope, message)
  assert.deepEqual(
    rcpt.map(({ code }) => code),
    [550, 250, 250],
  )
  assert.equal(dot?.code, 250)
  assert.equal((await client.read()).code, 552)
  assert.deepEqual(sink.messages[0]?.to, ['r2@sink.test', 'r3@sink.test'])
  assert.deepEqual(sink.messages[0].accepted, ['r2@sink.test'])
})

test('a script may change its mind from one occasion to the next', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({
    protocol: 'smtp',
    script: { dot: ({ earlier }) => (earlier === 0 ? '451 4.3.0 later' : undefined) },
  })
  const client = await greeted(lab, sink.port)
  assert.equal((await client.send(envelope, message)).dot?.code, 451)
  assert.equal((await client.send(envelope, message)).dot?.code, 250)
  assert.deepEqual(
    sink.messages.map(({ accepted }) => accepted.length),
    [0, 3],
  )
})

test('a sink can cut the connection and can take its time', async (t) => {
  const lab = new Laboratory(t)
  const script = { mail: ({ session }: { session: number }) => (session === 1 ? 'drop' : { reply: '250 ok', afterMs: 300 }) }
  const sink = await lab.sink({ protocol: 'smtp', script })
  const cut = await greeted(lab, sink.port)
  await assert.rejects(cut.command('MAIL FROM:<a@client.test>'), /closed|ECONNRESET/)
  const slow = await greeted(lab, sink.port)
  const start = performance.now()
  await slow.command('MAIL FROM:<a@client.test>')
  assert.ok(performance.now() - start >= 290)
})

test('STARTTLS secures the session, for a client that trusts the authority', async (t) => {
  const lab = new Laboratory(t)
  const { key, cert, ca } = await tlsIdentity()
  const sink = await lab.sink({ protocol: 'smtp', tls: { key, cert } })
  const client = await lab.client({ port: sink.port, ca })
  const offered = await client.ehlo()
  assert.ok(offered.lines.includes('STARTTLS'))
  assert.equal((await client.startTls()).code, 220)
  assert.ok(!(await client.ehlo()).lines.includes('STARTTLS'))
  assert.equal((await client.send(envelope, message)).dot?.code, 250)
  assert.equal(sink.messages[0]?.secured, true)

  const stranger = await lab.client({ port: sink.port, ca: (await tlsIdentity()).ca })
  await stranger.ehlo()
  await assert.rejects(stranger.startTls())
})

test('a closed sink takes no more connections and has cut those it had', async (t) => {
  const lab = new Laboratory(t)
  const sink = await startSink({ protocol: 'smtp' })
  const client = await greeted(lab, sink.port)
  const { port } = sink
  await sink.close()
  await assert.rejects(client.command('NOOP'))
  await assert.rejects(connectClient({ port }))
})
