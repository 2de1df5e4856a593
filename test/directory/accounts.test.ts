/** Provisioning (O3): the same changes to a file and on an LDAP server, and what the gateway's directory then makes of them. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Accounts } from '../../src/directory/accounts.js'
import { DomainAccounts, type LastChange } from '../../src/directory/domain-accounts.js'
import { DOMAINS, ENGINES, START, type Opened } from './engines.js'

const DAY_MS = 86_400_000
/** Local parts may hold what names of LDAP entries use otherwise. */
const ODD = '#a+b=c@pec-a.test'

for (const [name, skip, open] of ENGINES) {
  describe(`provisioning on ${name}`, { skip }, () => {
    let opened: Opened
    let accounts: Accounts
    const secret = (password: string, until?: Date) => ({ password, until })
    const authenticate = (login: string, password: string) => {
      opened.later(60_000)
      return opened.directory.authenticate(login, password)
    }
    before(async () => {
      opened = await open()
      accounts = opened.accounts
    })
    after(() => opened.close())

    test('adds mailboxes of every kind, and lists them', async () => {
      const renewal = '2027-01-31'
      await accounts.add({ address: 'Anna@pec-a.test', kind: 'individual', secret: secret('di-anna'), quotaBytes: 5000, renewal })
      await accounts.add({
        address: ODD,
        kind: 'application',
        secret: secret('di-odd'),
        aliases: ['B@pec-a.test', 'a@comune.test'],
      })
      await accounts.add({ address: 'protocollo@comune.test', kind: 'shared', secret: undefined })
      const none = { quotaBytes: undefined, ordinaryMail: undefined, renewal: undefined, passwordUntil: undefined, operators: [] }
      const anna = {
        ...none,
        address: 'anna@pec-a.test',
        state: 'active',
        kind: 'individual',
        aliases: [],
        quotaBytes: 5000,
        renewal,
      }
      assert.deepEqual(await accounts.list(), [
        { ...none, address: ODD, state: 'active', kind: 'application', aliases: ['a@comune.test', 'b@pec-a.test'] },
        anna,
        { ...none, address: 'protocollo@comune.test', state: 'active', kind: 'shared', aliases: [] },
      ])
      assert.deepEqual(await accounts.find('ANNA@pec-a.test'), anna)
      assert.equal(await accounts.find('b@pec-a.test'), undefined, 'an alias is not its mailbox')
      assert.equal((await authenticate(ODD, 'di-odd'))?.address, ODD)
    })

    test('refuses what makes no sense, and changes nothing then', async () => {
      const before = JSON.stringify([await accounts.list(), await accounts.domains()])
      const bad = { kind: 'individual', secret: secret('x') } as const
      const anna = 'anna@pec-a.test'
      const refusals: readonly [() => Promise<void>, RegExp][] = [
        [() => accounts.add({ ...bad, address: 'anna@pec-a.test' }), /there/],
        [() => accounts.add({ ...bad, address: 'b@pec-a.test' }), /there/],
        [() => accounts.add({ ...bad, address: 'x@elsewhere.test' }), /not among the domains/],
        [() => accounts.add({ ...bad, address: '*' }), /no mailbox address/],
        [() => accounts.add({ ...bad, address: 'x@pec-a.test', aliases: ['anna@pec-a.test'] }), /there/],
        [() => accounts.add({ ...bad, address: 'x@pec-a.test', quotaBytes: 0 }), /quota/],
        [() => accounts.add({ ...bad, address: 'x@pec-a.test', renewal: '2027-02-29' }), /day|renewal/],
        [() => accounts.add({ ...bad, address: 'x@pec-a.test', kind: 'shared' }), /operators/],
        [() => accounts.add({ address: 'x@pec-a.test', kind: 'individual', secret: undefined }), /password/],
        [() => accounts.change('nobody@pec-a.test', { state: 'closed' }), /no mailbox/],
        [() => accounts.change('b@pec-a.test', { state: 'closed' }), /no mailbox/],
        [() => accounts.change(anna, { ordinaryMail: { forward: 'x@COMUNE.test' } }), /ours/],
        [() => accounts.change(anna, { archive: { mailbox: anna } }), /the mailbox itself/],
        [() => accounts.change(anna, { archive: { mailbox: 'copie@elsewhere.test' } }), /not in a domain of ours/],
        [() => accounts.change(anna, { arrivalNotice: { to: 'x@COMUNE.test', details: true } }), /ours/],
        [() => accounts.setPassword('protocollo@comune.test', secret('y')), /operators/],
        [() => accounts.addAlias(anna, ODD), /there/],
        [() => accounts.removeAlias(anna, 'x@pec-a.test'), /no alias/],
        [() => accounts.setOperator(anna, 'rossi', secret('x')), /shared/],
        [() => accounts.setOperator('protocollo@comune.test', '*', secret('x')), /no name/],
        [() => accounts.removeOperator('protocollo@comune.test', 'rossi'), /no operator/],
        [() => accounts.remove('nobody@pec-a.test'), /no mailbox/],
        [() => accounts.addDomain('comune.test'), /there/],
        [() => accounts.addDomain('*'), /no domain/],
        [() => accounts.setDomainPolicy('elsewhere.test', 'reject'), /not among the domains/],
        [() => accounts.removeDomain('pec-a.test'), /pec-a\.test is not empty: \S+ is there/],
      ]
      for (const [index, [act, words]] of refusals.entries()) await assert.rejects(act, words, `refusal ${index}`)
      assert.equal(JSON.stringify([await accounts.list(), await accounts.domains()]), before)
    })

    test('changes states, quotas, policies, renewals and aliases, and takes them away', async () => {
      const anna = 'anna@pec-a.test'
      await accounts.change(anna, { state: 'frozen', quotaBytes: 7, ordinaryMail: 'reject', renewal: '2028-02-29' })
      await accounts.addAlias(anna, 'A.Bianchi@comune.test')
      const changed = await accounts.find(anna)
      assert.deepEqual(
        [changed?.state, changed?.quotaBytes, changed?.ordinaryMail, changed?.renewal, changed?.aliases],
        ['frozen', 7, 'reject', '2028-02-29', ['a.bianchi@comune.test']],
      )
      opened.later(60_000)
      assert.equal((await opened.directory.mailbox('a.bianchi@comune.test'))?.state, 'frozen')
      await accounts.change(anna, { state: 'active', quotaBytes: undefined, ordinaryMail: undefined, renewal: undefined })
      await accounts.removeAlias(anna, 'a.bianchi@comune.test')
      const back = await accounts.find(anna)
      assert.deepEqual(
        [back?.state, back?.quotaBytes, back?.ordinaryMail, back?.renewal, back?.aliases],
        ['active', undefined, undefined, undefined, []],
      )
    })

    test('registers client certificates, which then open the mailbox', async () => {
      const anna = 'anna@pec-a.test'
      const [first, second] = [`sha256:${'0a'.repeat(32)}`, `sha256:${'0b'.repeat(32)}`]
      const openedBy = async (mark: string): Promise<readonly string[]> => {
        opened.later(60_000)
        return (await opened.directory.mailboxesOfCertificate(mark)).map(({ address }) => address)
      }
      await accounts.change(anna, { certificates: ['address', first, second] })
      assert.deepEqual((await accounts.find(anna))?.certificates, ['address', first, second])
      assert.deepEqual([await openedBy(first), await openedBy(`sha256:${'0c'.repeat(32)}`)], [[anna], []])
      assert.deepEqual((await opened.directory.mailbox(anna))?.certificates, ['address', first, second])
      for (const hostile of ['*', 'sha256:*', 'x)(mail=*']) assert.deepEqual(await openedBy(hostile), [], hostile)
      await accounts.change(anna, { certificates: [] })
      assert.equal((await accounts.find(anna))?.certificates, undefined)
      assert.deepEqual(await openedBy(first), [])
    })

    test('keeps the options of a mailbox, and takes them away', async () => {
      const anna = 'anna@pec-a.test'
      for (const options of [
        { archive: 'files', arrivalNotice: { to: 'Anna@casa.test', details: false } },
        { archive: { mailbox: ODD }, arrivalNotice: { to: 'anna@casa.test', details: true } },
      ] as const) {
        await accounts.change(anna, options)
        opened.later(60_000)
        for (const found of [await accounts.find(anna), await opened.directory.mailbox(anna)])
          assert.deepEqual([found?.archive, found?.arrivalNotice], [options.archive, options.arrivalNotice])
      }
      await accounts.change(anna, { archive: undefined, arrivalNotice: undefined })
      const found = await accounts.find(anna)
      assert.deepEqual([found?.archive, found?.arrivalNotice], [undefined, undefined])
    })

    test('gives passwords that end unless they are changed', async () => {
      const anna = 'anna@pec-a.test'
      assert.equal((await authenticate(anna, 'di-anna'))?.temporary, false)
      opened.later(60_000)
      const now = opened.directory
      const until = new Date(START + 3 * DAY_MS)
      await accounts.setPassword(anna, secret('per-ora', until))
      assert.deepEqual((await accounts.find(anna))?.passwordUntil, until)
      assert.equal((await authenticate(anna, 'per-ora'))?.temporary, true)
      assert.equal((await now.authenticate(anna, 'per-ora'))?.temporary, true, 'the second time, too')
      assert.equal(await authenticate(anna, 'di-anna'), undefined)
      await accounts.setPassword(anna, secret('sua'))
      assert.equal((await authenticate(anna, 'sua'))?.temporary, false)
      assert.equal(await authenticate(anna, 'per-ora'), undefined)
      await accounts.setPassword(anna, secret('di-nuovo', until))
      opened.later(3 * DAY_MS)
      assert.equal(await authenticate(anna, 'di-nuovo'), undefined)
      await accounts.setPassword(anna, secret('di-anna'))
    })

    test('lets operators into one mailbox and no other', async () => {
      const [protocollo, tributi] = ['protocollo@comune.test', 'tributi@comune.test'] as const
      await accounts.add({ address: tributi, kind: 'shared', secret: undefined })
      await accounts.setOperator(protocollo, 'Rossi', secret('di-rossi', new Date(START + 30 * DAY_MS)))
      await accounts.setOperator(tributi, 'rossi', secret('altro'))
      await accounts.setOperator(tributi, 'verdi', secret('di-verdi'))
      assert.deepEqual((await accounts.find(tributi))?.operators, ['rossi', 'verdi'])
      assert.equal((await authenticate(`${protocollo}*rossi`, 'di-rossi'))?.temporary, true)
      await accounts.setOperator(protocollo, 'rossi', secret('suo'))
      assert.equal((await authenticate(`${protocollo}*rossi`, 'suo'))?.temporary, false)
      assert.equal(await authenticate(`${protocollo}*rossi`, 'altro'), undefined)
      assert.equal((await authenticate(`${tributi}*rossi`, 'altro'))?.address, tributi)
      await accounts.removeOperator(tributi, 'rossi')
      assert.equal(await authenticate(`${tributi}*rossi`, 'altro'), undefined)
      assert.equal((await authenticate(`${protocollo}*rossi`, 'suo'))?.address, protocollo)
    })

    test('removes a mailbox with its operators, who do not come back with its address', async () => {
      const tributi = 'tributi@comune.test'
      await accounts.remove(tributi)
      await accounts.add({ address: tributi, kind: 'shared', secret: undefined })
      assert.deepEqual((await accounts.find(tributi))?.operators, [])
      assert.equal(await authenticate(`${tributi}*verdi`, 'di-verdi'), undefined)
      await accounts.remove(tributi)
      assert.equal(await accounts.find(tributi), undefined)
    })

    test('has administrators, each of one domain, whose logins are no addresses', async () => {
      const [capo, vice] = ['capo@pec-a.test', 'vice@pec-a.test']
      const admitted = (login: string, password: string) => {
        opened.later(60_000)
        return opened.directory.administrator(login, password)
      }
      const until = new Date(START + 60 * DAY_MS)
      await accounts.addAdministrator('Capo@pec-a.test', secret('per-ora', until))
      await accounts.addAdministrator(vice, secret('di-vice'))
      assert.deepEqual(await accounts.administrators(), [
        { login: capo, state: 'active', passwordUntil: until },
        { login: vice, state: 'active', passwordUntil: undefined },
      ])
      assert.equal((await admitted(capo, 'per-ora'))?.temporary, true)
      await accounts.setAdministratorPassword(capo, secret('sua'))
      assert.deepEqual(await admitted(capo, 'sua'), { login: capo, state: 'active', temporary: false })
      assert.equal(await admitted(capo, 'per-ora'), undefined)
      await accounts.setAdministratorState(vice, 'suspended')
      assert.equal((await admitted(vice, 'di-vice'))?.state, 'suspended')
      await accounts.setAdministratorState(vice, 'active')
      assert.equal((await admitted(vice, 'di-vice'))?.state, 'active')
      const bad = { kind: 'individual', secret: secret('x') } as const
      for (const [act, words] of [
        [() => accounts.addAdministrator(capo, secret('x')), /there/],
        [() => accounts.addAdministrator('anna@pec-a.test', secret('x')), /there/],
        [() => accounts.addAdministrator('x@elsewhere.test', secret('x')), /not among the domains/],
        [() => accounts.addAdministrator('*', secret('x')), /no mailbox address/],
        [() => accounts.add({ ...bad, address: capo }), /there/],
        [() => accounts.addAlias('anna@pec-a.test', capo), /there/],
        [() => accounts.setAdministratorState('anna@pec-a.test', 'suspended'), /no administrator/],
        [() => accounts.setAdministratorPassword('x@pec-a.test', secret('x')), /no administrator/],
        [() => accounts.removeAdministrator('*'), /no administrator/],
      ] as const)
        await assert.rejects(act, words)
      await accounts.addDomain('vuoto.test')
      await accounts.addAdministrator('x@vuoto.test', secret('x'))
      await assert.rejects(accounts.removeDomain('vuoto.test'), /vuoto\.test/)
      await accounts.removeAdministrator('x@vuoto.test')
      await accounts.removeDomain('vuoto.test')
      for (const login of [capo, vice]) await accounts.removeAdministrator(login)
      assert.equal(await admitted(vice, 'di-vice'), undefined)
      assert.deepEqual(await accounts.administrators(), [])
    })

    test('gives an administrator the mailboxes of one domain, within limits', async () => {
      const ours = new DomainAccounts(accounts, 'comune.test', () => Promise.resolve(change))
      let change: Awaited<ReturnType<LastChange>>
      const until = new Date(START + 90 * DAY_MS)
      const [mine, theirs] = ['sua@comune.test', 'anna@pec-a.test']
      await ours.add({ address: mine, kind: 'individual', secret: secret('per-ora', until), renewal: '2027-01-31' })
      assert.deepEqual(
        (await ours.domains()).map(({ name }) => name),
        ['comune.test'],
      )
      assert.deepEqual(
        (await ours.list()).map(({ address }) => address),
        ['protocollo@comune.test', mine],
      )
      assert.equal(await ours.find(theirs), undefined)
      const before = JSON.stringify([await accounts.list(), await accounts.domains(), await accounts.administrators()])
      const bad = { kind: 'individual', secret: secret('x', until) } as const
      for (const [act, words] of [
        [() => ours.add({ ...bad, address: 'x@pec-a.test' }), /not of comune\.test/],
        [() => ours.add({ ...bad, address: 'x@comune.test', aliases: ['x@pec-a.test'] }), /aliases/],
        [() => ours.add({ ...bad, address: 'x@comune.test', quotaBytes: 1 }), /quotas/],
        [() => ours.add({ ...bad, address: 'x@comune.test', secret: secret('x') }), /lasting/],
        [() => ours.change(theirs, { state: 'closed' }), /not of/],
        [() => ours.change(mine, { state: 'frozen' }), /frozen/],
        [() => ours.change(mine, { quotaBytes: 1 }), /quotas/],
        [() => ours.change(mine, { ordinaryMail: undefined }), /policies/],
        [() => ours.change(mine, { archive: 'files' }), /options/],
        [() => ours.change(mine, { arrivalNotice: { to: 'x@elsewhere.test', details: true } }), /options/],
        [() => ours.setPassword(theirs, secret('x', until)), /not of/],
        [() => ours.setPassword(mine, secret('x')), /lasting/],
        [() => ours.setOperator('protocollo@pec-a.test', 'rossi', secret('x', until)), /not of/],
        [() => ours.setOperator('protocollo@comune.test', 'rossi', secret('x')), /lasting/],
        [() => ours.removeOperator(theirs, 'rossi'), /not of/],
        [() => ours.remove(), /closed/],
        [() => ours.addAlias(), /aliases/],
        [() => ours.removeAlias(), /aliases/],
        [() => ours.addDomain(), /domains/],
        [() => ours.removeDomain(), /domains/],
        [() => ours.setDomainPolicy(), /policies/],
        [() => ours.addAdministrator(), /administrators/],
        [() => ours.setAdministratorPassword(), /administrators/],
        [() => ours.setAdministratorState(), /administrators/],
        [() => ours.removeAdministrator(), /administrators/],
      ] as const)
        await assert.rejects(act, words)
      assert.equal(JSON.stringify([await accounts.list(), await accounts.domains(), await accounts.administrators()]), before)
      await ours.change(mine, { state: 'suspended', renewal: undefined })
      for (const other of [
        undefined,
        { state: 'suspended', by: 'paola' },
        { state: 'suspended', by: 'capo@pec-a.test' },
        { state: 'active', by: 'capo@comune.test' },
      ] as const) {
        change = other
        for (const state of ['active', 'suspended'] as const)
          await assert.rejects(ours.change(mine, { state }), /that the provider has suspended/)
      }
      change = { state: 'suspended', by: 'capo@comune.test' }
      await ours.change(mine, { state: 'active' })
      await ours.setPassword(mine, secret('di-nuovo', until))
      await ours.change(mine, { state: 'closed' })
      await accounts.remove(mine)
    })

    test('adds, changes and removes domains', async () => {
      await accounts.addDomain('Nuovo.test')
      await accounts.setDomainPolicy('nuovo.test', { forward: 'x@elsewhere.test' })
      assert.deepEqual((await accounts.domains()).at(1), { name: 'nuovo.test', ordinaryMail: { forward: 'x@elsewhere.test' } })
      await assert.rejects(accounts.addDomain('elsewhere.test'), /cannot go on to x@elsewhere\.test/)
      await accounts.setDomainPolicy('nuovo.test', undefined)
      assert.deepEqual((await accounts.domains()).at(1), { name: 'nuovo.test', ordinaryMail: undefined })
      await accounts.removeDomain('NUOVO.test')
      assert.deepEqual(
        (await accounts.domains()).map((domain) => domain.name),
        DOMAINS,
      )
    })
  })
}
