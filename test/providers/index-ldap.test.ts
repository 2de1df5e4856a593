import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Attribute, Change } from 'ldapts'
import { isPecError } from '../../src/errors.js'
import { describeChange } from '../../src/providers/index-changes.js'
import { ldapServer } from '../../src/providers/index-source.js'
import { readIndex } from '../../src/providers/provider-index.js'
import { derOf } from '../smime/fixtures.js'
import { slapdIsMissing, TestSlapd } from '../harness/slapd.js'
import { Centre } from './centre.js'

describe('the index of providers on an LDAP server', { skip: slapdIsMissing }, () => {
  let centre: Centre
  let slapd: TestSlapd
  const B = { name: 'Società di Posta, S.p.A.', domains: ['b.test', 'more.test'] }

  before(async () => {
    centre = await Centre.open()
    const root =
      'dn: o=postacert\nobjectClass: top\nobjectClass: organization\nobjectClass: LDIFLocationURLObject\no: postacert\n'
    const postacert = `${root}LDIFLocationURL: https://centre.test/igpec.ldif.p7m\n${centre.ldif(B).toString('latin1')}`
    slapd = await TestSlapd.start({ ldif: 'dn: dc=pec\nobjectClass: dcObject\nobjectClass: organization\no: pec\n', postacert })
  })
  after(async () => {
    centre.close()
    await slapd.close()
  })

  const synchroniser = (url: string, bounds: object = {}) =>
    centre.synchroniser({}, { source: ldapServer({ url, tls: {}, timeout: 20_000, maxSize: 1_000_000, ...bounds }) })

  test('with the schema of the RFC, gives the same records as the file', async () => {
    await centre.have()
    const { changes, records } = await synchroniser(slapd.url).run()
    assert.equal(records, 2)
    assert.match(
      changes.map(describeChange).join(),
      /^Società di Posta, S\.p\.A\.: added; domains added: b\.test, more\.test; cert/,
    )
    const { index } = readIndex(await readFile(centre.file))
    assert.equal(index.byDomain('b.test')?.mailReceipt, 'receipts@p.test')
    assert.equal(index.byCertificate(derOf(centre.other))[0]?.name, B.name)
  })

  test('is fetched again with what has changed since', async () => {
    await slapd.asAdmin(async (client) => {
      const modification = new Attribute({ type: 'managedDomains', values: ['third.test'] })
      const dn = 'providerName=Società di Posta\\, S.p.A.,o=postacert'
      await client.modify(dn, new Change({ operation: 'add', modification }))
    })
    const { changes } = await synchroniser(`${slapd.url}/o=postacert`).run()
    assert.deepEqual(changes.map(describeChange), [`${B.name}: domains added: third.test`])
  })

  test('is refused when it is huge, slow, or not there', async () => {
    const hanging = createServer()
    hanging.listen(0, '127.0.0.1')
    await once(hanging, 'listening')
    const slow = `ldap://127.0.0.1:${(hanging.address() as AddressInfo).port}`
    for (const [source, pattern] of [
      [synchroniser(slapd.url, { maxSize: 100 }), /larger than 100 bytes/],
      [synchroniser(slow, { timeout: 300 }), /./],
      [synchroniser(`${slapd.url}/o=nobody`), /./],
    ] as const)
      await assert.rejects(source.run(), (error) => isPecError(error) && error.temporary && pattern.test(error.message))
    hanging.close()
  })
})
