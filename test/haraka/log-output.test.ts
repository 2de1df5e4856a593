import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Writable } from 'node:stream'
import { test } from 'node:test'
import { survive } from '../../src/haraka/log-output.js'

test('a log that cannot be written ends nothing, and says later what is missing', async () => {
  const written: string[] = []
  let isFull = false
  // As process.stdout of a file does: it goes on after an error.
  const output = Object.assign(new EventEmitter(), {
    write: (line: string, done: (error?: Error) => void): boolean => {
      if (!isFull) written.push(line)
      done(isFull ? new Error('ENOSPC') : undefined)
      return true
    },
  }) as unknown as Writable
  const told: (string | undefined)[] = []
  survive(output, (trouble) => told.push(trouble?.message))
  const write = (line: string): Promise<unknown> => new Promise((done) => output.write(line, done))
  await write('one\n')
  isFull = true
  await write('two\n')
  await write('three\n')
  isFull = false
  await write('four\n')
  await write('five\n')
  assert.deepEqual(written, [
    'one\n',
    'four\n',
    '[ERROR] [-] [pec] 2 lines of the log are missing here, they could not be written: ENOSPC\n',
    'five\n',
  ])
  const trouble = 'the log of the process cannot be written: ENOSPC'
  assert.deepEqual(told, [trouble, trouble, undefined])
})
