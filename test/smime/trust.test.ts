import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { CrlCache } from '../../src/smime/crl.js'
import {
  issueAuthority,
  issueProviderCertificate,
  issueRevocationList,
  issueTlsCertificate,
  type AuthorityRequest,
  type KeyAndCertificate,
  type ProviderRequest,
} from '../../src/smime/issue.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { readPem } from '../../src/smime/pem.js'
import { TrustStore, type TrustStatus, type TrustVerdict } from '../../src/smime/trust.js'
import { readSignedData } from '../../src/smime/signed-data.js'
import { ADDRESS, NAME, SHARED, derOf, hasShared, openssl, run, temporaryDirectory, writeFiles } from './fixtures.js'

const DAY = 86_400_000
const FROM = new Date('2026-01-01T00:00:00Z')
const AT = new Date('2026-02-01T00:00:00Z')
const after = (days: number) => new Date(FROM.getTime() + days * DAY)

const authority = (overrides: Partial<AuthorityRequest> = {}) =>
  issueAuthority({ name: 'Radice', keyKind: 'p-256', from: FROM, days: 3650, ...overrides })
const provider = (issuer: KeyAndCertificate, overrides: Partial<ProviderRequest> = {}) =>
  issueProviderCertificate({
    authority: issuer,
    providerName: NAME,
    address: ADDRESS,
    keyKind: 'p-256',
    from: FROM,
    days: 365,
    ...overrides,
  })
const store = (...anchors: readonly KeyAndCertificate[]) =>
  new TrustStore({ anchors: anchors.map(derOf), crls: undefined, crlRequired: false })
const judge = (trust: TrustStore, leaf: KeyAndCertificate, intermediates: readonly KeyAndCertificate[] = [], at = AT) =>
  trust.judge(derOf(leaf), intermediates.map(derOf), at)
const assertUntrusted = (verdict: TrustVerdict, reason: RegExp) => {
  assert.equal(verdict.status, 'untrusted')
  assert.equal(verdict.trusted, false)
  assert.match(verdict.reason, reason)
}

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
    const base = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-config',
      '/dev/null',
      '-subj',
      `/O=${NAME}`,
    ]
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
    const request = [
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-config',
      '/dev/null',
      '-subj',
      `/O=${NAME}`,
    ]
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

describe('validity', () => {
  const statusAt = async (trust: TrustStore, leaf: KeyAndCertificate, at: Date) => (await judge(trust, leaf, [], at)).status

  test('is looked at on each call, to the second', async () => {
    const root = await authority()
    const leaf = await provider(root, { from: after(10), days: 10 })
    const trust = store(root)
    const cases: readonly (readonly [Date, TrustStatus])[] = [
      [new Date(after(10).getTime() - 1000), 'not-yet-valid'],
      [after(10), 'unknown'],
      [after(20), 'unknown'],
      [new Date(after(20).getTime() + 1000), 'expired'],
      [after(15), 'unknown'],
    ]
    for (const [at, expected] of cases) assert.equal(await statusAt(trust, leaf, at), expected, at.toISOString())
  })

  test('of an authority is looked at too, also when the path is kept', async () => {
    const root = await authority({ days: 30 })
    const leaf = await provider(root)
    const trust = store(root)
    assert.equal(await statusAt(trust, leaf, after(29)), 'unknown')
    assertUntrusted(await judge(trust, leaf, [], after(31)), /outside its validity/)
    assert.equal(await statusAt(trust, leaf, after(29)), 'unknown')
  })
})

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

describe('revocation', () => {
  let root: KeyAndCertificate
  let issuing: KeyAndCertificate
  let leaf: KeyAndCertificate
  let directory: string
  let count = 0
  const serialNumber = (owner: KeyAndCertificate) => parseCertificate(derOf(owner)).serialNumber.toString('hex')

  before(async () => {
    directory = await temporaryDirectory()
    root = await authority()
    issuing = await authority({ name: 'Emittente', authority: root })
    leaf = await provider(issuing)
  })

  test('is asked for all certificates of a path at the same time', async () => {
    const asked: ((outcome: undefined) => void)[] = []
    const ocsp = {
      statusOf: () =>
        new Promise<undefined>((resolve) => {
          asked.push(resolve)
          // Whoever asks for one after the other waits for ever.
          if (asked.length === 2) for (const answer of asked) answer(undefined)
        }),
    }
    const trust = new TrustStore({ anchors: [derOf(root)], crls: undefined, ocsp, crlRequired: false })
    assert.equal((await judge(trust, leaf, [issuing])).status, 'unknown')
  })

  const judgeWith = async (lists: readonly string[], at = AT, crlRequired = true, chain = [issuing]) => {
    const name = `${count++}.pem`
    await writeFiles(directory, { [name]: lists.join('') })
    const crls = new CrlCache({ sources: [join(directory, name)] })
    await crls.refresh()
    return judge(new TrustStore({ anchors: [derOf(root)], crls, crlRequired }), leaf, chain, at)
  }
  const list = (revoked: readonly KeyAndCertificate[], from = after(30), days = 7, issuer = issuing) =>
    issueRevocationList({
      authority: issuer,
      revoked: revoked.map((owner) => ({ serialNumber: serialNumber(owner), at: after(20) })),
      from,
      days,
    })

  const cases: Readonly<Record<string, readonly [() => readonly string[], Date, TrustStatus]>> = {
    'not on a current list': [() => [list([])], AT, 'good'],
    'on a current list': [() => [list([leaf])], AT, 'revoked'],
    'on the list, but revoked later': [() => [list([leaf])], after(19), 'good'],
    'no list': [() => [list([], after(30), 7, root)], AT, 'unknown'],
    'a list that is out of date': [() => [list([])], after(38), 'unknown'],
    'a list that is out of date but has it': [() => [list([leaf])], after(38), 'revoked'],
    'two lists: the newer one counts': [() => [list([leaf], after(25)), list([], after(30))], AT, 'good'],
    'two lists, in the other order': [() => [list([], after(25)), list([leaf], after(30))], AT, 'revoked'],
    'the authority revoked by the root': [() => [list([]), list([issuing], after(30), 7, root)], AT, 'revoked'],
    'the list of the root out of date': [() => [list([]), list([], after(10), 7, root)], AT, 'unknown'],
  }
  for (const [what, [lists, at, status]] of Object.entries(cases)) {
    test(`${what}: ${status}`, async () => {
      const verdict = await judgeWith(lists(), at)
      assert.equal(verdict.status, status)
      assert.equal(verdict.trusted, status === 'good')
    })
  }

  test('unknown is trusted where no list is required', async () => {
    assert.deepEqual((await judgeWith([list([], after(30), 7, root)], AT, false)).trusted, true)
    assert.equal((await judgeWith([list([leaf])], AT, false)).trusted, false)
  })

  test('a list of a stranger with the name of the authority is not asked', async () => {
    const namesake = await authority({ name: 'Emittente' })
    assert.equal((await judgeWith([list([leaf], after(30), 7, namesake)])).status, 'unknown')
    assert.equal((await judgeWith([list([leaf], after(31), 7, namesake), list([])])).status, 'good')
  })

  test('a new list is asked as soon as it is there', async () => {
    const path = join(directory, 'changing.pem')
    await writeFiles(directory, { 'changing.pem': list([]) })
    const crls = new CrlCache({ sources: [path] })
    await crls.refresh()
    const trust = new TrustStore({ anchors: [derOf(root)], crls, crlRequired: true })
    assert.equal((await judge(trust, leaf, [issuing])).status, 'good')
    await writeFiles(directory, { 'changing.pem': list([leaf], after(31)) })
    await crls.refresh()
    assert.equal((await judge(trust, leaf, [issuing])).status, 'revoked')
  })
})

describe('authorities and providers of another implementation', { skip: !hasShared }, () => {
  let directory: string
  let trust: TrustStore
  let intermediates: Buffer[]
  const peer = (...args: readonly string[]) => run('python3', join(SHARED, 'conformance/peer.py'), ...args)
  const read = async (...names: readonly string[]) => readPem(await readFile(join(directory, ...names)), 'CERTIFICATE')

  before(async () => {
    directory = await temporaryDirectory()
    await peer('ca', join(directory, 'ca'), '--permit', 'b.test,unlisted.b.test')
    for (const domain of ['b.test', 'c.test']) {
      const names = ['--name', `Provider ${domain}`, '--domain', domain]
      await peer('provider', join(directory, domain), '--ca', join(directory, 'ca'), ...names)
    }
    const crls = new CrlCache({ sources: [join(directory, 'ca/crl.der'), join(directory, 'ca/ca-crl.pem')] })
    await crls.refresh()
    assert.deepEqual(
      crls.state().map(({ failure }) => failure),
      [undefined, undefined],
    )
    trust = new TrustStore({ anchors: await read('ca/trust.pem'), crls, crlRequired: true })
    intermediates = await read('ca/issuing.pem')
  })

  const expected: Readonly<Record<string, TrustStatus>> = {
    'b.test': 'good',
    'b.test/twins/expired': 'expired',
    'b.test/twins/revoked': 'revoked',
    'b.test/twins/self-signed': 'untrusted',
    'b.test/twins/unknown-provider': 'good',
    'b.test/twins/from-domain-not-managed': 'good',
    'c.test': 'untrusted',
  }
  for (const [who, status] of Object.entries(expected)) {
    test(`${who}: ${status}`, async () => {
      const [leaf = Buffer.alloc(0)] = await read(who, 'cert.pem')
      const verdict = await trust.judge(leaf, intermediates, new Date())
      assert.equal(verdict.status, status, verdict.reason)
      assert.equal(verdict.trusted, status === 'good')
    })
  }
})

describe('the public authority of providers in service, with its name constraints', { skip: !hasShared }, () => {
  const AT_2018 = new Date('2018-11-13T16:00:00Z')

  for (const sample of ['aruba-accettazione', 'sogei-busta-trasporto']) {
    test(`${sample}: trusted under AgID CA1 when it was signed, expired today`, async () => {
      const message = (await readFile(join(SHARED, 'samples', `${sample}.eml`))).toString('latin1')
      const base64 = message
        .slice(message.lastIndexOf('smime.p7s"'))
        .replace(/^.*?\n\r?\n/s, '')
        .replace(/--[\s\S]*$/, '')
      const { certificates } = readSignedData(Buffer.from(base64, 'base64'))
      const [leaf = Buffer.alloc(0), agid = Buffer.alloc(0)] = certificates
      assert.ok((parseCertificate(agid).nameConstraints?.permitted.length ?? 0) > 0)
      const trust = new TrustStore({ anchors: [agid], crls: undefined, crlRequired: false })
      const verdict = await trust.judge(leaf, certificates, AT_2018)
      assert.equal(verdict.trusted, true, verdict.reason)
      assert.equal((await trust.judge(leaf, certificates, AT)).status, 'expired')
    })
  }
})
