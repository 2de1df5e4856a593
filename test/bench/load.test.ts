import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExchangeLog } from '../../src/bench/exchange.js'
import { saturate, submitOne, trickle, type Load } from '../../src/bench/load.js'
import { startMailboxStore } from '../../src/bench/mailbox-store.js'
import { messageMaker } from '../../src/bench/message.js'
import { stuff } from '../../src/lab/wire.js'
import { Laboratory } from '../harness/laboratory.js'

async function loadOn(lab: Laboratory, log: ExchangeLog, port: number): Promise<Load> {
  const session = await lab.client({ port })
  await session.command('LHLO client.test')
  const messages = messageMaker(20 * 1024, 'from@pec-a.test', ['to@pec-a.test'])
  return { sessions: [session], next: () => messages, log }
}

test('messages have the size asked for, and nothing to stuff', () => {
  for (const size of [20 * 1024, 1024 * 1024]) {
    const data = messageMaker(size, 'a@pec-a.test', ['b@pec-a.test', 'c@pec-a.test']).make('<id@client.test>')
    assert.ok(Math.abs(data.length - size) < 200, `${data.length}`)
    assert.deepEqual(data, stuff(data.subarray(0, -3)))
  }
})

test('a message that arrives by itself is recognised by its Message-ID', async (t) => {
  const lab = new Laboratory(t)
  const log = new ExchangeLog(['accepted', 'message'])
  const store = await startMailboxStore(log)
  lab.atClose(() => store.close())
  const load = await loadOn(lab, log, store.port)
  await submitOne(load)
  await saturate(load, 500, 4)
  await trickle(load, 500, 50)
  const { exchanges } = log.take()
  assert.ok(exchanges.length >= 7, `${exchanges.length} exchanges`)
  const wrong = exchanges.filter(({ accepted = 0, message = 0 }) => !(accepted >= message && message > 0))
  assert.deepEqual(wrong, [])
})

test('receipts and envelopes are told apart and belong to the message they refer to', async (t) => {
  const lab = new Laboratory(t)
  const log = new ExchangeLog(['message', 'acceptance', 'receipt'])
  const store = await startMailboxStore(log)
  lab.atClose(() => store.close())
  const session = await lab.client({ port: store.port })
  await session.command('LHLO client.test')
  const id = log.begin(performance.now())
  const headers = [
    'X-Ricevuta: accettazione',
    'X-Ricevuta: avvenuta-consegna',
    'X-Ricevuta: presa-in-carico',
    'X-Trasporto: posta-certificata',
  ]
  for (const [at, header] of headers.entries()) {
    assert.equal(log.take().exchanges.length, 0)
    const message = `Message-ID: <${at}@pec-a.test>\r\n${header}\r\nX-Riferimento-Message-ID:\r\n ${id}\r\n\r\nX-Ricevuta: body\r\n`
    await session.send({ from: '', to: ['from@pec-a.test'] }, Buffer.from(message))
  }
  assert.deepEqual(Object.keys(log.take().exchanges[0] ?? {}), ['acceptance', 'receipt', 'message'])
})

test('a notice that a message was refused stops the load', async (t) => {
  const lab = new Laboratory(t)
  const log = new ExchangeLog(['accepted', 'acceptance'])
  const store = await startMailboxStore(log)
  lab.atClose(() => store.close())
  const session = await lab.client({ port: store.port })
  await session.command('LHLO client.test')
  const notice = `X-Ricevuta: non-accettazione\r\nX-Riferimento-Message-ID: ${log.begin(0)}\r\n\r\n`
  await session.send({ from: '', to: ['from@pec-a.test'] }, Buffer.from(notice))
  await assert.rejects(log.drained(5000), /non-accettazione/)
})

test('a refusal stops the load with what the server said', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp', script: { rcpt: '550 5.1.1 unknown' } })
  const load = await loadOn(lab, new ExchangeLog(['accepted']), sink.port)
  await assert.rejects(submitOne(load), /550 5\.1\.1 unknown/)
})
