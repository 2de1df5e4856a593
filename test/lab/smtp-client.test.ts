import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { Laboratory } from '../harness/laboratory.js'
import { tlsIdentity } from '../harness/certificates.js'

/** An SMTP server that shares no code with the client. */
async function server(lab: Laboratory, options: SMTPServerOptions): Promise<number> {
  const made = new SMTPServer({
    ...options,
    onAuth: ({ username, password }, _session, done) =>
      done(username === 'user' && password === 'secret' ? null : new Error('wrong'), { user: username ?? '' }),
  })
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  lab.atClose(() => new Promise<void>((resolve) => made.close(resolve)))
  return (made.server.address() as AddressInfo).port
}

test('authenticates by PLAIN under implicit TLS', async (t) => {
  const lab = new Laboratory(t)
  const { key, cert, ca } = await tlsIdentity()
  const port = await server(lab, { secure: true, key, cert, authMethods: ['PLAIN', 'LOGIN'] })
  const client = await lab.client({ port, implicitTls: true, ca })
  await client.ehlo()
  assert.equal((await client.authPlain('user', 'wrong')).code, 535)
  assert.equal((await client.authPlain('user', 'secret')).code, 235)
})

test('authenticates by LOGIN after STARTTLS', async (t) => {
  const lab = new Laboratory(t)
  const { key, cert, ca } = await tlsIdentity()
  const port = await server(lab, { key, cert, authMethods: ['PLAIN', 'LOGIN'] })
  const client = await lab.client({ port, ca })
  await client.ehlo()
  assert.equal((await client.startTls()).code, 220)
  await client.ehlo()
  assert.equal((await client.authLogin('user', 'wrong')).code, 535)
  assert.equal((await client.authLogin('user', 'secret')).code, 235)
})

test('keeps every reply in order and stops where the server refuses', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp', script: { rcpt: '550 5.7.1 no' } })
  const client = await lab.client({ port: sink.port })
  await client.ehlo()
  const { mail, rcpt, data, dot } = await client.send({ from: '', to: ['x@sink.test'] }, Buffer.from('\r\n'))
  assert.deepEqual([mail.code, rcpt[0]?.code, data, dot], [250, 550, undefined, undefined])
  await client.quit()
  assert.deepEqual(
    client.replies.map(({ code }) => code),
    [220, 250, 250, 550, 221],
  )
})

test('gives up on a silent server after its patience', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp', script: { mail: { reply: '250 ok', afterMs: 5000 } } })
  const client = await lab.client({ port: sink.port, patienceMs: 200 })
  await assert.rejects(client.command('MAIL FROM:<>'), /nothing received for 200 ms/)
})

test('does not wait for a TLS handshake that the server breaks off, or never begins', async (t) => {
  const lab = new Laboratory(t)
  for (const [hangsUp, complaint] of [
    [true, /closed the connection|before secure TLS connection|ECONNRESET/],
    [false, /no connection after 200 ms/],
  ] as const) {
    const silent = createServer((socket) => (hangsUp ? socket.end() : socket.on('error', () => undefined)))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    lab.atClose(() => silent.close())
    const { port } = silent.address() as AddressInfo
    await assert.rejects(lab.client({ port, implicitTls: true, patienceMs: 200 }), complaint)
  }
})
