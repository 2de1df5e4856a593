import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentLogins } from '../../src/directory/recent-logins.js'

const login = { address: 'a@p.example', password: 'right', stored: 'hash' }

test('knows a login again until its minute is over', () => {
  let now = 0
  const recent = new RecentLogins(() => new Date(now))
  assert.equal(recent.has(login), false)
  recent.add(login)
  now = 59_999
  assert.equal(recent.has(login), true)
  now = 60_000
  assert.equal(recent.has(login), false)
})

test('tells another password, another stored hash and another address apart', () => {
  const recent = new RecentLogins(() => new Date(0))
  recent.add(login)
  assert.equal(recent.has({ ...login, password: 'wrong' }), false)
  assert.equal(recent.has({ ...login, stored: 'new hash' }), false)
  assert.equal(recent.has({ ...login, address: 'b@p.example' }), false)
  assert.equal(recent.has(login), true)
})

test('forgets the oldest when it is full', () => {
  const recent = new RecentLogins(() => new Date(0), 60_000, 2)
  const others = ['b', 'c'].map((name) => ({ ...login, address: `${name}@p.example` }))
  for (const one of [login, ...others]) recent.add(one)
  assert.deepEqual([login, ...others].map((one) => recent.has(one)), [false, true, true]) // prettier-ignore
})
