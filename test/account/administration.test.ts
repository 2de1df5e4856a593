// What administrators of domains may do on their page, and what they may not (O3), whichever directory the gateway has.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Administration } from '../../src/account/administration.js'
import { administrationPage } from '../../src/account/administration-page.js'
import { LoginTries } from '../../src/account/login-tries.js'
import type { FormPage } from '../../src/account/page.js'
import { DomainAccounts, type LastChange } from '../../src/directory/domain-accounts.js'
import type { Accounts } from '../../src/directory/accounts.js'
import type { OwnDirectory } from '../../src/directory/own-directory.js'
import { Provisioning } from '../../src/directory/provisioning.js'
import { isMeant, type RegisterQuery } from '../../src/ledger/search.js'
import type { Entry, RegisterEvent } from '../../src/points/ports.js'
import type { RetrievedEvent } from '../../src/retrieval/source.js'
import { lastStateChange } from '../../src/retrieval/state-change.js'
import { ENGINES, type Opened } from '../directory/engines.js'

const CAPO = 'capo@pec-a.test'
const ANNA = 'anna@pec-a.test'
const UGO = 'ugo@comune.test'
const IP = '192.0.2.1'

let opened: Opened
let acts: string[]
let refusals: string[]
let events: RegisterEvent[]
/** As an operator of the provider does. */
let provision: (by: string) => Provisioning
let accounts: Accounts
let directory: OwnDirectory
let page: FormPage

async function begin(open: () => Promise<Opened>): Promise<void> {
  ;[acts, refusals, events] = [[], [], []]
  opened = await open()
  const { clock } = opened
  ;({ accounts, directory } = opened)
  const lasting = { password: 'di-lei', until: undefined }
  for (const address of [ANNA, UGO]) await accounts.add({ address, kind: 'individual', secret: lasting })
  await accounts.addAdministrator(CAPO, { password: 'del-capo', until: undefined })
  const commit = ({ events: committed }: Entry): Promise<void> => {
    events.push(...committed)
    acts.push(...committed.map(({ sender, recipients, subject, outcome }) => [sender, recipients, subject, outcome].join('; ')))
    return Promise.resolve()
  }
  const register = { ledger: { commit }, clock, provider: 'A' }
  const lastChange: LastChange = (address) => lastStateChange(address, { search: (query) => found(query) })
  provision = (by) => new Provisioning(accounts, { ...register, by })
  const administration = new Administration({
    ...{ directory, clock, tries: new LoginTries(clock), passwordDays: 3 },
    accountsOf: (by, domain) => new Provisioning(new DomainAccounts(accounts, domain, lastChange), { ...register, by }),
    onRefusal: (line) => refusals.push(line),
  })
  page = administrationPage('Gestore A', '/dominio', administration)
}

/** The events that fit, as the register gives them. */
async function* found(query: RegisterQuery): AsyncGenerator<RetrievedEvent> {
  for (const [id, event] of events.entries())
    if (isMeant(event, query)) yield { id, at: opened.clock(), ...event, evidence: () => Promise.resolve(event) }
  await Promise.resolve()
}

/** The page that answers an act, once the directory has seen all that came before. */
async function act(values: Readonly<Record<string, string>>) {
  opened.later(1000)
  const given: Readonly<Record<string, string>> = { login: CAPO, password: 'del-capo', ...values }
  return page.submit((name) => given[name] ?? '', IP)
}

const stateOf = async (address: string): Promise<string | undefined> => (await accounts.find(address))?.state

for (const [name, skip, open] of ENGINES)
  describe(`an administrator of mailboxes in ${name}`, { skip }, () => {
    beforeEach(() => begin(open))
    afterEach(() => opened.close())

    test('a mailbox is added, suspended, resumed, renewed and closed, each in the register with who did it', async () => {
      const added = await act({ act: 'add', address: 'Nuova@pec-a.test', day: '2027-12-31' })
      assert.equal(added.status, 200)
      const [, password = ''] = /nuova@pec-a\.test: <code>(\S+)<\/code>, fino al 2026-11-30 /.exec(added.html) ?? []
      opened.later(1000)
      assert.equal((await directory.authenticate('nuova@pec-a.test', password))?.temporary, true)
      for (const [name, state] of [
        ['suspend', 'suspended'],
        ['resume', 'active'],
        ['close', 'closed'],
      ] as const) {
        assert.equal((await act({ act: name, address: 'nuova@pec-a.test' })).status, 200)
        assert.equal(await stateOf('nuova@pec-a.test'), state)
      }
      assert.equal((await act({ act: 'renewal', address: ANNA, day: '2028-02-29' })).status, 200)
      assert.equal((await accounts.find(ANNA))?.renewal, '2028-02-29')
      assert.equal((await act({ act: 'renewal', address: ANNA })).status, 200)
      assert.equal((await accounts.find(ANNA))?.renewal, undefined)
      const done = acts.filter((line) => line.endsWith('done')).map((line) => line.replace(/until .*Z/, 'until T'))
      assert.deepEqual(done, [
        `${CAPO}; nuova@pec-a.test; add individual mailbox, renewal 2027-12-31, temporary password until T; done`,
        ...['suspended', 'active', 'closed'].map((state) => `${CAPO}; nuova@pec-a.test; ${state}; done`),
        `${CAPO}; ${ANNA}; renewal 2028-02-29; done`,
        `${CAPO}; ${ANNA}; renewal none; done`,
      ])
      assert.ok(!acts.join().includes(password))
    })

    test('a forgotten password is replaced by a temporary one, which is shown once', async () => {
      const { html } = await act({ act: 'password', address: ANNA })
      const [, password = ''] = /<code>(\S+)<\/code>/.exec(html) ?? []
      opened.later(1000)
      assert.equal((await directory.authenticate(ANNA, password))?.temporary, true)
      assert.equal(await directory.authenticate(ANNA, 'di-lei'), undefined)
      assert.ok(!(await act({ act: 'list' })).html.includes(password))
    })

    test('mailboxes of other domains are neither shown nor changed, and the register has who tried', async () => {
      const { html } = await act({ act: 'list' })
      assert.match(html, /<td>anna@pec-a\.test<\/td><td>attiva<\/td>/)
      assert.ok(!html.includes('comune.test'))
      const before = JSON.stringify(await accounts.list())
      for (const name of ['add', 'password', 'suspend', 'resume', 'close', 'renewal'])
        for (const address of [UGO, 'nuovo@comune.test', `x@sub.pec-a.test`, 'x@pec-a.test@comune.test', ''])
          assert.equal((await act({ act: name, address })).status, 409, `${name} ${address}`)
      assert.equal(JSON.stringify(await accounts.list()), before)
      assert.ok(acts.includes(`${CAPO}; ${UGO}; closed; failed: "${UGO}" is not of pec-a.test`))
      assert.match(refusals[0] ?? '', /^capo@pec-a\.test was refused something: "ugo@comune\.test" is not of pec-a\.test$/)
    })

    test('what the provider has frozen or is closed stays so, and nobody is made twice', async () => {
      await accounts.change(ANNA, { state: 'frozen' })
      for (const name of ['suspend', 'resume', 'close']) assert.equal((await act({ act: name, address: ANNA })).status, 409)
      assert.equal(await stateOf(ANNA), 'frozen')
      await accounts.change(ANNA, { state: 'closed' })
      assert.equal((await act({ act: 'resume', address: ANNA })).status, 409)
      for (const address of [ANNA, CAPO, 'nessuno@', 'a b@pec-a.test'])
        assert.equal((await act({ act: 'add', address })).status, 409, address)
      assert.equal((await act({ act: 'suspend', address: 'nessuna@pec-a.test' })).status, 409)
      assert.equal((await act({ act: 'renewal', address: ANNA, day: '31/12/2027' })).status, 400)
    })

    test('what the provider has suspended stays so, whatever was before and however the register ends', async () => {
      for (const name of ['suspend', 'resume', 'suspend', 'resume'])
        assert.equal((await act({ act: name, address: ANNA })).status, 200, name)
      await provision('paola').change(ANNA, { state: 'suspended', renewal: '2027-12-31' })
      for (const name of ['resume', 'suspend', 'resume'])
        assert.equal((await act({ act: name, address: ANNA })).status, 409, name)
      // The process died before it could record how it ended.
      assert.equal(events.filter(({ sender, outcome }) => sender === 'paola' && outcome === 'done').length, 1)
      events = events.filter(({ sender, outcome }) => sender !== 'paola' || outcome !== 'done')
      assert.equal((await act({ act: 'resume', address: ANNA })).status, 409)
      assert.equal(await stateOf(ANNA), 'suspended')
      await provision('paola').change(ANNA, { state: 'active' })
      assert.equal((await act({ act: 'suspend', address: ANNA })).status, 200)
      // Somebody wrote it into the directory, past the register.
      await provision('paola').change(ANNA, { state: 'active' })
      await accounts.change(ANNA, { state: 'suspended' })
      assert.equal((await act({ act: 'resume', address: ANNA })).status, 409)
      assert.equal((await act({ act: 'close', address: ANNA })).status, 200, 'they may go further')
    })

    test('nobody else does anything: not who is suspended, removed, or only has a mailbox or a temporary password', async () => {
      const suspend = { act: 'suspend', address: ANNA }
      const { status, html } = await act({ ...suspend, password: 'sbagliata' })
      assert.deepEqual([status, /non sono giusti/.test(html)], [403, true])
      for (const login of [ANNA, 'nessuno@pec-a.test', 'capo@comune.test', '*', `${CAPO}*x`])
        assert.equal((await act({ ...suspend, login, password: 'di-lei' })).status, 403, login)
      await accounts.setAdministratorState(CAPO, 'suspended')
      assert.match((await act(suspend)).html, /è sospeso/)
      assert.equal(refusals.length, 7)
      assert.equal(refusals[0], `an administrator was not let in, from ${IP}: wrong login or password`)
      assert.equal(refusals[6], `an administrator was not let in, from ${IP}: suspended`)
      await accounts.setAdministratorState(CAPO, 'active')
      await accounts.setAdministratorPassword(CAPO, {
        password: 'per-ora',
        until: new Date(opened.clock().getTime() + 86_400_000),
      })
      assert.match((await act({ ...suspend, password: 'per-ora' })).html, /è temporanea/)
      opened.later(2 * 86_400_000)
      assert.match((await act({ ...suspend, password: 'per-ora' })).html, /non sono giusti/)
      await accounts.removeAdministrator(CAPO)
      assert.equal((await act(suspend)).status, 403)
      assert.deepEqual(acts, [])
      assert.equal(await stateOf(ANNA), 'active')
    })

    test('passwords are not guessed at leisure, and whoever knows theirs may work on', async () => {
      for (let turn = 0; turn < 60; turn += 1) assert.equal((await act({ act: 'list' })).status, 200)
      for (let turn = 0; turn < 10; turn += 1) assert.equal((await act({ act: 'list', password: `prova ${turn}` })).status, 403)
      assert.equal((await act({ act: 'list' })).status, 429)
      opened.later(15 * 60_000)
      assert.equal((await act({ act: 'list' })).status, 200)
      for (let turn = 1; turn < 200; turn += 1) await act({ act: 'list' })
      assert.equal((await act({ act: 'list' })).status, 429, 'nor is the directory worn out')
    })

    test('the page repeats nothing as markup, nor the password', async () => {
      const { html } = await act({ act: 'list', login: `"><script>'x'</script>`, password: 'segretissima', address: '<b>"' })
      assert.ok(!/<script|<b>|segretissima|'x'/.test(html), html)
      assert.equal((await act({ act: 'remove', address: ANNA })).status, 400)
      assert.equal((await act({ act: 'list', address: 'x'.repeat(401) })).status, 400)
    })
  })
