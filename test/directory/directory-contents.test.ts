import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { formatDirectory, isMailboxAddress, lookupIn, parseDirectory } from '../../src/directory/directory-contents.js'
import { hashPassword } from '../../src/directory/password.js'

let password: string
before(async () => {
  password = await hashPassword('x', { N: 16, r: 1, p: 1 })
})
const parse = (json: unknown) => parseDirectory(JSON.stringify(json))

const plain = { kind: 'individual', aliases: [], operators: [] }

test('reads domains and mailboxes in lower case', () => {
  const reading = parse({
    domains: ['PEC.example'],
    mailboxes: [
      { address: 'Mario.Rossi@pec.EXAMPLE', state: 'suspended', password, quotaBytes: 1000 },
      { address: 'b@pec.example', state: 'active', password },
    ],
  })
  assert(reading.ok)
  assert.deepEqual([...reading.contents.domains], ['pec.example'])
  assert.deepEqual(
    [...reading.contents.mailboxes.values()],
    [
      { ...plain, address: 'mario.rossi@pec.example', state: 'suspended', password, quotaBytes: 1000 },
      { ...plain, address: 'b@pec.example', state: 'active', password, quotaBytes: undefined },
    ],
  )
  assert.deepEqual(parseDirectory(formatDirectory(reading.contents)), reading)
})

test('reads what becomes of ordinary mail, for a domain and for a mailbox', () => {
  const reading = parse({
    domains: ['a.example', { name: 'B.example', ordinaryMail: 'reject' }, { name: 'c.example' }],
    mailboxes: [
      { address: 'x@a.example', state: 'active', password, ordinaryMail: 'forward:y@Elsewhere.example' },
      { address: 'x@b.example', state: 'active', password, ordinaryMail: 'accept' },
      { address: 'y@b.example', state: 'active', password },
    ],
  })
  assert(reading.ok)
  const { domains, ordinaryMail, mailboxes } = reading.contents
  assert.deepEqual([...domains], ['a.example', 'b.example', 'c.example'])
  assert.deepEqual([...ordinaryMail], [['b.example', 'reject']])
  assert.deepEqual(
    [...mailboxes.values()].map((mailbox) => mailbox.ordinaryMail),
    [{ forward: 'y@Elsewhere.example' }, 'accept', undefined],
  )
  assert.deepEqual(parseDirectory(formatDirectory(reading.contents)), reading)
})

test('takes no policy on ordinary mail that would lose it or send it in circles', () => {
  const reading = parse({
    domains: [
      'a.example',
      { name: 'b.example', ordinaryMail: 'drop' },
      { name: 'c.example', ordinaryMail: 'forward:x@a.EXAMPLE' },
    ],
    mailboxes: [
      { address: 'x@a.example', state: 'active', password, ordinaryMail: 'forward:nobody' },
      { address: 'y@a.example', state: 'active', password, ordinaryMail: true },
      { address: 'z@a.example', state: 'active', password, ordinaryMail: 'forward:z@b.example' },
    ],
  })
  assert(!reading.ok)
  assert.deepEqual(reading.faults, [
    'domains[1]: ordinaryMail "drop" is none of accept, reject, forward:ADDRESS',
    'mailboxes[0]: ordinaryMail "forward:nobody" is none of accept, reject, forward:ADDRESS',
    'mailboxes[1]: ordinaryMail true is none of accept, reject, forward:ADDRESS',
    'c.example: ordinary mail cannot go on to x@a.EXAMPLE, which is ours',
    'z@a.example: ordinary mail cannot go on to z@b.example, which is ours',
  ])
})

test('names every fault, and no password', () => {
  const good = { address: 'a@pec.example', state: 'active', password }
  const reading = parse({
    domains: ['pec.example', 'PEC.example', 'x', 7],
    mailboxes: [
      good,
      good,
      'x',
      { ...good, address: 'a@other.example' },
      { ...good, address: '../etc@pec.example' },
      { ...good, state: 'open' },
      { ...good, password: 'secret in clear' },
      { ...good, quotaBytes: -1 },
      { ...good, qouta: 1 },
    ],
    users: [],
  })
  assert(!reading.ok)
  assert.deepEqual(reading.faults, [
    'the file has an unknown key "users"',
    'domains[1]: pec.example stands there twice',
    'domains[2]: "x" is no domain',
    'domains[3]: 7 is no domain',
    'mailboxes[1]: a@pec.example stands there twice',
    'mailboxes[2] is not an object',
    'mailboxes[3]: other.example is not among the domains',
    'mailboxes[4]: "../etc@pec.example" is no mailbox address',
    'mailboxes[5]: the state "open" is none of active, suspended, frozen, closed',
    'mailboxes[6]: the password is not a scrypt hash',
    'mailboxes[7]: quotaBytes is not a positive whole number',
    'mailboxes[8] has an unknown key "qouta"',
  ])
})

test('reads aliases, and shared mailboxes with their operators', () => {
  const shared = { address: 'ufficio@pec.example', state: 'active', kind: 'shared', aliases: ['Protocollo@PEC.example'] }
  const reading = parse({ domains: ['pec.example'], mailboxes: [{ ...shared, operators: [{ name: 'Rossi', password }] }] })
  assert(reading.ok)
  const [entry] = reading.contents.mailboxes.values()
  assert.deepEqual(entry?.aliases, ['protocollo@pec.example'])
  assert.deepEqual([entry.kind, entry.password, entry.operators], ['shared', undefined, [{ name: 'rossi', password }]])
  assert.equal(lookupIn(reading.contents)('protocollo@pec.example'), entry)
  assert.deepEqual(parseDirectory(formatDirectory(reading.contents)), reading)
})

test('names what is wrong with aliases, kinds and operators', () => {
  const one = { address: 'a@pec.example', state: 'active', password }
  const reading = parse({
    domains: ['pec.example'],
    mailboxes: [
      one,
      { ...one, address: 'b@pec.example', aliases: ['A@pec.example', 'c@other.example', 7] },
      { ...one, address: 'c@pec.example', aliases: ['a@pec.example'] },
      { ...one, address: 'd@pec.example', kind: 'shared' },
      { ...one, address: 'e@pec.example', kind: 'robot', operators: 'x' },
      { ...one, address: 'f@pec.example', operators: [{ name: 'x', password }] },
      { address: 'g@pec.example', state: 'active', kind: 'shared', operators: [{ name: 'x*', password: 'y', rank: 1 }] },
    ],
  })
  assert(!reading.ok)
  assert.deepEqual(reading.faults, [
    'mailboxes[1]: 7 is no mailbox address',
    'mailboxes[2]: a@pec.example stands there twice',
    'mailboxes[3]: a shared mailbox has no password, but operators',
    'mailboxes[4]: the kind "robot" is none of individual, shared, application',
    'mailboxes[4]: operators is not a list',
    'mailboxes[5]: only a shared mailbox has operators',
    'mailboxes[6].operators[0] has an unknown key "rank"',
    'mailboxes[6].operators[0]: "x*" is no name of an operator',
    'mailboxes[6].operators[0]: the password is not a scrypt hash',
  ])
})

for (const [text, fault] of [
  ['{', 'it is not JSON'],
  ['[]', 'it is not a JSON object'],
  ['{}', '"domains" is not a list'],
] as const) {
  test(`does not take ${text} for a directory`, () => {
    const reading = parseDirectory(text)
    assert(!reading.ok)
    assert.equal(reading.faults[0], fault)
  })
}

test('takes for an address only what can also name a folder', () => {
  for (const address of ['a@b.it', 'a.b+c@x-y.it', `${'a'.repeat(64)}@b.it`])
    assert.equal(isMailboxAddress(address), true, address)
  for (const address of [
    '',
    '@b.it',
    'a@',
    'a',
    'a/b@c.it',
    '..@b.it',
    '.a@b.it',
    'a@b',
    'a@../b',
    'A@b.it',
    `${'a'.repeat(65)}@b.it`,
    'a\0@b.it',
  ]) {
    assert.equal(isMailboxAddress(address), false, address)
  }
})

test('takes no option of a mailbox that would lose copies or send notices in circles', () => {
  const of = (name: string, options: object): object => ({ address: `${name}@a.example`, state: 'active', password, ...options })
  const reading = parse({
    domains: ['a.example', 'b.example'],
    mailboxes: [
      of('u', { archive: 'tape' }),
      of('v', { archive: 'mailbox:nobody', arrivalNotice: 'v@casa.example' }),
      of('w', { aliases: ['alias@b.example'], archive: 'mailbox:Alias@b.example' }),
      of('x', { archive: 'mailbox:x@casa.example' }),
      of('y', { arrivalNotice: 'plain:y@B.example' }),
    ],
  })
  assert(!reading.ok)
  assert.deepEqual(reading.faults, [
    'mailboxes[0]: archive "tape" is none of files, mailbox:ADDRESS',
    'mailboxes[1]: archive "mailbox:nobody" is none of files, mailbox:ADDRESS',
    'mailboxes[1]: arrivalNotice "v@casa.example" is none of plain:ADDRESS, details:ADDRESS',
    'w@a.example: its archive cannot be the mailbox itself',
    'x@a.example: the archive x@casa.example is not in a domain of ours',
    'y@a.example: notices of arrival cannot go to y@B.example, which is ours',
  ])
})
