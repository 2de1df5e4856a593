// What a responder's answer says of a certificate, for how long, and by whom it may be signed.
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { before, describe, test } from 'node:test'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CrlCache } from '../../src/smime/crl.js'
import { issueAuthority, issueRevocationList, type KeyAndCertificate } from '../../src/smime/issue.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { type TrustOptions, type TrustVerdict } from '../../src/smime/trust.js'
import { derOf, openssl, writeFiles } from './fixtures.js'
import { authority, both, DAY, directory, leaf, MINUTE, other, responder, rigOf } from './ocsp-rig.js'

/** Its tag, and its usual length. */
const GENERALIZED_TIME = Buffer.from([0x18, 15])

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
