import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { maildirOf, MailStore } from '../../src/store/maildir.js'

const root = mkdtempSync(join(tmpdir(), 'pec-maildir-'))
after(() => rmSync(root, { recursive: true }))

test('names the Maildir of an address', () => {
  assert.equal(maildirOf('/var/pec', 'mario.rossi@pec.example.it'), '/var/pec/mail/pec.example.it/mario.rossi/Maildir')
})

for (const address of [
  'a@..',
  '..@b',
  '.@b',
  '../x@b',
  'a/b@c',
  'a@b/c',
  'a\0@b',
  'A@b',
  'a@.spool',
  'a',
  '@b',
  'a@',
  `${'a'.repeat(65)}@b`,
]) {
  test(`does not make a path of ${JSON.stringify(address)}`, () =>
    assert.throws(
      () => maildirOf(root, address),
      (error: unknown) => isPecError(error) && error.code === 'malformed',
    ))
}

test('gives every delivery a name of its own, in the same millisecond too', async () => {
  const store = await MailStore.open(root, () => new Date(0))
  const reception = await store.receive(pieces('one', 'two'), 6)
  assert('spooled' in reception)
  const maildir = maildirOf(root, 'a@b.example')
  const paths = await Promise.all([1, 2, 3].map(() => store.deliver(reception.spooled, maildir)))
  assert.equal(new Set(paths).size, 3)
  await store.discard(reception.spooled)
  for (const path of paths) assert.equal(readFileSync(path, 'utf8'), 'onetwo')
})

test('tells a message that is too large from one it could not write', async () => {
  const store = await MailStore.open(root, () => new Date(0))
  assert.deepEqual(await store.receive(pieces('one', 'two'), 5), { tooLarge: true })
  rmSync(join(root, 'mail', '.spool'), { recursive: true })
  assert('failure' in (await store.receive(pieces('one'), 5)))
})

async function* pieces(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text))
}
