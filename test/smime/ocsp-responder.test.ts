// Responders that do not answer, that a certificate does not name, and that stand beside lists.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CrlCache } from '../../src/smime/crl.js'
import { issueRevocationList } from '../../src/smime/issue.js'
import { knownCertificate } from '../../src/smime/known-certificates.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { OcspClient } from '../../src/smime/ocsp.js'
import { derOf, writeFiles } from './fixtures.js'
import { authority, both, DAY, directory, leaf, MINUTE, other, provider, responder, rigOf } from './ocsp-rig.js'

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
