import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { admission, ownDescriptors } from '../../src/haraka/descriptors.js'

const LOG_EVERY = 1000

describe('clients are let in', () => {
  test('as long as a part of the descriptors is left for work in hand', () => {
    let used = 0
    let now = 0
    const told: string[] = []
    const report = (trouble: Error | undefined): void => void told.push(trouble?.message ?? 'room')
    const isRoom = admission({ limit: 100, count: () => used }, report, () => (now += LOG_EVERY))
    const found = [10, 75, 76, 100, 75].map((count) => {
      used = count
      return isRoom()
    })
    assert.deepEqual(found, [true, true, false, false, true])
    assert.equal(told.length, 3, 'of each client that was sent away, and once when it is over')
    assert.match(told[0] ?? '', /^too many file descriptors are in use \(76 of 100\).*ulimit -n/)
    assert.equal(told[2], 'room')
  })

  test('one by one between two counts', () => {
    const isRoom = admission(
      { limit: 100, count: () => 73 },
      () => undefined,
      () => 0,
    )
    assert.deepEqual([isRoom(), isRoom(), isRoom(), isRoom()], [true, true, true, false])
  })

  test('no more where there is no descriptor left to count with', () => {
    const count = (): number => {
      throw new Error('EMFILE')
    }
    assert.equal(admission({ limit: 100, count }, () => undefined)(), false)
  })

  test('always where the system knows no limit', () => {
    assert.equal(admission({ limit: Infinity, count: () => 0 }, () => undefined)(), true)
  })
})

test('a process knows its own descriptors', async () => {
  const { limit, count } = ownDescriptors()
  assert.ok(limit >= 64)
  const before = count()
  const files = await Promise.all(Array.from({ length: 20 }, () => open(__filename)))
  // Others may be opened and closed meanwhile.
  assert.ok(count() > before + 10)
  await Promise.all(files.map((file) => file.close()))
})
