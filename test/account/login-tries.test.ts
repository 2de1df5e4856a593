import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { LoginTries } from '../../src/account/login-tries.js'

const CAPO = 'capo@pec-a.test'
let now = Date.parse('2026-11-27T10:00:00Z')
let tries: LoginTries
const taken = (times: number, ip: string): number =>
  Array.from({ length: times }, () => tries.take(CAPO, ip)).filter((may) => may).length

beforeEach(() => (tries = new LoginTries(() => new Date(now))))

test('whoever guesses does not keep the owner out', () => {
  assert.equal(taken(20, '192.0.2.1'), 10)
  assert.equal(taken(1, '192.0.2.2'), 1)
  now += 15 * 60_000
  assert.equal(taken(1, '192.0.2.1'), 1)
})

test('many together guess no more than a hundred times', () => {
  for (let network = 0; network < 10; network++) assert.equal(taken(11, `198.51.100.${network}`), 10)
  assert.equal(taken(1, '192.0.2.1'), 0)
})

test('what was right does not count, from wherever it was', () => {
  for (let login = 0; login < 200; login++) {
    assert.equal(tries.take(CAPO, `198.51.100.${login % 20}`), true)
    tries.giveBack(CAPO, `198.51.100.${login % 20}`)
  }
})
