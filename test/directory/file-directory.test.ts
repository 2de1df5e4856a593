import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import {
  addDomain,
  addMailbox,
  removeMailbox,
  setDomainPolicy,
  setMailboxPolicy,
  setPassword,
  setState,
} from '../../src/directory/directory-edit.js'
import type { DirectoryEvent } from '../../src/directory/directory-event.js'
import { FileDirectory } from '../../src/directory/file-directory.js'

const folder = mkdtempSync(join(tmpdir(), 'pec-directory-'))
after(() => rmSync(folder, { recursive: true }))
const cost = { N: 16, r: 1, p: 1 }

let count = 0
async function newFile(): Promise<string> {
  count += 1
  const path = join(folder, `directory-${count}.json`)
  await addDomain(path, 'PEC.example')
  await addMailbox(path, { address: 'Mario@pec.example', password: 'right', quotaBytes: 5000, cost })
  return path
}

function opened(path: string) {
  let now = 0
  const events: DirectoryEvent[] = []
  const directory = FileDirectory.open({ path, clock: () => new Date(now), onEvent: (event) => events.push(event) })
  return { directory, events, later: (ms: number) => (now += ms) }
}

test('answers for its domains and mailboxes without case', async () => {
  const { directory, events } = opened(await newFile())
  assert.equal(directory.managesDomain('Pec.Example'), true)
  assert.equal(directory.managesDomain('sub.pec.example'), false)
  const mailbox = { address: 'mario@pec.example', state: 'active', kind: 'individual', quotaBytes: 5000 }
  assert.deepEqual(await directory.mailbox('MARIO@PEC.EXAMPLE'), mailbox)
  assert.equal(await directory.mailbox('luigi@pec.example'), undefined)
  assert.deepEqual(directory.mailboxes(), [mailbox])
  assert.deepEqual(events, [{ kind: 'loaded', domains: 1, mailboxes: 1 }])
})

test('opens a mailbox to its password only, in whatever state', async () => {
  const path = await newFile()
  await setState(path, 'mario@pec.example', 'suspended')
  const { directory } = opened(path)
  assert.equal((await directory.authenticate('Mario@PEC.example', 'right'))?.state, 'suspended')
  assert.equal(await directory.authenticate('mario@pec.example', 'wrong'), undefined)
  assert.equal(await directory.authenticate('mario@pec.example', 'right '), undefined)
  assert.equal(await directory.authenticate('luigi@pec.example', 'right'), undefined)
})

test('takes over a changed file after a second, passwords it remembers included', async () => {
  const path = await newFile()
  const { directory, events, later } = opened(path)
  assert(await directory.authenticate('mario@pec.example', 'right'))
  await setPassword(path, 'mario@pec.example', 'new', { cost })
  await addDomain(path, 'due.example')
  later(999)
  assert.equal(directory.managesDomain('due.example'), false)
  later(1)
  assert.equal(directory.managesDomain('due.example'), true)
  assert.equal(await directory.authenticate('mario@pec.example', 'right'), undefined)
  assert(await directory.authenticate('mario@pec.example', 'new'))
  await removeMailbox(path, 'mario@pec.example')
  later(1000)
  assert.equal(await directory.authenticate('mario@pec.example', 'new'), undefined)
  assert.equal(events.length, 3)
})

test("goes by a mailbox's policy on ordinary mail, else by its domain's, and takes over changes of both", async () => {
  const path = await newFile()
  const { directory, later } = opened(path)
  const policies = async () => [
    await directory.ordinaryMail('MARIO@pec.example'),
    await directory.ordinaryMail('nobody@PEC.example'),
    await directory.ordinaryMail('mario@other.example'),
  ]
  assert.deepEqual(await policies(), [undefined, undefined, undefined])
  await setDomainPolicy(path, 'PEC.example', 'reject')
  later(1000)
  assert.deepEqual(await policies(), ['reject', 'reject', undefined])
  await setMailboxPolicy(path, 'Mario@pec.example', { forward: 'mario@elsewhere.example' })
  later(1000)
  assert.deepEqual(await policies(), [{ forward: 'mario@elsewhere.example' }, 'reject', undefined])
  await setState(path, 'mario@pec.example', 'suspended')
  await setDomainPolicy(path, 'pec.example', undefined)
  later(1000)
  assert.deepEqual(await policies(), [{ forward: 'mario@elsewhere.example' }, undefined, undefined])
  await setMailboxPolicy(path, 'mario@pec.example', undefined)
  later(1000)
  assert.deepEqual(await policies(), [undefined, undefined, undefined])
})

test('keeps the last good copy when the file is broken or gone, and says so once', async () => {
  const path = await newFile()
  const { directory, events, later } = opened(path)
  for (const spoil of [() => writeFileSync(path, '{"domains":[]}'), () => rmSync(path)]) {
    spoil()
    for (let look = 0; look < 2; look += 1) {
      later(1000)
      assert.equal(directory.managesDomain('pec.example'), true)
    }
  }
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['loaded', 'refused', 'refused'],
  )
  assert.match(JSON.stringify(events[1]), /mailboxes.* is not a list/)
})

test('does not open a file that is missing or broken', () => {
  const broken = join(folder, 'broken.json')
  writeFileSync(broken, '{"domains":["x"],"mailboxes":[1]}')
  for (const [path, words] of [
    [join(folder, 'missing.json'), /ENOENT/],
    [broken, /no domain; mailboxes\[0\]/],
  ] as const) {
    // prettier-ignore
    assert.throws(
      () => opened(path),
      (error: unknown) => isPecError(error) && error.code === 'configuration' && words.test(error.message),
    )
  }
})

test('writes the file for its owner only, leaves nothing beside it, and reports one that others may read', async () => {
  const path = await newFile()
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(
    readdirSync(folder).filter((name) => !name.endsWith('.json')),
    [],
  )
  assert(!readFileSync(path, 'utf8').includes('right'))
  chmodSync(path, 0o644)
  const { events } = opened(path)
  assert.deepEqual(events.at(-1), { kind: 'exposed', mode: 0o644 })
})

test('refuses edits that make no sense and leaves the file as it was', async () => {
  const path = await newFile()
  const before = readFileSync(path, 'utf8')
  const edits = [
    addDomain(path, 'pec.example'),
    addDomain(path, 'not a domain'),
    addMailbox(path, { address: 'mario@pec.example', password: 'x', cost }),
    addMailbox(path, { address: 'a@other.example', password: 'x', cost }),
    addMailbox(path, { address: '../a@pec.example', password: 'x', cost }),
    addMailbox(path, { address: 'a@pec.example', password: '', cost }),
    addMailbox(path, { address: 'a@pec.example', password: 'x', quotaBytes: 0, cost }),
    setState(path, 'luigi@pec.example', 'closed'),
    removeMailbox(path, 'luigi@pec.example'),
    setDomainPolicy(path, 'other.example', 'reject'),
    setMailboxPolicy(path, 'luigi@pec.example', 'reject'),
    setMailboxPolicy(path, 'mario@pec.example', { forward: 'luigi@pec.example' }),
    setDomainPolicy(path, 'pec.example', { forward: 'luigi@PEC.example' }),
  ]
  for (const result of await Promise.allSettled(edits)) {
    assert(result.status === 'rejected' && isPecError(result.reason) && result.reason.code === 'directory')
  }
  assert.equal(readFileSync(path, 'utf8'), before)
})

test('does not take a domain that mail goes on to', async () => {
  const path = await newFile()
  await setMailboxPolicy(path, 'mario@pec.example', { forward: 'mario@elsewhere.example' })
  await assert.rejects(addDomain(path, 'elsewhere.example'), /mario@pec.example: ordinary mail cannot go on/)
})

test('loses no edit when several are made at the same time', async () => {
  const path = await newFile()
  const names = Array.from({ length: 8 }, (_, position) => `user${position}@pec.example`)
  await Promise.all(names.map((address) => addMailbox(path, { address, password: 'x', cost })))
  assert.deepEqual(
    opened(path)
      .directory.mailboxes()
      .map(({ address }) => address),
    ['mario@pec.example', ...names],
  )
})

test('gives up on a lock that nobody releases, and names it', async () => {
  const path = await newFile()
  writeFileSync(`${path}.lock`, '1\n')
  await assert.rejects(addDomain(path, 'due.example'), /remove .*\.lock/)
  rmSync(`${path}.lock`)
})
