/** What holds for every directory of ours: the same questions to a file and to an LDAP server, with the same answers. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Attribute, Change } from 'ldapts'
import { ldap } from '../../src/config/ldap.js'
import { Values } from '../../src/config/values.js'
import {
  addAdministrator,
  addAlias,
  addDomain,
  addMailbox,
  setAdministratorState,
  setDomainPolicy,
  setMailboxPolicy,
  setOperator,
  setState,
} from '../../src/directory/directory-edit.js'
import { FileDirectory } from '../../src/directory/file-directory.js'
import { LdapDirectory } from '../../src/directory/ldap-directory.js'
import type { OwnDirectory } from '../../src/directory/own-directory.js'
import type { MailboxState } from '../../src/points/ports.js'
import { ADMIN, ADMIN_PASSWORD, slapdIsMissing, TestSlapd } from '../harness/slapd.js'

const folder = mkdtempSync(join(tmpdir(), 'pec-directories-'))
after(() => rmSync(folder, { recursive: true }))
const cost = { N: 16, r: 1, p: 1 }

/** One that was filled with the same people, and what changes it. */
interface Filled {
  readonly directory: OwnDirectory
  /** Takes effect at once where `later` has passed. */
  setState(state: MailboxState): Promise<void>
  /** Lets a minute go by. */
  later(): void
  close(): Promise<void>
}

const engines: readonly [string, string | false, () => Promise<Filled>][] = [
  ['a file', false, filledFile],
  ['an LDAP server that compares passwords', slapdIsMissing, () => filledServer('bind')],
  ['an LDAP server whose hashes we compare', slapdIsMissing, () => filledServer('hash')],
]

for (const [name, skip, open] of engines) {
  describe(name, { skip }, () => {
    let filled: Filled
    let directory: OwnDirectory
    before(async () => {
      filled = await open()
      directory = filled.directory
    })
    after(() => filled.close())

    test('knows its domains, without case', () => {
      assert.deepEqual([...directory.domains()].sort(), ['comune.test', 'pec-a.test'])
      assert.equal(directory.managesDomain('PEC-A.test'), true)
      assert.equal(directory.managesDomain('sub.pec-a.test'), false)
    })

    test('finds a mailbox by its address or an alias, without case', async () => {
      const ordinaryMail = { forward: 'anna@elsewhere.test' }
      const anna = { address: 'anna@pec-a.test', state: 'active', kind: 'individual', quotaBytes: 5000, ordinaryMail }
      assert.deepEqual(await directory.mailbox('ANNA@pec-a.test'), anna)
      assert.deepEqual(await directory.mailbox('a.bianchi@PEC-a.test'), anna)
      assert.equal(await directory.mailbox('nobody@pec-a.test'), undefined)
      assert.deepEqual((await directory.mailbox('protocollo@comune.test'))?.kind, 'shared')
    })

    test('takes an address for nothing but an address', async () => {
      for (const address of ['*', '*@pec-a.test', 'anna@pec-a.test)(mail=*', 'a\\2a@pec-a.test', '', 'anna@pec-a.test\0'])
        assert.equal(await directory.mailbox(address), undefined, address)
    })

    test('goes by the policy of a mailbox on ordinary mail, else by its domain', async () => {
      assert.deepEqual(await directory.ordinaryMail('anna@pec-a.test'), { forward: 'anna@elsewhere.test' })
      assert.equal(await directory.ordinaryMail('protocollo@comune.test'), 'reject')
      assert.equal(await directory.ordinaryMail('bruno@pec-a.test'), undefined)
    })

    test('opens a mailbox to its password and to no other', async () => {
      for (const login of ['anna@pec-a.test', 'A.Bianchi@pec-a.test'])
        assert.equal((await directory.authenticate(login, 'giusta'))?.address, 'anna@pec-a.test', login)
      // Twice: the second answer is remembered.
      assert.equal((await directory.authenticate('anna@pec-a.test', 'giusta'))?.address, 'anna@pec-a.test')
      for (const password of ['', 'sbagliata', 'Giusta', 'giusta '])
        assert.equal(await directory.authenticate('anna@pec-a.test', password), undefined, password)
      assert.equal(await directory.authenticate('nobody@pec-a.test', 'giusta'), undefined)
      assert.equal(await directory.authenticate('*', 'giusta'), undefined)
    })

    test('opens a shared mailbox to its operators in their own names only', async () => {
      const opened = await directory.authenticate('Protocollo@comune.test*Rossi', 'di-rossi')
      assert.equal(opened?.address, 'protocollo@comune.test')
      for (const [login, password] of [
        ['protocollo@comune.test*rossi', 'giusta'],
        ['protocollo@comune.test*verdi', 'di-verdi'],
        ['protocollo@comune.test*', 'di-rossi'],
        ['protocollo@comune.test**', 'di-rossi'],
        ['protocollo@comune.test', 'di-rossi'],
        ['protocollo@comune.test', ''],
        ['anna@pec-a.test*rossi', 'di-rossi'],
        ['anna@pec-a.test*rossi', 'giusta'],
      ] as const)
        assert.equal(await directory.authenticate(login, password), undefined, login)
    })

    test('admits the administrator of a domain, and takes nobody else for one', async () => {
      const [capo, fermo] = ['capo@comune.test', 'fermo@comune.test']
      assert.deepEqual(await directory.administrator('Capo@Comune.test', 'del-capo'), {
        ...{ login: capo, state: 'active', temporary: false },
      })
      assert.deepEqual(await directory.administrator(fermo, 'del-fermo'), { login: fermo, state: 'suspended', temporary: false })
      for (const [login, password] of [
        [capo, ''],
        [capo, 'giusta'],
        [capo, 'Del-capo'],
        [`${capo}*`, 'del-capo'],
        ['*', 'del-capo'],
        ['*@comune.test', 'del-capo'],
        ['capo@comune.test)(uid=*', 'del-capo'],
        ['capo@pec-a.test', 'del-capo'],
        ['anna@pec-a.test', 'giusta'],
        ['protocollo@comune.test*rossi', 'di-rossi'],
        ['rossi', 'di-rossi'],
      ] as const)
        assert.equal(await directory.administrator(login, password), undefined, login)
      assert.equal(await directory.authenticate(capo, 'del-capo'), undefined, 'no mailbox')
      assert.equal(await directory.mailbox(capo), undefined)
    })

    test('sees a change within a minute', async () => {
      assert.equal((await directory.mailbox('bruno@pec-a.test'))?.state, 'active')
      for (const state of ['suspended', 'frozen', 'closed', 'active'] as const) {
        await filled.setState(state)
        filled.later()
        assert.equal((await directory.mailbox('bruno@pec-a.test'))?.state, state)
      }
    })
  })
}

async function filledFile(): Promise<Filled> {
  const path = join(folder, 'directory.json')
  for (const domain of ['pec-a.test', 'comune.test']) await addDomain(path, domain)
  await setDomainPolicy(path, 'comune.test', 'reject')
  await addMailbox(path, { address: 'anna@pec-a.test', password: 'giusta', quotaBytes: 5000, cost })
  await setMailboxPolicy(path, 'anna@pec-a.test', { forward: 'anna@elsewhere.test' })
  await addAlias(path, 'anna@pec-a.test', 'a.bianchi@pec-a.test')
  await addMailbox(path, { address: 'bruno@pec-a.test', password: 'giusta', cost })
  await addMailbox(path, { address: 'protocollo@comune.test', kind: 'shared' })
  await setOperator(path, 'protocollo@comune.test', 'rossi', 'di-rossi', { cost })
  await addAdministrator(path, 'capo@comune.test', 'del-capo', { cost })
  await addAdministrator(path, 'fermo@comune.test', 'del-fermo', { cost })
  await setAdministratorState(path, 'fermo@comune.test', 'suspended')
  let now = 0
  const directory = FileDirectory.open({ path, clock: () => new Date(now), onEvent: () => undefined })
  return {
    directory,
    setState: (state) => setState(path, 'bruno@pec-a.test', state),
    later: () => void (now += 60_000),
    close: () => directory.close(),
  }
}

const people = (): string => `
dn: mail=anna@pec-a.test,ou=mailboxes,dc=pec
objectClass: pecMailbox
mail: Anna@pec-a.test
pecAlias: a.bianchi@pec-a.test
pecQuotaBytes: 5000
pecOrdinaryMail: forward:anna@elsewhere.test
userPassword: ${ssha('giusta')}

dn: mail=bruno@pec-a.test,ou=mailboxes,dc=pec
objectClass: pecMailbox
mail: bruno@pec-a.test
userPassword: ${ssha('giusta')}

dn: mail=protocollo@comune.test,ou=mailboxes,dc=pec
objectClass: pecMailbox
mail: protocollo@comune.test
pecKind: shared

dn: uid=rossi,ou=operators,dc=pec
objectClass: inetOrgPerson
objectClass: pecOperator
pecOperatorOf: Protocollo@comune.test
uid: rossi
cn: Rossi
sn: Rossi
userPassword: ${ssha('di-rossi')}

dn: uid=verdi,ou=operators,dc=pec
objectClass: inetOrgPerson
objectClass: pecOperator
pecOperatorOf: anna@pec-a.test
uid: verdi
cn: Verdi
sn: Verdi
userPassword: ${ssha('di-verdi')}

dn: uid=capo@comune.test,ou=administrators,dc=pec
objectClass: inetOrgPerson
objectClass: pecAdministrator
uid: Capo@comune.test
cn: Capo
sn: Capo
userPassword: ${ssha('del-capo')}

dn: uid=fermo@comune.test,ou=administrators,dc=pec
objectClass: inetOrgPerson
objectClass: pecAdministrator
uid: fermo@comune.test
cn: Fermo
sn: Fermo
pecState: suspended
userPassword: ${ssha('del-fermo')}
`

/** RFC 2307's salted SHA-1, which slapd compares without a module. */
function ssha(password: string): string {
  const salt = randomBytes(8)
  const digest = createHash('sha1').update(password).update(salt).digest()
  return `{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`
}

async function filledServer(authentication: 'bind' | 'hash'): Promise<Filled> {
  const slapd = await TestSlapd.start({ ldif: readFileSync(join(__dirname, 'pec.ldif'), 'utf8') + people() })
  const passwordFile = join(folder, 'bind-password')
  writeFileSync(passwordFile, `${ADMIN_PASSWORD}\n`)
  const faults: string[] = []
  const ini = { ldap: { urls: slapd.url, authentication, bind_dn: ADMIN, bind_password_file: passwordFile } }
  const settings = ldap.read(new Values('ldap', ini, folder, faults))
  assert.deepEqual(faults, [])
  let now = 0
  const directory = await LdapDirectory.open({ settings, clock: () => new Date(now), onEvent: () => undefined })
  return {
    directory,
    setState: (state) =>
      slapd.asAdmin(async (client) => {
        const modification = new Attribute({ type: 'pecState', values: [state] })
        await client.modify('mail=bruno@pec-a.test,ou=mailboxes,dc=pec', new Change({ operation: 'replace', modification }))
      }),
    later: () => void (now += 60_000),
    close: async () => {
      await directory.close()
      await slapd.close()
    },
  }
}
