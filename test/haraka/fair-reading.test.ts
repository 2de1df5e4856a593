import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import constants from 'haraka-constants'
import { readFairly } from '../../src/haraka/fair-reading.js'
import type { Connection } from '../../src/haraka/types.js'
import { connectionOf } from './connection.js'

const { CMD, DATA, PAUSE_DATA } = constants.connection.state
const SIZE = 8 * 1024 * 1024
/** What one turn may bring: up to the limit, and the piece that goes beyond it. */
const TURN = 128 * 1024

interface Reading {
  readonly connection: { state: number }
  readonly client: Socket
  /** Bytes of each turn of the event loop that brought any. */
  readonly turns: readonly number[]
  readonly total: () => number
}

/** A connection over a real socket in this state, whose other side sends as fast as it can. */
async function reading(t: TestContext, state: number): Promise<Reading> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sender = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [client] = (await once(server, 'connection')) as [Socket]
  t.after(() => {
    sender.destroy()
    client.destroy()
    server.close()
  })
  const turns: number[] = []
  let isNewTurn = true
  client.on('data', (chunk: Buffer) => {
    if (isNewTurn) {
      turns.push(0)
      isNewTurn = false
      setImmediate(() => (isNewTurn = true))
    }
    turns.push((turns.pop() ?? 0) + chunk.length)
  })
  const connection: Connection & { state: number } = { ...connectionOf(), client, state }
  readFairly(connection)
  sender.end(Buffer.alloc(SIZE, 'x'))
  return { connection, client, turns, total: () => turns.reduce((sum, bytes) => sum + bytes, 0) }
}

suite('fair reading', () => {
  test('takes a long message piece by piece, and all of it', async (t) => {
    const { client, turns, total } = await reading(t, DATA)
    await once(client, 'end')
    assert.equal(total(), SIZE)
    assert.ok(Math.max(...turns) <= TURN, `${Math.max(...turns)}`)
  })

  test('lets commands be', async (t) => {
    const { client, total } = await reading(t, CMD)
    let paused = 0
    client.on('pause', () => paused++)
    await once(client, 'end')
    assert.deepEqual([total(), paused], [SIZE, 0])
  })

  test('does not go on where Haraka itself has paused', async (t) => {
    const { connection, client, total } = await reading(t, DATA)
    await once(client, 'pause', { signal: AbortSignal.timeout(10_000) })
    connection.state = PAUSE_DATA
    const before = total()
    await sleep(50)
    assert.deepEqual([client.isPaused(), total()], [true, before])
    connection.state = DATA
    client.resume()
    await once(client, 'end')
    assert.equal(total(), SIZE)
  })
})
