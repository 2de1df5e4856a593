// A temporary password sends nothing; once it is changed on the page, the new one does (O3).
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { addMailbox } from '../../src/directory/directory-edit.js'
import { freePort } from '../../src/lab/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway } from './gateway.js'

const ANNA = 'anna@pec-a.test'

test('a temporary password is good for its own change only', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const port = await freePort()
  const mailbox = {
    ...{ address: ANNA, password: 'per ora', passwordUntil: new Date(Date.now() + 3_600_000) },
    cost: { N: 1024, r: 1, p: 1 },
  }
  const gateway = await TestGateway.open(lab, {
    mailboxes: [],
    settings: { account: { listen: `127.0.0.1:${port}` } },
    prepare: (directory) => addMailbox(join(directory, 'directory.json'), mailbox),
  })
  const login = async (password: string): Promise<string> => {
    const client = await lab.client({ port: gateway.submissionPort, implicitTls: true })
    await client.ehlo()
    const { code, lines } = await client.authPlain(ANNA, password)
    client.destroy()
    return `${code} ${lines.join(' ')}`
  }
  assert.match(await login('per ora'), /^535 5\.7\.8 This password is temporary/)

  const form = new URLSearchParams({ login: ANNA, old: 'per ora', chosen: 'tutta sua', again: 'tutta sua' }).toString()
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const status = await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method: 'POST', headers, rejectUnauthorized: false }
    request(options, (response) => resolve(response.resume().statusCode))
      .once('error', reject)
      .end(form)
  })
  assert.equal(status, 200)
  await gateway.until('login with the new password', async () => (await login('tutta sua')).startsWith('235'))
  const events = await gateway.ledger.eventsOf('')
  assert.deepEqual(
    events.map(({ type, sender, recipients, outcome }) => [type, sender, ...recipients, outcome]),
    [
      ['provisioning', ANNA, ANNA, 'asked for'],
      ['provisioning', ANNA, ANNA, 'done'],
    ],
  )
})
