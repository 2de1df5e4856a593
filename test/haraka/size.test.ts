import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announceSize, mayBeThisLarge, sayTooLarge, type Responding } from '../../src/haraka/size.js'

test('the answer to EHLO has the ceiling of submitted messages, and all else as it was', () => {
  const capabilities = ['pec-a.test Hello', 'PIPELINING', 'SIZE 150000000', '8BITMIME']
  announceSize({ capabilities }, 1000)
  assert.deepEqual(capabilities, ['pec-a.test Hello', 'PIPELINING', 'SIZE 1000', '8BITMIME'])
})

test('MAIL that announces more than the ceiling is refused, and any other is not', () => {
  assert.deepEqual(mayBeThisLarge({ SIZE: '1001' }, 1000).status, [552, 3, 4])
  for (const parameters of [{ SIZE: '1000' }, {}, { SIZE: null }, { SIZE: 'many' }, { BODY: '8BITMIME' }])
    assert.equal(mayBeThisLarge(parameters, 1000).code, 'pass')
})

test('what Haraka finds too large is told with the code of RFC 1870, and all else as it was', () => {
  const said: unknown[] = []
  const connection: Responding = { respond: (code, text) => void said.push([code, text]) }
  sayTooLarge(connection)
  connection.respond(550, 'Message too big!')
  connection.respond(550, 'no')
  connection.respond(250, ['a', 'b'])
  assert.deepEqual(said, [
    [552, '5.3.4 The message is too large'],
    [550, 'no'],
    [250, ['a', 'b']],
  ])
})
