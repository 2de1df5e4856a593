// A temporary password sends nothing; once it is changed on the page, the new one does, until the administrator of the domain says no (O3).
// Nobody guesses passwords at leisure, nor changes who he is within a session (A1).
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { addAdministrator, addMailbox } from '../../src/directory/directory-edit.js'
import { freePort } from '../../src/lab/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { PASSWORD, TestGateway } from './gateway.js'

const ANNA = 'anna@pec-a.test'
const MARIO = 'mario@pec-a.test'
const CAPO = 'capo@pec-a.test'
const COST = { N: 1024, r: 1, p: 1 }

test(
  'a temporary password is good for its own change only, and an administrator takes the right to send',
  { timeout: 120_000 },
  async (t) => {
    const lab = new Laboratory(t)
    const port = await freePort()
    const mailbox = {
      ...{ address: ANNA, password: 'per ora', passwordUntil: new Date(Date.now() + 3_600_000) },
      cost: COST,
    }
    const gateway = await TestGateway.open(lab, {
      mailboxes: [],
      settings: { account: { listen: `127.0.0.1:${port}` } },
      prepare: async (directory) => {
        await addMailbox(join(directory, 'directory.json'), mailbox)
        await addAdministrator(join(directory, 'directory.json'), CAPO, 'del capo', { cost: COST })
      },
    })
    const login = async (password: string): Promise<string> => {
      const client = await lab.client({ port: gateway.submissionPort, implicitTls: true })
      await client.ehlo()
      const { code, lines } = await client.authPlain(ANNA, password)
      client.destroy()
      return `${code} ${lines.join(' ')}`
    }
    assert.match(await login('per ora'), /^535 5\.7\.8 This password is temporary/)

    const post = (path: string, values: Readonly<Record<string, string>>): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
        const options = { host: '127.0.0.1', port, path, method: 'POST', headers, rejectUnauthorized: false }
        request(options, (response) => resolve(response.resume().statusCode))
          .once('error', reject)
          .end(new URLSearchParams(values).toString())
      })
    assert.equal(await post('/', { login: ANNA, old: 'per ora', chosen: 'tutta sua', again: 'tutta sua' }), 200)
    await gateway.until('login with the new password', async () => (await login('tutta sua')).startsWith('235'))
    const events = await gateway.ledger.eventsOf('')
    assert.deepEqual(
      events.map(({ type, sender, recipients, outcome }) => [type, sender, ...recipients, outcome]),
      [
        ['provisioning', ANNA, ANNA, 'asked for'],
        ['provisioning', ANNA, ANNA, 'done'],
      ],
    )

    const suspend = { login: CAPO, act: 'suspend', address: ANNA }
    assert.equal(await post('/dominio', { ...suspend, password: 'tutta sua' }), 403)
    assert.equal(await post('/dominio', { ...suspend, password: 'del capo' }), 200)
    const mail = async (): Promise<number | undefined> => {
      const client = await gateway.session(ANNA, 'tutta sua')
      const transcript = await client.send({ from: ANNA, to: [ANNA] }, Buffer.from('Subject: x\r\n\r\n'))
      client.destroy()
      return transcript.mail.code
    }
    await gateway.until('refusal of a suspended mailbox', async () => (await mail()) === 550)
    const [act] = (await gateway.ledger.search({ sender: CAPO }, 10)).events.slice(-1)
    assert.deepEqual([act?.recipients, act?.subject, act?.outcome], [[ANNA], 'suspended', 'done'])
  },
)

test('passwords are guessed ten at a time, and a session is of one user from its login on', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const gateway = await TestGateway.open(lab, { mailboxes: [ANNA, MARIO] })
  const login = async (user: string, password: string): Promise<number> => {
    const client = await lab.client({ port: gateway.submissionPort, implicitTls: true })
    await client.ehlo()
    const { code } = await client.authPlain(user, password)
    client.destroy()
    return code
  }
  const guesses = Array.from({ length: 10 }, (_, number) => login(ANNA, `forse ${number}`))
  assert.deepEqual(new Set(await Promise.all(guesses)), new Set([535]))
  assert.equal(await login(ANNA, PASSWORD), 454)
  assert.equal(await login(MARIO, PASSWORD), 235)
  assert.match(gateway.instance.log, /authentication of "anna@pec-a\.test" from 127\.0\.0\.1: too many failures/)

  const client = await gateway.session(MARIO)
  assert.equal((await client.authPlain(MARIO, PASSWORD)).code, 503)
  assert.equal((await client.command(`MAIL FROM:<${MARIO}>`)).code, 250)
  assert.equal((await client.authLogin(ANNA, PASSWORD)).code, 503)
  assert.equal((await client.command(`RCPT TO:<${ANNA}>`)).code, 250)
  client.destroy()
})
