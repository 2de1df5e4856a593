import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { Channel } from '../../src/alarms/channel.js'
import { mailChannel } from '../../src/alarms/mail.js'
import type { Alarm } from '../../src/alarms/node-troubles.js'
import { newSending } from '../../src/alarms/sending.js'
import { webhookChannel } from '../../src/alarms/webhook.js'
import { startSink } from '../../src/lab/sink.js'
import { within } from '../../src/lab/within.js'

const SINCE = new Date('2026-03-02T12:00:00Z')
const FAILING: Alarm = {
  ...{ state: 'failing', part: 'ledger', code: 'ledger', reason: 'the database is away' },
  ...{ since: SINCE, at: new Date('2026-03-02T12:01:00Z') },
}
const SOLVED: Alarm = { ...FAILING, state: 'solved' }

describe('mail', () => {
  test('says what fails, since when and why, and when it is over', async (t) => {
    const sink = await startSink({ protocol: 'smtp' })
    t.after(() => sink.close())
    const smarthost = { host: '127.0.0.1', port: sink.port }
    const channel = mailChannel({ to: ['a@x.test', 'b@y.test'], from: 'pec@z.test', smarthost, tls: 'optional' }, 'gw1')
    await channel.send(FAILING)
    await channel.send(SOLVED)
    const [failing, solved] = await sink.waitFor(2)
    assert.deepEqual([failing?.from, failing?.to], ['pec@z.test', ['a@x.test', 'b@y.test']])
    const text = failing?.bytes.toString() ?? ''
    assert.match(text, /^Subject: \[PEC\] gw1: ledger fails\r$/m)
    assert.match(text, /^Auto-Submitted: auto-generated\r$/m)
    assert.match(text, /Since: {3}2026-03-02T12:00:00\.000Z\r\n(?:.*\r\n)*Reason: {2}the database is away\r\n/)
    assert.match(solved?.bytes.toString() ?? '', /^Subject: \[PEC\] gw1: ledger is solved\r\n[^]*^Until: {3}2026-03-02T12:01:00/m)
  })

  test('does not go without the TLS that is asked for', async (t) => {
    const sink = await startSink({ protocol: 'smtp' })
    t.after(() => sink.close())
    const smarthost = { host: '127.0.0.1', port: sink.port }
    const channel = mailChannel({ to: ['a@x.test'], from: 'pec@z.test', smarthost, tls: 'required' }, 'gw1')
    await assert.rejects(channel.send(FAILING), /STARTTLS/)
    assert.equal(sink.messages.length, 0)
  })
})

describe('a webhook', () => {
  test('gets JSON by POST; what it refuses has not arrived', async (t) => {
    const bodies: unknown[] = []
    let status = 204
    const server = createServer((request, response) => {
      let text = ''
      request.on('data', (piece) => (text += String(piece)))
      request.on('end', () => {
        bodies.push([request.method, request.headers['content-type'], JSON.parse(text)])
        response.writeHead(status).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const channel = webhookChannel(`http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`, 'gw1')
    await channel.send(FAILING)
    const times = { since: '2026-03-02T12:00:00.000Z', at: '2026-03-02T12:01:00.000Z' }
    assert.deepEqual(bodies, [['POST', 'application/json', { ...FAILING, ...times, node: 'gw1' }]])
    assert.doesNotMatch(channel.name, /secret/)
    status = 500
    await assert.rejects(channel.send(FAILING), /it answers 500/)
  })
})

describe('sending', () => {
  const channelOf = (failures: number): Channel & { readonly sent: Alarm[] } => {
    const sent: Alarm[] = []
    let left = failures
    const send = (alarm: Alarm) => (left-- > 0 ? Promise.reject(new Error('away')) : Promise.resolve(void sent.push(alarm)))
    return { name: 'mail', sent, send }
  }

  test('tries again, tells the log, and gives up in the end; other channels do not wait', async () => {
    const [good, late, dead] = [channelOf(0), channelOf(2), channelOf(9)]
    const lines: string[] = []
    newSending([good, late, dead], (line) => lines.push(line), [1, 1])(FAILING)
    await within(20_000, 'not given up', () => lines.some((line) => line.endsWith('given up')))
    assert.deepEqual([good.sent, late.sent, dead.sent], [[FAILING], [FAILING], []])
    assert.equal(lines.length, 5)
    assert.equal(lines[0], 'that ledger is failing could not be told by mail: away; tried again in 0.001 s')
  })

  test('does not bring old news', async () => {
    const channel = channelOf(1)
    const send = newSending([channel], () => undefined, [1])
    send(FAILING)
    send(SOLVED)
    await within(20_000, 'nothing sent', () => channel.sent.length > 0)
    await new Promise((done) => setTimeout(done, 20))
    assert.deepEqual(channel.sent, [SOLVED])
  })
})
