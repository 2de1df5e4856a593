import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askServer } from '../../src/clock/time-server.js'
import { isPecError } from '../../src/errors.js'
import { startTimeServer } from '../harness/time-server.js'

const HOST = '127.0.0.1'

test('tells by how much our clock is ahead of a server, or behind', async (t) => {
  const server = await startTimeServer(t)
  for (const ahead of [-90_000, 0, 2500]) {
    server.ahead = ahead
    const found = await askServer({ host: HOST, port: server.port })
    // A busy machine is late by its milliseconds.
    assert.ok(Math.abs(found + ahead) < 500, `${found} ms for a server that is ${ahead} ms ahead`)
  }
})

test('says that a server does not answer, and does not wait for long', async (t) => {
  const server = await startTimeServer(t)
  server.ahead = undefined
  await assert.rejects(
    askServer({ host: HOST, port: server.port }),
    (error) => isPecError(error) && error.code === 'clock' && error.temporary && /gave no time within 5 s/.test(error.message),
  )
})
