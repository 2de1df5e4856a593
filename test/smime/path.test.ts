import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { issueAuthority, issueTlsCertificate, type KeyAndCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { TrustStore } from '../../src/smime/trust.js'
import { anyKey, ADDRESS, derOf, openssl, temporaryDirectory, writeFiles } from './fixtures.js'
import { assertUntrusted, AT, authority, FROM, judge, provider, store } from './authorities.js'

describe('the path to an anchor', () => {
  let root: KeyAndCertificate
  let issuing: KeyAndCertificate
  let leaf: KeyAndCertificate

  before(async () => {
    root = await authority()
    issuing = await authority({ name: 'Emittente', authority: root })
    leaf = await provider(issuing)
  })

  test('goes through intermediates that came with the message', async () => {
    assert.equal((await judge(store(root), leaf, [issuing])).trusted, true)
  })

  test('goes through intermediates that are configured', async () => {
    assert.equal((await judge(store(root, issuing), leaf)).trusted, true)
  })

  test('may end at an anchor that is not self-signed', async () => {
    assert.equal((await judge(store(issuing), leaf)).trusted, true)
  })

  test('is there for a root that signs providers itself', async () => {
    assert.equal((await judge(store(root), await provider(root))).trusted, true)
  })

  test('does not depend on the order of what came, nor on strangers among it', async () => {
    const stranger = await authority({ name: 'Estranea' })
    const lower = await authority({ name: 'Sotto', authority: issuing })
    const below = await provider(lower)
    assert.equal((await judge(store(root), below, [stranger, issuing, lower])).trusted, true)
    assert.equal((await judge(store(root), below, [lower, stranger, issuing])).trusted, true)
  })

  test('is missing without the intermediate, and found as soon as it comes', async () => {
    const trust = store(root)
    assertUntrusted(await judge(trust, leaf), /no authority that we trust/)
    assert.equal((await judge(trust, leaf, [issuing])).trusted, true)
    assert.equal((await judge(trust, leaf)).trusted, true, 'the path is kept')
  })

  test('is not there for another root, even of the same name', async () => {
    const namesake = await authority()
    assertUntrusted(await judge(store(namesake), leaf, [issuing]), /./)
    assertUntrusted(await judge(store(namesake), leaf, [issuing, root]), /./)
  })

  test('is not there for a self-signed certificate that is no anchor', async () => {
    const directory = await temporaryDirectory()
    const out = join(directory, 'self.pem')
    const base = ['req', '-x509', ...anyKey()]
    await openssl(
      ...base,
      '-addext',
      'keyUsage=critical,digitalSignature',
      '-addext',
      `subjectAltName=email:${ADDRESS}`,
      '-out',
      out,
    )
    const [self = Buffer.alloc(0)] = readPem(await readFile(out), 'CERTIFICATE')
    const now = new Date()
    assertUntrusted(await store(root).judge(self, [self], now), /no authority that we trust/)
    const pinned = new TrustStore({ anchors: [self], crls: undefined, crlRequired: true })
    assert.equal((await pinned.judge(self, [], now)).status, 'good')
  })

  test('is not there for a forged signature', async () => {
    const forged = Buffer.from(derOf(leaf))
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1)
    assertUntrusted(await store(root).judge(forged, [derOf(issuing)], AT), /not signed, or not safely/)
  })

  test('is not there for SHA-1', async () => {
    const directory = await temporaryDirectory()
    const path = (name: string) => join(directory, name)
    const ca = await issueAuthority({ name: 'Vecchia', keyKind: 'rsa-2048' })
    await writeFiles(directory, { 'ca.pem': ca.certificate, 'ca.key': ca.key })
    const request = ['req', '-new', ...anyKey()]
    await openssl(...request, '-out', path('request.pem'))
    const issued = ['x509', '-req', '-in', path('request.pem'), '-CA', path('ca.pem'), '-CAkey', path('ca.key')]
    for (const [digest, status] of [
      ['sha1', 'untrusted'],
      ['sha256', 'unknown'],
    ] as const) {
      await openssl(...issued, `-${digest}`, '-out', path('leaf.pem'))
      const [der = Buffer.alloc(0)] = readPem(await readFile(path('leaf.pem')), 'CERTIFICATE')
      assert.equal((await store(ca).judge(der, [], new Date())).status, status, digest)
    }
  })

  test('is not there through a certificate that is no authority', async () => {
    const below = await provider(leaf)
    assertUntrusted(await judge(store(root), below, [leaf, issuing]), /is no authority/)
    const tls = await issueTlsCertificate({ authority: issuing, hosts: ['prova.test'], keyKind: 'p-256', from: FROM })
    assertUntrusted(await judge(store(root), await provider(tls), [tls, issuing]), /is no authority/)
  })

  test('keeps to the length that an authority allows', async () => {
    const last = await authority({ name: 'Ultima', authority: root, pathLength: 0 })
    const further = await authority({ name: 'Troppo', authority: last })
    assert.equal((await judge(store(root), await provider(last), [last])).trusted, true)
    assertUntrusted(await judge(store(root), await provider(further), [last, further]), /has 1 authorities below it/)
  })

  test('ends somewhere, for chains without end and authorities that sign each other', async () => {
    let last = root
    const chain: KeyAndCertificate[] = []
    for (let i = 0; i < 10; i++) {
      last = await authority({ name: `Livello ${i}`, authority: last })
      chain.push(last)
    }
    assertUntrusted(await judge(store(root), await provider(last), chain), /no authority that we trust/)
    const namesakes = await Promise.all(Array.from({ length: 30 }, () => authority({ name: 'Emittente' })))
    assertUntrusted(await judge(store(root), await provider(namesakes[0] ?? root), namesakes), /./)
  })

  test('is only for mail', async () => {
    const tls = await issueTlsCertificate({ authority: issuing, hosts: ['prova.test'], keyKind: 'p-256', from: FROM })
    assertUntrusted(await judge(store(root), tls, [issuing]), /not for e-mail/)
    assertUntrusted(await judge(store(root), issuing), /may not sign by its keyUsage/)
  })

  test('is judged without a throw for bytes that are no certificate', async () => {
    assertUntrusted(await store(root).judge(Buffer.from('garbage'), [Buffer.alloc(0), derOf(issuing)], AT), /cannot be read/)
    assert.equal((await store(root).judge(derOf(leaf), [Buffer.from('garbage'), derOf(issuing)], AT)).trusted, true)
  })

  test('an anchor that cannot be read stops the start', () => {
    assert.throws(
      () => new TrustStore({ anchors: [Buffer.from('garbage')], crls: undefined, crlRequired: false }),
      (error) => isPecError(error) && error.code === 'configuration',
    )
  })
})
