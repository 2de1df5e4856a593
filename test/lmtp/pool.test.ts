import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPecError } from '../../src/errors.js'
import { freePort } from '../../src/lab/ports.js'
import { LmtpPool } from '../../src/lmtp/pool.js'
import { fromBuffer } from '../../src/mail/source.js'
import { Laboratory } from '../harness/laboratory.js'

const MESSAGE = fromBuffer(Buffer.from('Subject: x\r\n\r\n.a line with a dot\r\nend\r\n'))
const LIMITS = { connections: 2, waiting: 10 }

const isAway = (error: unknown): boolean => isPecError(error) && error.code === 'store' && error.temporary

function poolAt(lab: Laboratory, port: number, limits = LIMITS): LmtpPool {
  const pool = new LmtpPool({ host: '127.0.0.1', port }, limits)
  lab.atClose(() => pool.close())
  return pool
}

test('a message arrives byte for byte, and the next one over the same connection', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  const pool = poolAt(lab, sink.port)
  for (const to of ['one@pec-a.test', 'two@pec-a.test']) {
    assert.equal((await pool.deliver('s@pec-a.test', to, MESSAGE)).code, 250)
  }
  const bytes = await MESSAGE.read(0, MESSAGE.size)
  assert.deepEqual(
    sink.messages.map(({ session, to }) => [session, to]),
    [
      [sink.messages[0]?.session, ['one@pec-a.test']],
      [sink.messages[0]?.session, ['two@pec-a.test']],
    ],
  )
  for (const message of sink.messages) assert.deepEqual(message.bytes, bytes)
})

test('a message whose last line has no end gets one', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  const pool = poolAt(lab, sink.port)
  assert.equal((await pool.deliver('', 'one@pec-a.test', fromBuffer(Buffer.from('Subject: x\r\n\r\nend')))).code, 250)
  assert.equal(sink.messages[0]?.bytes.toString(), 'Subject: x\r\n\r\nend\r\n')
  assert.equal(sink.messages[0].from, '')
})

test('each refusal is told as it was said, and the connection goes on', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({
    protocol: 'lmtp',
    script: {
      mail: ({ argument }) => (argument === 'bad@pec-a.test' ? '550 5.1.8 no such sender' : undefined),
      rcpt: ({ argument }) => (argument === 'none@pec-a.test' ? '550 5.1.1 unknown' : undefined),
      dot: ({ argument }) =>
        argument === 'full@pec-a.test' ? '552 5.2.2 full' : argument === 'busy@pec-a.test' ? '451 4.3.0 busy' : undefined,
    },
  })
  const pool = poolAt(lab, sink.port, { connections: 1, waiting: 10 })
  const told = async (from: string, to: string): Promise<string> => {
    const { code, text } = await pool.deliver(from, to, MESSAGE)
    return `${code} ${text}`
  }
  assert.equal(await told('bad@pec-a.test', 'good@pec-a.test'), '550 5.1.8 no such sender')
  assert.equal(await told('s@pec-a.test', 'none@pec-a.test'), '550 5.1.1 unknown')
  assert.equal(await told('s@pec-a.test', 'full@pec-a.test'), '552 5.2.2 full')
  assert.equal(await told('s@pec-a.test', 'busy@pec-a.test'), '451 4.3.0 busy')
  assert.match(await told('s@pec-a.test', 'good@pec-a.test'), /^250 /)
})

test('a store that is away, that drops the connection or that talks nonsense is a temporary failure', async (t) => {
  const lab = new Laboratory(t)
  await assert.rejects(poolAt(lab, await freePort()).deliver('s@pec-a.test', 'r@pec-a.test', MESSAGE), isAway)
  for (const script of [{ dot: 'drop' }, { greeting: '554 not today' }, { mail: 'what?' }] as const) {
    const sink = await lab.sink({ protocol: 'lmtp', script })
    await assert.rejects(poolAt(lab, sink.port).deliver('s@pec-a.test', 'r@pec-a.test', MESSAGE), isAway)
  }
})

test('a store that invites no message, and refuses none, has taken none', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp', script: { data: '250 2.0.0 why not' } })
  await assert.rejects(poolAt(lab, sink.port).deliver('', 'one@pec-a.test', MESSAGE), isAway)
})

test('a reply of several lines is told on one, its status once', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp', script: { dot: '552 5.2.2 full\n552 5.2.2 to the brim' } })
  const { code, text } = await poolAt(lab, sink.port).deliver('', 'one@pec-a.test', MESSAGE)
  assert.deepEqual([code, text], [552, '5.2.2 full to the brim'])
})

test('no more connections than allowed, and every delivery has its turn', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp', script: { dot: { reply: '250 ok', afterMs: 30 } } })
  const pool = poolAt(lab, sink.port)
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, n) => pool.deliver('s@pec-a.test', `r${n}@pec-a.test`, MESSAGE)),
  )
  assert.ok(replies.every(({ code }) => code === 250))
  assert.equal(new Set(sink.messages.map(({ session }) => session)).size, 2)
})

test('a full pool says so', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp', script: { dot: { reply: '250 ok', afterMs: 50 } } })
  const pool = poolAt(lab, sink.port, { connections: 1, waiting: 1 })
  const under = [pool.deliver('', 'r1@pec-a.test', MESSAGE)]
  assert.equal(pool.isFull, false)
  under.push(pool.deliver('', 'r2@pec-a.test', MESSAGE))
  assert.equal(pool.isFull, true)
  await Promise.all(under)
  assert.equal(pool.isFull, false)
})

test('a connection that the store has closed meanwhile is not used again', async (t) => {
  const lab = new Laboratory(t)
  const first = await lab.sink({ protocol: 'lmtp' })
  const { port } = first
  const pool = poolAt(lab, port)
  await pool.deliver('', 'r1@pec-a.test', MESSAGE)
  await first.close()
  await lab.sink({ protocol: 'lmtp', port })
  // The end of the old connection may only be seen by using it: that message goes to Haraka's queue.
  const again = (): Promise<number> => pool.deliver('', 'r2@pec-a.test', MESSAGE).then(({ code }) => code)
  assert.equal(await again().catch(again), 250)
})

test('a pool that is closed still delivers, and keeps no connection', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  const pool = poolAt(lab, sink.port)
  await pool.deliver('', 'r1@pec-a.test', MESSAGE)
  pool.close()
  await pool.deliver('', 'r2@pec-a.test', MESSAGE)
  await pool.deliver('', 'r3@pec-a.test', MESSAGE)
  assert.equal(new Set(sink.messages.map(({ session }) => session)).size, 3)
})

test('no more deliveries than connections wait to be taken note of', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  const pool = poolAt(lab, sink.port)
  let concluding = 0
  let most = 0
  const conclude = async (): Promise<void> => {
    most = Math.max(most, ++concluding)
    await sleep(20)
    concluding--
  }
  await Promise.all(Array.from({ length: 8 }, (_, n) => pool.deliver('', `r${n}@pec-a.test`, MESSAGE, conclude)))
  assert.equal(most, LIMITS.connections)
  assert.equal(sink.messages.length, 8)
})
