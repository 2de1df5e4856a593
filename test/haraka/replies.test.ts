import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import { heard, interpretReplies, type ClientPool } from '../../src/haraka/replies.js'

describe('a reply of another host', () => {
  for (const [what, line, expected] of [
    ['251 and 252 are for recipients that are taken', '251 2.1.5 will forward\r\n', '250 2.1.5 will forward\r\n'],
    ['251 and 252 are for recipients that are taken', '252-maybe\r\n', '250-maybe\r\n'],
    ['what is no reply says nothing for good', 'HTTP/1.1 400 Bad Request\r\n', '451 4.5.0 The host does not speak SMTP\r\n'],
    ['what is no reply says nothing for good', '\r\n', '451 4.5.0 The host does not speak SMTP\r\n'],
    ['any other is as it is', '550 5.1.1 no\r\n', '550 5.1.1 no\r\n'],
    ['any other is as it is', '250-SIZE\r\n', '250-SIZE\r\n'],
    ['any other is as it is', '354 go\r\n', '354 go\r\n'],
  ] as const) {
    test(`${what}: ${JSON.stringify(line)}`, () => assert.equal(heard(line, false), expected))
  }

  for (const [line, expected] of [
    ['502 5.5.1 what?\r\n', '402 4.5.1 what?\r\n'],
    ['554-no\r\n', '454-no\r\n'],
    ['550 5 no\r\n', '450 5 no\r\n'],
    ['250 ok\r\n', '250 ok\r\n'],
  ] as const) {
    test(`is not for good before the encryption that is required: ${JSON.stringify(line)}`, () =>
      assert.equal(heard(line, true), expected))
  }
})

class TestSocket extends EventEmitter {
  encrypted = false
  isEncrypted(): boolean {
    return this.encrypted
  }
}

test('connections are listened to from the first line, once, and by what they are at the time', () => {
  const socket = new TestSocket()
  const pool: ClientPool = { get_client: (_, done) => done(null, socket) }
  interpretReplies(pool, (mx) => mx === 'secret')
  interpretReplies(pool, () => true)
  const lines: unknown[] = []
  pool.get_client('secret', () => socket.on('line', (line) => lines.push(line)))
  socket.emit('line', '550 5.1.1 no')
  socket.encrypted = true
  socket.emit('line', '550 5.1.1 no')
  socket.emit('line', '251 ok')
  assert.deepEqual(lines, ['450 4.1.1 no', '550 5.1.1 no', '250 ok'])

  const failed: unknown[] = []
  const broken: ClientPool = { get_client: (_, done) => done('refused', null) }
  interpretReplies(broken, () => false)
  broken.get_client('x', (error) => failed.push(error))
  assert.deepEqual(failed, ['refused'])
})
