import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { hashPassword, isPasswordHash, PasswordVerifier } from '../../src/directory/password.js'

const cheap = { N: 16, r: 1, p: 1 }

test('verifies the password that was hashed and no other', async () => {
  const verifier = new PasswordVerifier()
  const stored = await hashPassword('perché no', cheap)
  assert.match(stored, /^scrypt\$N=16,r=1,p=1\$/)
  assert.equal(await verifier.verify('perché no', stored), true)
  assert.equal(await verifier.verify('perche\u0301 no', stored), true)
  assert.equal(await verifier.verify('perche no', stored), false)
  assert.equal(await verifier.verify('', stored), false)
  assert.equal(await verifier.verify('x'.repeat(1025), stored), false)
})

test('salts each hash and takes 16 MiB of work unless told otherwise', async () => {
  const [one, two] = await Promise.all([hashPassword('x'), hashPassword('x')])
  assert.notEqual(one, two)
  assert.match(one, /^scrypt\$N=16384,r=8,p=1\$/)
})

test('does not let an unknown user in, nor answer quicker for it', async () => {
  const verifier = new PasswordVerifier()
  const stored = await hashPassword('right')
  const timeOf = async (hash: string | undefined) => {
    const start = process.hrtime.bigint()
    assert.equal(await verifier.verify('wrong', hash), false)
    return Number(process.hrtime.bigint() - start)
  }
  await timeOf(stored)
  const [known, unknown] = [await timeOf(stored), await timeOf(undefined)]
  assert(unknown > known / 4, `${unknown} ns for nobody, ${known} ns for somebody`)
})

test('computes a few hashes at a time and turns a flood away for now', async () => {
  const verifier = new PasswordVerifier({ running: 1, waiting: 2 })
  const stored = await hashPassword('right', cheap)
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => verifier.verify('right', stored)))
  assert.deepEqual(
    results.map((result) =>
      result.status === 'fulfilled' ? result.value : isPecError(result.reason) && result.reason.temporary && 'later',
    ),
    [true, true, true, 'later', 'later'],
  )
  assert.equal(await verifier.verify('right', stored), true)
})

test('knows a hash from other text, and one that would cost too much', async () => {
  const stored = await hashPassword('x', cheap)
  assert.equal(isPasswordHash(stored), true)
  for (const text of [
    '',
    'x',
    'scrypt$',
    stored.slice(7),
    `${stored} `,
    stored.replace('N=16', 'N=17'),
    stored.replace('N=16', 'N=8388608'),
  ]) {
    assert.equal(isPasswordHash(text), false, text)
  }
})
