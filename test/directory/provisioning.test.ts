import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { faultOfPassword, makePassword } from '../../src/directory/chosen-password.js'
import { FileAccounts } from '../../src/directory/file-accounts.js'
import { Provisioning } from '../../src/directory/provisioning.js'
import { PecError } from '../../src/errors.js'
import type { Entry, RegisterEvent } from '../../src/points/ports.js'

const folder = mkdtempSync(join(tmpdir(), 'pec-provisioning-'))
after(() => rmSync(folder, { recursive: true }))

let count = 0
function opened() {
  const accounts = new FileAccounts(join(folder, `directory-${++count}.json`), { N: 16, r: 1, p: 1 })
  const events: RegisterEvent[] = []
  let isAway = false
  const ledger = {
    commit: (entry: Entry) => {
      if (isAway) return Promise.reject(new PecError('ledger', 'the database is away', { temporary: true }))
      events.push(...entry.events)
      return Promise.resolve()
    },
  }
  const provisioning = new Provisioning(accounts, { ledger, clock: () => new Date(0), provider: 'A', by: 'paola' })
  const told = (): readonly string[] =>
    events.map(({ type, sender, recipients, subject, outcome }) => [type, sender, recipients.join(), subject, outcome].join('; '))
  return { accounts, provisioning, told, events, fail: () => (isAway = true) }
}

test('the register has every act before it is made, and how it ended; and no password', async () => {
  const { provisioning, told, events } = opened()
  const secret = { password: 'segretissima', until: new Date(1000) }
  await provisioning.addDomain('a.test')
  await provisioning.add({ address: 'm@a.test', kind: 'individual', secret, aliases: ['n@a.test'], quotaBytes: 5 })
  await provisioning.change('m@a.test', { state: 'suspended', renewal: undefined })
  await assert.rejects(provisioning.remove('x@a.test'), /no mailbox/)
  await provisioning.addAdministrator('c@a.test', secret)
  await provisioning.setAdministratorState('c@a.test', 'suspended')
  const temporary = 'temporary password until 1970-01-01T00:00:01.000Z'
  const both = (words: string): readonly string[] => [
    `provisioning; paola; ${words}; asked for`,
    `provisioning; paola; ${words}; done`,
  ]
  assert.deepEqual(told(), [
    ...both('a.test; add domain'),
    ...both(`m@a.test; add individual mailbox, alias n@a.test, quota 5, ${temporary}`),
    ...both('m@a.test; suspended, renewal none'),
    'provisioning; paola; x@a.test; remove mailbox; asked for',
    'provisioning; paola; x@a.test; remove mailbox; failed: there is no mailbox "x@a.test"',
    ...both(`c@a.test; add administrator, ${temporary}`),
    ...both('c@a.test; administrator suspended'),
  ])
  assert.ok(!JSON.stringify(events).includes('segretissima'))
})

test('nothing is changed that cannot be recorded', async () => {
  const { provisioning, accounts, fail } = opened()
  await provisioning.addDomain('a.test')
  await provisioning.add({ address: 'm@a.test', kind: 'shared', secret: undefined })
  const before = await accounts.list()
  fail()
  const secret = { password: 'x', until: undefined }
  for (const act of [
    () => provisioning.addDomain('b.test'),
    () => provisioning.removeDomain('a.test'),
    () => provisioning.setDomainPolicy('a.test', 'reject'),
    () => provisioning.add({ address: 'n@a.test', kind: 'individual', secret }),
    () => provisioning.change('m@a.test', { state: 'closed' }),
    () => provisioning.setPassword('m@a.test', secret),
    () => provisioning.addAlias('m@a.test', 'o@a.test'),
    () => provisioning.removeAlias('m@a.test', 'o@a.test'),
    () => provisioning.setOperator('m@a.test', 'rossi', secret),
    () => provisioning.removeOperator('m@a.test', 'rossi'),
    () => provisioning.remove('m@a.test'),
    () => provisioning.addAdministrator('c@a.test', secret),
    () => provisioning.setAdministratorState('c@a.test', 'suspended'),
    () => provisioning.setAdministratorPassword('c@a.test', secret),
    () => provisioning.removeAdministrator('c@a.test'),
  ])
    await assert.rejects(act, /the database is away/)
  assert.deepEqual(await accounts.list(), before)
  assert.deepEqual(await accounts.domains(), [{ name: 'a.test', ordinaryMail: undefined }])
})

test('a closed mailbox stays closed', async () => {
  const { provisioning } = opened()
  await provisioning.addDomain('a.test')
  await provisioning.add({ address: 'm@a.test', kind: 'shared', secret: undefined })
  await provisioning.change('m@a.test', { state: 'closed' })
  await assert.rejects(provisioning.change('m@a.test', { state: 'active' }), /closed for good/)
  assert.equal((await provisioning.find('m@a.test'))?.state, 'closed')
})

test('passwords that are chosen are long enough, typable and not the address', () => {
  assert.equal(faultOfPassword('abcdefgh', 'm@a.test', 8), undefined)
  assert.equal(faultOfPassword('perché è così', 'm@a.test', 8), undefined)
  assert.equal(faultOfPassword('abcdefg', 'm@a.test', 8), 'short')
  assert.equal(faultOfPassword('🙂🙂🙂🙂', 'm@a.test', 8), 'short')
  assert.equal(faultOfPassword('x'.repeat(257), 'm@a.test', 8), 'long')
  assert.equal(faultOfPassword('abcdefgh\n', 'm@a.test', 8), 'unprintable')
  assert.equal(faultOfPassword('Mario.Rossi', 'mario.rossi@a.test', 8), 'known')
  assert.equal(faultOfPassword('M@A.test1'.slice(0, 8), 'm@a.test', 8), 'known')
  const made = makePassword()
  assert.match(made, /^(?:[a-z2-9]{4}-){3}[a-z2-9]{4}$/)
  assert.equal(faultOfPassword(made, 'm@a.test', 19), undefined)
  assert.notEqual(made, makePassword())
})
