import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoginFailures } from '../../src/account/login-failures.js'

const ANNA = 'anna@pec-a.test'
const HERE = '192.0.2.1'
const QUARTER_MS = 15 * 60_000

let now = Date.parse('2026-11-27T10:00:00Z')
const failures = (login: number, network: number): LoginFailures => new LoginFailures(() => new Date(now), { login, network })
const fail = (of: LoginFailures, times: number, login = ANNA, ip = HERE): void => {
  for (let time = 0; time < times; time++) of.add(login, ip)
}

test('whoever guesses the password of a login waits a quarter of an hour; its owner elsewhere, and others here, do not', () => {
  const some = failures(3, 100)
  fail(some, 2)
  assert.equal(some.mayTry(ANNA, HERE), true)
  fail(some, 1, 'ANNA@pec-a.test')
  assert.equal(some.mayTry(ANNA, HERE), false)
  assert.equal(some.mayTry(ANNA, '192.0.2.2'), true)
  assert.equal(some.mayTry('bruno@pec-a.test', HERE), true)
  now += QUARTER_MS
  assert.equal(some.mayTry(ANNA, HERE), true)
})

test('whoever tries one password after the other on many logins waits with all of them', () => {
  const some = failures(3, 5)
  for (let login = 0; login < 5; login++) fail(some, 1, `utente${login}@pec-a.test`)
  assert.equal(some.mayTry(ANNA, HERE), false)
  assert.equal(some.mayTry(ANNA, '192.0.2.2'), true)
})

test('a program that goes on with an old password does not use up what its network has', () => {
  const some = failures(3, 5)
  fail(some, 50)
  assert.equal(some.mayTry('bruno@pec-a.test', HERE), true)
})

test('addresses of one IPv6 network are one client', () => {
  const some = failures(3, 100)
  for (const ip of ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:3:4:5:6']) fail(some, 1, ANNA, ip)
  assert.equal(some.mayTry(ANNA, '2001:db8:1:2::9'), false)
  assert.equal(some.mayTry(ANNA, '2001:db8:1:3::9'), true)
})
