import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { AuthorityRequest } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { NAME, openssl, temporaryDirectory, writeFiles } from './fixtures.js'
import { assertUntrusted, authority, judge, provider, store } from './authorities.js'

describe('name constraints', () => {
  const verdictFor = async (constraints: Partial<AuthorityRequest>, address: string) => {
    const root = await authority()
    const issuing = await authority({ name: 'Emittente', authority: root, ...constraints })
    return judge(store(root), await provider(issuing, { address }), [issuing])
  }
  const cases: readonly (readonly [string, Partial<AuthorityRequest>, string, boolean])[] = [
    ['a host permits its mailboxes', { permittedEmails: ['a.test', 'b.test'] }, 'p@b.test', true],
    ['without case', { permittedEmails: ['B.test'] }, 'p@b.TEST', true],
    ['but no other host', { permittedEmails: ['a.test'] }, 'p@b.test', false],
    ['nor one below it', { permittedEmails: ['a.test'] }, 'p@mail.a.test', false],
    ['nor one that ends alike', { permittedEmails: ['a.test'] }, 'p@aa.test', false],
    ['a leading dot permits hosts below', { permittedEmails: ['.a.test'] }, 'p@mail.a.test', true],
    ['but not the domain itself', { permittedEmails: ['.a.test'] }, 'p@a.test', false],
    ['a mailbox permits itself', { permittedEmails: ['p@a.test'] }, 'p@A.test', true],
    ['but no other', { permittedEmails: ['p@a.test'] }, 'q@a.test', false],
    ['excluded is excluded', { excludedEmails: ['a.test'] }, 'p@a.test', false],
    ['and nothing else', { excludedEmails: ['a.test'] }, 'p@b.test', true],
    ['also within what is permitted', { permittedEmails: ['a.test'], excludedEmails: ['p@a.test'] }, 'p@a.test', false],
    ['something that is no address is not permitted', { permittedEmails: ['a.test'] }, 'a.test', false],
    ['a second at sign does not help', { permittedEmails: ['a.test'] }, 'p@a.test@b.test', false],
  ]
  for (const [what, constraints, address, trusted] of cases) {
    test(what, async () => {
      const verdict = await verdictFor(constraints, address)
      assert.equal(verdict.trusted, trusted)
      if (!trusted) assertUntrusted(verdict, /may not certify/)
    })
  }

  const verdictForAll = async (constraints: Partial<AuthorityRequest>, addresses: readonly string[]) => {
    const root = await authority(constraints)
    const directory = await temporaryDirectory()
    const path = (name: string) => join(directory, name)
    const names = addresses.map((address) => `email:${address}`).join(',')
    const usage = 'keyUsage=critical,digitalSignature'
    await writeFiles(directory, { 'ca.pem': root.certificate, 'ca.key': root.key, names: `${usage}\nsubjectAltName=${names}\n` })
    const subject = ['-keyout', '/dev/null', '-config', '/dev/null', '-subj', `/O=${NAME}`]
    await openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', ...subject, '-out', path('request.pem'))
    const issuer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-extfile', path('names')]
    await openssl('x509', '-req', '-in', path('request.pem'), ...issuer, '-out', path('leaf.pem'))
    const [der = Buffer.alloc(0)] = readPem(await readFile(path('leaf.pem')), 'CERTIFICATE')
    return store(root).judge(der, [], new Date())
  }

  test('hold for every address of a certificate', async () => {
    const constraints = { permittedEmails: ['a.test'] }
    assert.equal((await verdictForAll(constraints, ['p@a.test', 'q@a.test'])).trusted, true)
    assertUntrusted(await verdictForAll(constraints, ['p@a.test', 'p@b.test']), /may not certify p@b\.test/)
    assertUntrusted(await verdictForAll(constraints, ['p@b.test', 'p@a.test']), /may not certify p@b\.test/)
  })

  test('are not compared without end', async () => {
    const hosts = Array.from({ length: 300 }, (_, i) => `${i}.test`)
    const addresses = Array.from({ length: 300 }, () => 'p@0.test')
    assertUntrusted(await verdictForAll({ permittedEmails: hosts }, addresses), /too many names to compare/)
    assert.equal((await verdictForAll({ permittedEmails: hosts }, addresses.slice(0, 100))).trusted, true)
  })

  test('hold for authorities further down', async () => {
    const root = await authority({ permittedEmails: ['a.test'] })
    const issuing = await authority({ name: 'Emittente', authority: root, permittedEmails: ['b.test'] })
    assertUntrusted(
      await judge(store(root), await provider(issuing, { address: 'p@b.test' }), [issuing]),
      /Radice.* may not certify p@b\.test/,
    )
  })
})
