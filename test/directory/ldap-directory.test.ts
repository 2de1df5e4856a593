import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Attribute, Change } from 'ldapts'
import { ldap } from '../../src/config/ldap.js'
import { Values } from '../../src/config/values.js'
import type { DirectoryEvent } from '../../src/directory/directory-event.js'
import { LdapDirectory } from '../../src/directory/ldap-directory.js'
import { isPecError } from '../../src/errors.js'
import { createServer, type AddressInfo } from 'node:net'
import { freePort } from '../../src/lab/ports.js'
import { tlsIdentity } from '../harness/certificates.js'
import { slapdIsMissing, TestSlapd } from '../harness/slapd.js'

const folder = mkdtempSync(join(tmpdir(), 'pec-ldap-'))
after(() => rmSync(folder, { recursive: true }))
const BASE = readFileSync(join(__dirname, 'pec.ldif'), 'utf8')

function settingsOf(keys: Readonly<Record<string, unknown>>) {
  const faults: string[] = []
  const settings = ldap.read(new Values('ldap', { ldap: { timeout: 2, ...keys } }, folder, faults))
  assert.deepEqual(faults, [])
  return settings
}

const entry = (address: string, ...lines: string[]): string =>
  ['', `dn: cn=${address},ou=mailboxes,dc=pec`, 'objectClass: pecMailbox', `cn: ${address}`, ...lines, ''].join('\n')

const CERTIFICATE = `sha256:${'0a'.repeat(32)}`

const isAway = (error: unknown): boolean => isPecError(error) && error.code === 'directory' && error.temporary

describe('LDAP servers', { skip: slapdIsMissing }, () => {
  let first: TestSlapd
  let second: TestSlapd
  before(async () => {
    const people = [
      entry('anna', 'mail: anna@pec-a.test', 'userPassword: giusta'),
      entry('one', 'mail: twice@pec-a.test'),
      entry('two', 'pecAlias: twice@pec-a.test', 'mail: other@pec-a.test'),
      entry('state', 'mail: state@pec-a.test', 'pecState: asleep'),
      entry('quota', 'mail: quota@pec-a.test', 'pecQuotaBytes: -5'),
      entry('policy', 'mail: policy@pec-a.test', 'pecOrdinaryMail: drop'),
      entry('archive', 'mail: archive@pec-a.test', 'pecArchive: tape'),
      entry('notice', 'mail: notice@pec-a.test', 'pecArrivalNotice: casa@casa.test'),
      entry('gone', 'mail: gone@pec-a.test', `pecCertificate: ${CERTIFICATE}`),
      entry('mails', 'mail: mails@pec-a.test', 'mail: more@pec-a.test'),
    ]
    const ldif = BASE + people.join('')
    ;[first, second] = await Promise.all([TestSlapd.start({ ldif }), TestSlapd.start({ ldif })])
  })
  after(() => Promise.all([first.close(), second.close()]))

  /** Without a cache, on a clock that the test moves. */
  async function opened(urls: readonly string[], keys: Readonly<Record<string, unknown>> = {}) {
    const events: DirectoryEvent[] = []
    const settings = settingsOf({ urls: urls.join(','), cache: 0, cache_unknown: 0, ...keys })
    let now = 0
    const clock = (): Date => new Date(now)
    const directory = await LdapDirectory.open({ settings, clock, onEvent: (event) => events.push(event) })
    const lines = (): string[] => events.flatMap((event) => (event.kind === 'server' ? [event.line] : []))
    return { directory, events, lines, later: (ms: number) => (now += ms) }
  }

  test('that are away refuse for the time being, and are asked again once they are back', async () => {
    const { directory, lines } = await opened([first.url])
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'active')
    await first.kill()
    await assert.rejects(directory.mailbox('anna@pec-a.test'), isAway)
    await assert.rejects(directory.authenticate('anna@pec-a.test', 'giusta'), isAway)
    assert.equal(directory.managesDomain('pec-a.test'), true, 'the domains are known still')
    await first.start()
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'active')
    assert.match(lines().join('\n'), /^the LDAP server \S+ fails: .*\nthe LDAP server \S+ answers again$/)
    await directory.close()
  })

  test('stand in for each other', async () => {
    const { directory, lines, later } = await opened([first.url, second.url])
    await first.kill()
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'active')
    assert.equal((await directory.authenticate('anna@pec-a.test', 'giusta'))?.state, 'active')
    assert.equal(lines().length, 1, 'told once')
    await first.start()
    await second.kill()
    later(10_000)
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'active')
    await second.start()
    await directory.close()
  })

  test('that hang are given up after the time-out', async () => {
    const hanging = createServer()
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    const { port } = hanging.address() as AddressInfo
    const { directory } = await opened([`ldap://127.0.0.1:${port}`, second.url], { timeout: 1 })
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'active')
    await directory.close()
    hanging.close()
  })

  for (const address of ['twice', 'state', 'quota', 'policy', 'mails'])
    test(`with an entry that cannot be understood (${address}) refuse for the time being`, async () => {
      const { directory } = await opened([second.url])
      await assert.rejects(directory.mailbox(`${address}@pec-a.test`), isAway)
      await directory.close()
    })

  for (const [name, reason] of [
    ['archive', /pecArchive is none of files, mailbox:ADDRESS/],
    ['notice', /pecArrivalNotice is none of plain:ADDRESS, details:ADDRESS/],
  ] as const)
    test(`with options that cannot be understood (${name}) tell the mailbox, and why they cannot`, async () => {
      const { directory } = await opened([second.url])
      const found = await directory.mailbox(`${name}@pec-a.test`)
      assert.deepEqual([found?.state, found?.archive, found?.arrivalNotice], ['active', undefined, undefined])
      assert.match(found?.unreadableOptions ?? '', reason)
      await directory.close()
    })

  test('tell the mailboxes of a certificate by the same filter as all others', async () => {
    for (const [filter, found] of [
      ['(mail={address})', ['gone@pec-a.test']],
      ['(&(!(cn=gone))(mail={address}))', []],
    ] as const) {
      const { directory } = await opened([second.url], { mailbox_filter: filter })
      assert.deepEqual(
        (await directory.mailboxesOfCertificate(CERTIFICATE)).map(({ address }) => address),
        found,
      )
      await directory.close()
    }
  })

  test('answer the same question once while it is remembered', async () => {
    const { directory, later } = await opened([second.url], { cache: 30, cache_unknown: 10 })
    assert.equal(await directory.mailbox('nuova@pec-a.test'), undefined)
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'active')
    await second.asAdmin(async (client) => {
      await client.add('cn=nuova,ou=mailboxes,dc=pec', { objectClass: 'pecMailbox', cn: 'nuova', mail: 'nuova@pec-a.test' })
      const modification = new Attribute({ type: 'pecState', values: ['closed'] })
      await client.modify('cn=anna,ou=mailboxes,dc=pec', new Change({ operation: 'replace', modification }))
    })
    later(9_999)
    assert.equal(await directory.mailbox('nuova@pec-a.test'), undefined)
    later(1)
    assert.equal((await directory.mailbox('nuova@pec-a.test'))?.state, 'active')
    later(19_999)
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'active')
    later(1)
    assert.equal((await directory.mailbox('anna@pec-a.test'))?.state, 'closed')
    await directory.close()
  })

  test('are spoken to under TLS, and believed only with a certificate of the authority', async () => {
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const { key, cert, ca } = await tlsIdentity()
    const tls = { certificate: file('cert.pem', cert), key: file('key.pem', key) }
    const slapd = await TestSlapd.start({ ldif: BASE + entry('anna', 'mail: anna@pec-a.test', 'userPassword: giusta'), tls })
    try {
      const { directory } = await opened([slapd.url], { starttls: 'true', ca: file('ca.pem', ca) })
      assert.equal((await directory.authenticate('anna@pec-a.test', 'giusta'))?.state, 'active')
      await directory.close()
      const other = file('other.pem', (await tlsIdentity()).ca)
      await assert.rejects(opened([slapd.url], { starttls: 'true', ca: other }), { code: 'configuration' })
    } finally {
      await slapd.close()
    }
  })

  test('that cannot be used stop the start with the reason', async () => {
    const starts = (keys: Readonly<Record<string, unknown>>) =>
      LdapDirectory.open({ settings: settingsOf(keys), clock: () => new Date(), onEvent: () => undefined })
    const isFault = (reason: RegExp) => (error: unknown) =>
      isPecError(error) && error.code === 'configuration' && reason.test(error.message)
    await assert.rejects(starts({ urls: `ldap://127.0.0.1:${await freePort()}` }), isFault(/no LDAP server answers/))
    await assert.rejects(starts({ urls: second.url, domain_base: 'ou=none,dc=pec' }), isFault(/no domain below/))
    await assert.rejects(starts({ urls: second.url, bind_dn: 'cn=admin,dc=pec' }), isFault(/no LDAP server answers/))
    await assert.rejects(starts({ urls: second.url, starttls: 'true' }), isFault(/no LDAP server answers/))
  })
})
