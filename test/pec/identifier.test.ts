import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newBoundary, newIdentifier, newNames } from '../../src/pec/identifier.js'
import { momentOf } from '../../src/pec/moment.js'

const moment = momentOf(new Date('2024-11-05T09:00:00Z'))

test('an identifier is alphanumeric, at the domain, and never the same', () => {
  const made = new Set(Array.from({ length: 1000 }, () => newIdentifier(moment, 'gestore.test')))
  assert.equal(made.size, 1000)
  for (const identifier of made) assert.match(identifier, /^pec20241105090000[0-9a-f]{30}@gestore\.test$/)
})

test('a boundary is within the 70 characters of MIME and begins with what quoted-printable cannot hold', () => {
  assert.match(newBoundary(), /^=_[0-9a-f]{36}$/)
})

test('no two names of a message are alike', () => {
  const { messageId, outer, inner } = newNames(moment, 'gestore.test')
  assert.equal(new Set([messageId, outer, inner]).size, 3)
})
