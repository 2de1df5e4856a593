import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { CrlCache } from '../../src/smime/crl.js'
import { issueRevocationList, type KeyAndCertificate } from '../../src/smime/issue.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { readPem } from '../../src/smime/pem.js'
import { TrustStore, type TrustStatus } from '../../src/smime/trust.js'
import { readSignedData } from '../../src/smime/signed-data.js'
import { SHARED, derOf, hasShared, run, temporaryDirectory, writeFiles } from './fixtures.js'
import { after, assertUntrusted, AT, authority, judge, provider, store } from './authorities.js'

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
