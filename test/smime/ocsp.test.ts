// Certificates looked up with the responders that they name, which are those of openssl on loopback.
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { after, before, beforeEach, describe, test } from 'node:test'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CrlCache } from '../../src/smime/crl.js'
import { issueAuthority, issueProviderCertificate, issueRevocationList, type KeyAndCertificate } from '../../src/smime/issue.js'
import { knownCertificate } from '../../src/smime/known-certificates.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { OcspClient, type OcspTold } from '../../src/smime/ocsp.js'
import { TrustStore, type TrustOptions, type TrustVerdict } from '../../src/smime/trust.js'
import { OcspResponder } from '../harness/ocsp.js'
import { ADDRESS, derOf, NAME, openssl, temporaryDirectory, writeFiles } from './fixtures.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** Its tag, and its usual length. */
const GENERALIZED_TIME = Buffer.from([0x18, 15])

let responder: OcspResponder
let authority: KeyAndCertificate
let leaf: KeyAndCertificate
let other: KeyAndCertificate
let directory: string

const provider = (ocspUrl?: string): Promise<KeyAndCertificate> =>
  issueProviderCertificate({
    ...{ authority, providerName: NAME, address: ADDRESS, keyKind: 'p-256', from: new Date(Date.now() - DAY) },
    ...(ocspUrl === undefined ? {} : { ocspUrl }),
  })

before(async () => {
  directory = await temporaryDirectory()
  responder = await OcspResponder.listen()
  authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', from: new Date(Date.now() - DAY) })
  ;[leaf, other] = await Promise.all([provider(responder.url), provider(responder.url)])
})

after(() => responder.close())

beforeEach(() => {
  responder.requests = 0
  responder.behaviour = (request, ask) => ask(request)
})

interface Rig {
  readonly told: OcspTold[]
  /** Of the client. */
  now: number
  readonly judge: (certificate?: KeyAndCertificate, at?: Date) => Promise<TrustVerdict>
}

function rigOf(options: Partial<TrustOptions> = {}, timeout = 20_000, copies?: string): Rig {
  const told: OcspTold[] = []
  const ocsp = new OcspClient({
    ...{ timeout, clock: () => new Date(rig.now), onAnswer: (each) => told.push(each) },
    ...(copies === undefined ? {} : { copies }),
  })
  const trust = new TrustStore({ anchors: [derOf(authority)], crls: undefined, ocsp, crlRequired: true, ...options })
  const rig: Rig = {
    told,
    now: Date.now(),
    judge: (certificate = leaf, at = new Date()) => trust.judge(derOf(certificate), [], at),
  }
  return rig
}

const both = () => [{ certificate: leaf }, { certificate: other }]

describe('an answer that the issuer itself signs', () => {
  before(() => responder.answerBy({ authority, certificates: both(), minutes: 10 }))

  test('says that a certificate is good, and counts until its next update', async () => {
    const rig = rigOf()
    const verdicts = await Promise.all([rig.judge(), rig.judge()])
    assert.deepEqual(
      verdicts.map(({ status, trusted }) => [status, trusted]),
      Array(2).fill(['good', true]),
    )
    rig.now += 9 * MINUTE
    assert.equal((await rig.judge()).status, 'good')
    assert.equal(responder.requests, 1)
    assert.deepEqual(
      rig.told.map(({ responder, outcome, failure }) => [responder, outcome, failure]),
      [[responder.url, 'good', undefined]],
    )
    rig.now += 2 * MINUTE
    const late = await rig.judge()
    assert.match(late.reason, /out of date since/)
    assert.equal(responder.requests, 2)
  })

  test('is not for a time to come', async () => {
    const rig = rigOf()
    rig.now -= 10 * MINUTE
    assert.match((await rig.judge()).reason, /from the future/)
  })

  test('that is altered on its way, or is none at all, says nothing', async () => {
    for (const [alter, words] of [
      // A digit of the first time that is in it, producedAt.
      [(bytes: Buffer) => flipped(bytes, bytes.indexOf(GENERALIZED_TIME) + 14), /not signed, or not safely/],
      [(bytes: Buffer) => bytes.subarray(0, -1), /cannot be read/],
      [() => Buffer.from('<html>'), /cannot be read/],
      [() => Buffer.from('30030a0103', 'hex'), /the responder refused: tryLater/],
      [() => Buffer.alloc(70_000), /more than 32768 bytes/],
    ] as const) {
      responder.behaviour = async (request, ask) => alter(await ask(request))
      const verdict = await rigOf().judge()
      assert.deepEqual([verdict.status, verdict.trusted], ['unknown', false])
      assert.match(verdict.reason, words)
    }
    assert.equal((await rigOf({ crlRequired: false }).judge()).trusted, true)
  })

  test('to another request says nothing; one without a nonce does', async () => {
    let kept: Buffer | undefined
    responder.behaviour = async (request, ask) => (kept ??= await ask(request))
    assert.equal((await rigOf().judge()).status, 'good')
    assert.match((await rigOf().judge()).reason, /answers another request/)
    const without = await responder.ask(await requestFor(leaf))
    responder.behaviour = () => Promise.resolve(without)
    assert.equal((await rigOf().judge()).status, 'good')
    assert.match((await rigOf().judge(other)).reason, /about another certificate/)
  })
})

test('a certificate is revoked from the time that the answer says', async () => {
  const revokedAt = new Date(Math.floor((Date.now() - 60 * MINUTE) / 1000) * 1000)
  await responder.answerBy({ authority, certificates: [{ certificate: leaf, revokedAt }], minutes: 10 })
  const rig = rigOf({ crlRequired: false })
  const verdict = await rig.judge()
  assert.deepEqual([verdict.status, verdict.trusted], ['revoked', false])
  assert.match(verdict.reason, new RegExp(`was revoked at ${revokedAt.toISOString()}`))
  assert.equal((await rig.judge(leaf, new Date(revokedAt.getTime() - 1000))).status, 'good')
  const unknown = await rig.judge(other)
  assert.match(unknown.reason, /the OCSP responder does not know/)
})

test('an answer for days is asked for again after an hour, and goes on while the responder is away', async () => {
  await responder.answerBy({ authority, certificates: both(), minutes: 600 })
  const rig = rigOf()
  assert.equal((await rig.judge()).status, 'good')
  rig.now += 61 * MINUTE
  responder.behaviour = () => Promise.reject(new Error('away'))
  assert.equal((await rig.judge()).status, 'good')
  assert.equal(responder.requests, 2)
  await responder.answerBy({
    authority,
    certificates: [{ certificate: leaf, revokedAt: new Date(Date.now() - DAY) }],
    minutes: 600,
  })
  responder.behaviour = (request, ask) => ask(request)
  rig.now += 2 * MINUTE
  assert.equal((await rig.judge()).status, 'revoked')
  responder.behaviour = () => Promise.reject(new Error('away'))
  rig.now += 600 * MINUTE
  assert.equal((await rig.judge()).status, 'unknown')
})

test('the last answer goes on over a restart while the responder is away, until it says that there is a newer one', async () => {
  const copies = join(directory, 'copies')
  await responder.answerBy({ authority, certificates: both(), minutes: 600 })
  assert.equal((await rigOf({}, 20_000, copies).judge()).status, 'good')
  responder.behaviour = () => Promise.reject(new Error('away'))
  const restarted = rigOf({}, 20_000, copies)
  assert.equal((await restarted.judge()).status, 'good')
  assert.equal((await restarted.judge(other)).status, 'unknown')
  restarted.now += 601 * MINUTE
  assert.equal((await restarted.judge()).status, 'unknown')
  const [name = ''] = await readdir(copies)
  const kept = await readFile(join(copies, name))
  await writeFile(join(copies, name), flipped(kept, kept.indexOf(GENERALIZED_TIME) + 14))
  assert.equal((await rigOf({}, 20_000, copies).judge()).status, 'unknown', 'a copy that was altered')
})

test('while the responder is away each process goes by what any of them was told last', async () => {
  const copies = join(directory, 'shared')
  await responder.answerBy({ authority, certificates: both(), minutes: 600 })
  const [first, second] = [rigOf({}, 20_000, copies), rigOf({}, 20_000, copies)]
  assert.equal((await first.judge()).status, 'good')
  // Answers tell seconds.
  await sleep(1100)
  const revokedAt = new Date(Date.now() - DAY)
  await responder.answerBy({ authority, certificates: [{ certificate: leaf, revokedAt }], minutes: 600 })
  assert.equal((await second.judge()).status, 'revoked')
  responder.behaviour = () => Promise.reject(new Error('away'))
  first.now += 61 * MINUTE
  assert.equal((await first.judge()).status, 'revoked')
})

test('an answer without a next update counts for a minute', async () => {
  await responder.answerBy({ authority, certificates: both() })
  const rig = rigOf()
  for (const [later, requests] of [
    [0, 1],
    [59_000, 1],
    [2000, 2],
  ] as const) {
    rig.now += later
    assert.equal((await rig.judge()).status, 'good')
    assert.equal(responder.requests, requests)
  }
})

describe('an answer that somebody else signs', () => {
  const certified = async (name: string, extensions: string, by = authority): Promise<KeyAndCertificate> => {
    const path = (what: string): string => join(directory, `${name}-${what}`)
    await writeFiles(directory, {
      [`${name}-ca.pem`]: by.certificate,
      [`${name}-ca-key.pem`]: by.key,
      [`${name}-ext`]: extensions,
    })
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path('key.pem')]
    await openssl('req', '-new', ...curve, '-subj', `/O=Prova/CN=${name}`, '-out', path('csr.pem'))
    const issuer = ['-CA', path('ca.pem'), '-CAkey', path('ca-key.pem'), '-CAcreateserial', '-days', '2']
    const certificate = await openssl('x509', '-req', '-in', path('csr.pem'), ...issuer, '-extfile', path('ext'))
    const key = await openssl('pkey', '-in', path('key.pem'))
    const begin = certificate.indexOf('-----BEGIN')
    return { key, certificate: certificate.slice(begin) }
  }
  const PURPOSE = 'keyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\n'
  const judgedBy = async (signer: KeyAndCertificate, options: Partial<TrustOptions> = {}): Promise<TrustVerdict> => {
    await responder.answerBy({ authority, certificates: both(), signer, minutes: 10, options: ['-resp_key_id'] })
    return rigOf(options).judge()
  }

  test('counts if the issuer has certified him for it', async () => {
    assert.equal((await judgedBy(await certified('delegato', PURPOSE))).status, 'good')
  })

  test('counts for nothing if he is certified for something else, or by somebody else', async () => {
    const stranger = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' })
    for (const [signer, words] of [
      [await certified('altro', 'keyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n'), /not certified for OCSP/],
      [await certified('nessuno', 'keyUsage=digitalSignature\n'), /not certified for OCSP/],
      [await certified('muto', 'keyUsage=keyEncipherment\nextendedKeyUsage=OCSPSigning\n'), /may not sign/],
      [await certified('estraneo', PURPOSE, stranger), /not certified by the issuer/],
      [other, /not certified for OCSP/],
    ] as const) {
      const verdict = await judgedBy(signer)
      assert.equal(verdict.status, 'unknown')
      assert.match(verdict.reason, words)
    }
  })

  test('counts for nothing once his certificate is revoked, unless nobody need look', async () => {
    for (const [name, more, status] of [
      ['revocato', '', 'unknown'],
      ['fidato', 'noCheck=ignored\n', 'good'],
    ] as const) {
      const signer = await certified(name, PURPOSE + more)
      const serialNumber = parseCertificate(derOf(signer)).serialNumber.toString('hex')
      // Its list is out of date for all else, so that the responder is asked.
      const list = {
        authority,
        revoked: [{ serialNumber, at: new Date(Date.now() - DAY) }],
        from: new Date(Date.now() - 2 * DAY),
        days: 1,
      }
      await writeFiles(directory, { [`${name}-crl.pem`]: issueRevocationList(list) })
      const crls = new CrlCache({ sources: [join(directory, `${name}-crl.pem`)] })
      await crls.refresh()
      assert.equal((await judgedBy(signer, { crls })).status, status, name)
    }
  })
})

describe('a responder that does not answer', () => {
  before(() => responder.answerBy({ authority, certificates: both(), minutes: 10 }))

  test('holds nobody up for longer than it may, and nobody again for a minute', async () => {
    const rig = rigOf({}, 100)
    responder.behaviour = async (request, ask) => {
      await sleep(1000)
      return ask(request)
    }
    const begun = performance.now()
    const verdicts = await Promise.all([rig.judge(), rig.judge()])
    assert.ok(performance.now() - begun < 900)
    for (const { status, reason } of verdicts) {
      assert.equal(status, 'unknown')
      assert.match(reason, /no OCSP answer for .*timeout/)
    }
    assert.equal((await rig.judge()).status, 'unknown')
    assert.equal((await rig.judge(other)).status, 'unknown')
    assert.equal(responder.requests, 1)
    assert.equal(rig.told[0]?.outcome, 'failed')
    rig.now += 61_000
    assert.equal((await rig.judge()).status, 'unknown')
    assert.equal(responder.requests, 2)
  })

  test('is not there for certificates that name none, or in no way that can be read', async () => {
    const none = await provider()
    const ftp = await provider('ftp://127.0.0.1/')
    for (const certificate of [none, ftp]) assert.match((await rigOf().judge(certificate)).reason, /^no revocation list/)
    const [subject, issuer] = [knownCertificate(derOf(leaf)), knownCertificate(derOf(authority))]
    assert.ok(subject !== undefined && issuer !== undefined)
    const broken = new Map([['1.3.6.1.5.5.7.1.1', { critical: false, value: Buffer.from('300330010', 'hex') }]])
    const certificate = { ...subject.certificate, extensions: broken }
    assert.equal(await new OcspClient().statusOf({ subject: { ...subject, certificate, hash: 'x' }, issuer }), undefined)
    assert.equal(responder.requests, 0)
  })
})

describe('lists and responders', () => {
  let current: CrlCache
  let old: CrlCache

  before(async () => {
    await responder.answerBy({ authority, certificates: both(), minutes: 10 })
    const serialNumber = parseCertificate(derOf(leaf)).serialNumber.toString('hex')
    const revoked = [{ serialNumber, at: new Date(Date.now() - 60 * MINUTE) }]
    const from = new Date(Date.now() - 2 * DAY)
    await writeFiles(directory, {
      'current.pem': issueRevocationList({ authority, revoked, days: 7 }),
      'old.pem': issueRevocationList({ authority, revoked: [], from, days: 1 }),
    })
    current = new CrlCache({ sources: [join(directory, 'current.pem')] })
    old = new CrlCache({ sources: [join(directory, 'old.pem')] })
    await Promise.all([current.refresh(), old.refresh()])
  })

  test('a list that tells is enough, unless responders come first', async () => {
    assert.equal((await rigOf({ crls: current }).judge()).status, 'revoked')
    assert.equal(responder.requests, 0)
    assert.equal((await rigOf({ crls: current, first: 'ocsp' }).judge()).status, 'good')
    assert.equal(responder.requests, 1)
  })

  test('one is asked where the other does not tell', async () => {
    assert.equal((await rigOf({ crls: old }).judge()).status, 'good')
    responder.behaviour = () => Promise.reject(new Error('away'))
    assert.equal((await rigOf({ crls: current, first: 'ocsp' }).judge()).status, 'revoked')
    const neither = await rigOf({ crls: old }).judge()
    assert.deepEqual([neither.status, neither.trusted], ['unknown', false])
    assert.match(neither.reason, /list for .* is out of date; no OCSP answer for .*HTTP status 500/)
  })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}

/** A request of openssl's own, without a nonce. */
async function requestFor(certificate: KeyAndCertificate): Promise<Buffer> {
  await writeFiles(directory, { 'issuer.pem': authority.certificate, 'subject.pem': certificate.certificate })
  const path = join(directory, 'request.der')
  const subject = ['-issuer', join(directory, 'issuer.pem'), '-cert', join(directory, 'subject.pem')]
  await openssl('ocsp', ...subject, '-no_nonce', '-reqout', path)
  return readFile(path)
}
