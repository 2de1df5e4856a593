import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { parseCertificate } from '../../src/smime/certificate.js'
import { CrlCache } from '../../src/smime/crl.js'
import { DerReader, onlyElement, TAG } from '../../src/smime/der.js'
import { OcspClient } from '../../src/smime/ocsp.js'
import { OID } from '../../src/smime/oids.js'
import { readPem } from '../../src/smime/pem.js'
import { readSignedData } from '../../src/smime/signed-data.js'
import { TrustStore } from '../../src/smime/trust.js'
import { stampDigest, type TimestampSettings } from '../../src/timestamp/client.js'
import { newRequest } from '../../src/timestamp/request.js'
import { namesSigner } from '../../src/timestamp/signing-certificate.js'
import { verifyResponse } from '../../src/timestamp/response.js'
import { Laboratory } from '../harness/laboratory.js'
import { OcspResponder } from '../harness/ocsp.js'
import { nameSignerBy, revocationList, signedAgain, startTsa, type SignerPurpose, type Tsa } from '../harness/tsa.js'

const DATA = Buffer.from('a day of the register')
const DIGEST = digestOf(DATA)

function digestOf(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

function trustIn({ anchors }: Tsa, crls?: CrlCache): TrustStore {
  return new TrustStore({
    ...{ anchors: readPem(anchors, 'CERTIFICATE'), crls, crlRequired: crls !== undefined },
    purpose: 'time-stamping',
  })
}

async function tsaOf(t: TestContext, ocspUrl?: string): Promise<{ tsa: Tsa; settings: TimestampSettings; folder: string }> {
  const lab = new Laboratory(t)
  const folder = await lab.directory()
  const tsa = await startTsa(folder, (closing) => lab.atClose(closing), ocspUrl)
  return { tsa, folder, settings: { authorities: [{ url: tsa.url }], timeout: 20_000, trust: trustIn(tsa) } }
}

const failure = (message: RegExp, temporary: boolean) => ({ name: 'PecError', code: 'timestamp', temporary, message })

describe('a time stamp', () => {
  test('is given, and holds offline and for openssl', async (t) => {
    const { tsa, settings, folder } = await tsaOf(t)
    const before = Math.floor(Date.now() / 1000) * 1000
    const { response, stamp, url } = await stampDigest(DIGEST, settings)
    assert.equal(url, tsa.url)
    assert.ok(stamp.time.getTime() >= before && stamp.time.getTime() <= Date.now())
    assert.match(stamp.authority, /Test TSA/)
    assert.equal((await verifyResponse(response, { digest: DIGEST, trust: settings.trust })).valid, true)
    await writeFile(join(folder, 'data'), DATA)
    await writeFile(join(folder, 'data.tsr'), response)
    const args = ['ts', '-verify', '-in', 'data.tsr', '-data', 'data', '-CAfile', 'authority.pem']
    assert.equal(spawnSync('openssl', args, { cwd: folder }).status, 0)
  })

  test('is not one on other data', async (t) => {
    const { settings } = await tsaOf(t)
    const { response } = await stampDigest(DIGEST, settings)
    const verdict = await verifyResponse(response, { digest: digestOf(Buffer.from('another')), trust: settings.trust })
    assert.equal(verdict.valid ? '' : verdict.fault, 'imprint')
  })

  test('does not outlive a change of any of its bytes, nor the loss of some', async (t) => {
    const { settings } = await tsaOf(t)
    const { response, stamp } = await stampDigest(DIGEST, settings)
    for (let at = 0; at < response.length; at += 7) {
      const changed = Buffer.from(response)
      changed.writeUInt8((changed[at] ?? 0) ^ 0x41, at)
      const verdict = await verifyResponse(changed, { digest: DIGEST, trust: settings.trust })
      // What no signature covers says nothing of the stamp: algorithms listed twice, attributes left unsigned.
      if (verdict.valid) assert.deepEqual(verdict.stamp, stamp, `byte ${at}`)
    }
    for (const end of [0, 1, 10, response.length >> 1, response.length - 1]) {
      const verdict = await verifyResponse(response.subarray(0, end), { digest: DIGEST, trust: settings.trust })
      assert.equal(verdict.valid ? '' : verdict.fault, 'malformed')
    }
  })

  test('of a certificate that is not for time stamps, or not only, is none', async (t) => {
    const { settings, tsa, folder } = await tsaOf(t)
    const { response } = await stampDigest(DIGEST, settings)
    const sign = async (purpose: SignerPurpose) =>
      verifyResponse(signedAgain(folder, response, purpose), { digest: DIGEST, trust: trustIn(tsa) })
    assert.equal((await sign('stamps')).valid, true)
    for (const purpose of ['careless', 'mail', 'anything'] as const) {
      const verdict = await sign(purpose)
      assert.equal(verdict.valid ? '' : verdict.fault, 'purpose', purpose)
    }
  })

  test('names its signer by whichever digest, in the older attribute or the newer', async (t) => {
    const { settings, tsa, folder } = await tsaOf(t)
    for (const digest of ['sha1', 'sha256', 'sha512'] as const) {
      nameSignerBy(folder, digest)
      const { response } = await stampDigest(DIGEST, settings)
      const older = response.includes(Buffer.from('060b2a864886f70d010910020c', 'hex'))
      assert.equal(older, digest === 'sha1', digest)
      const token = new DerReader(onlyElement(response, TAG.sequence).content)
      token.element()
      const { signer, certificates } = readSignedData(token.element().bytes, OID.timeStampInfo)
      const named = (der: Buffer | undefined) =>
        namesSigner(signer?.attributes?.values ?? new Map(), parseCertificate(der ?? Buffer.alloc(0)))
      assert.deepEqual([named(certificates[0]), named(readPem(tsa.anchors, 'CERTIFICATE')[0])], [true, false], digest)
    }
  })

  test('that does not name the certificate that it is signed with is none', async (t) => {
    const { settings, tsa, folder } = await tsaOf(t)
    const { response } = await stampDigest(DIGEST, settings)
    const nobody = signedAgain(folder, response, 'stamps', undefined, 'names nobody')
    const verdict = await verifyResponse(nobody, { digest: DIGEST, trust: trustIn(tsa) })
    assert.equal(verdict.valid ? '' : verdict.fault, 'signer')
  })

  test('of a certificate that was revoked is none, and one from before that holds on where the key was safe', async (t) => {
    const { settings, tsa, folder } = await tsaOf(t)
    const source = revocationList(folder, { revoked: false, hours: 24 })
    const lists = new CrlCache({ sources: [source] })
    const trust = trustIn(tsa, lists)
    const { response } = await stampDigest(DIGEST, { ...settings, trust, lists })
    // Stamps and lists tell seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    for (const [reason, fault] of [
      ['unspecified', ''],
      ['affiliationChanged', ''],
      ['superseded', ''],
      ['cessationOfOperation', ''],
      ['keyCompromise', 'untrusted'],
      ['CACompromise', 'untrusted'],
      [undefined, 'untrusted'],
    ] as const) {
      revocationList(folder, { revoked: true, hours: 24, ...(reason === undefined ? {} : { reason }) })
      await assert.rejects(stampDigest(DIGEST, { ...settings, trust, lists }), failure(/Test TSA was revoked at/, false))
      const verdict = await verifyResponse(response, { digest: DIGEST, trust })
      assert.equal(verdict.valid ? '' : verdict.fault, fault, reason)
    }
  })

  test('of a certificate on no list is taken by the word of the responder that it names', async (t) => {
    const responder = await OcspResponder.listen()
    t.after(() => responder.close())
    const { settings, tsa, folder } = await tsaOf(t, responder.url)
    const file = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
    const authority = { key: await file('authority.key'), certificate: await file('authority.pem') }
    const certificate = { key: '', certificate: await file('tsa.pem') }
    const answered = async (revokedAt?: Date): Promise<TimestampSettings> => {
      await responder.answerBy({ authority, minutes: 10, certificates: [{ certificate, ...(revokedAt && { revokedAt }) }] })
      const anchors = readPem(tsa.anchors, 'CERTIFICATE')
      const ocsp = new OcspClient()
      return {
        ...settings,
        trust: new TrustStore({ anchors, crls: undefined, ocsp, crlRequired: true, purpose: 'time-stamping' }),
      }
    }
    const { response } = await stampDigest(DIGEST, await answered())
    const revoked = await answered(new Date(Date.now() - 60_000))
    await assert.rejects(stampDigest(DIGEST, revoked), failure(/Test TSA was revoked at/, false))
    const later = await answered(new Date(Date.now() + 60_000))
    const verdict = await verifyResponse(response, { digest: DIGEST, trust: later.trust })
    assert.match(verdict.valid ? '' : verdict.reason, /not for a reason by which its earlier stamps hold/)
    responder.behaviour = () => Promise.reject(new Error('away'))
    await assert.rejects(stampDigest(DIGEST, await answered()), failure(/no OCSP answer for/, true))
  })

  test('waits for a revocation list that must be there', async (t) => {
    const { settings, tsa, folder } = await tsaOf(t)
    const lists = new CrlCache({ sources: [join(folder, 'list.pem')] })
    const waiting = { ...settings, trust: trustIn(tsa, lists), lists }
    await assert.rejects(stampDigest(DIGEST, waiting), failure(/no revocation list for/, true))
    revocationList(folder, { revoked: false, hours: 24 })
    assert.equal((await stampDigest(DIGEST, waiting)).url, tsa.url)
  })

  test('of a certificate that was not valid then is none', async (t) => {
    const { settings, tsa, folder } = await tsaOf(t)
    const { response } = await stampDigest(DIGEST, settings)
    const later = signedAgain(folder, response, 'stamps', (info) =>
      Buffer.from(info.toString('latin1').replace(/20\d\d(?=\d{10}Z)/, String(new Date().getUTCFullYear() + 2)), 'latin1'),
    )
    const verdict = await verifyResponse(later, { digest: DIGEST, trust: trustIn(tsa) })
    assert.equal(verdict.valid ? '' : verdict.fault, 'untrusted')
    assert.match(verdict.valid ? '' : verdict.reason, /expired/)
  })

  test('of an authority that is not ours is none', async (t) => {
    const one = await tsaOf(t)
    const other = await tsaOf(t)
    await assert.rejects(
      stampDigest(DIGEST, { ...one.settings, trust: trustIn(other.tsa) }),
      failure(/certificate is not to be trusted/, false),
    )
  })
})

describe('an authority', () => {
  test('that answers another request is not believed', async (t) => {
    const { tsa, settings } = await tsaOf(t)
    tsa.behaviour = (_, reply) => reply(newRequest(DIGEST).bytes)
    await assert.rejects(stampDigest(DIGEST, settings), failure(/answers another request/, true))
    tsa.behaviour = (_, reply) => reply(newRequest(digestOf(Buffer.from('another'))).bytes)
    await assert.rejects(stampDigest(DIGEST, settings), failure(/on something else/, false))
  })

  test('that refuses is quoted', async (t) => {
    const { tsa, settings } = await tsaOf(t)
    // A digest that it does not take.
    tsa.behaviour = (request, reply) =>
      reply(Buffer.from(request.toString('hex').replace('608648016503040201', '608648016503040202'), 'hex'))
    await assert.rejects(stampDigest(DIGEST, settings), failure(/refused, status 2/, false))
  })

  test('that answers with half, nothing, too much, an error or something else fails for the time being', async (t) => {
    const { tsa, settings } = await tsaOf(t)
    tsa.behaviour = async (request, reply) => (await reply(request)).subarray(0, 500)
    await assert.rejects(stampDigest(DIGEST, settings), failure(/no time stamp/, true))
    tsa.behaviour = () => Promise.resolve(Buffer.alloc(0))
    await assert.rejects(stampDigest(DIGEST, settings), failure(/no time stamp/, true))
    tsa.behaviour = () => Promise.resolve(Buffer.alloc(1_000_000, 0x30))
    await assert.rejects(stampDigest(DIGEST, settings), failure(/more than 262144 bytes/, true))
    tsa.behaviour = (_, __, { response }) => {
      response.writeHead(503).end('busy')
      return Promise.resolve(undefined)
    }
    await assert.rejects(stampDigest(DIGEST, settings), failure(/HTTP status 503/, true))
    tsa.behaviour = (_, __, { response }) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
      return Promise.resolve(undefined)
    }
    await assert.rejects(stampDigest(DIGEST, settings), failure(/redirect/, true))
  })

  test('that does not answer is left after its time, and the next is asked', async (t) => {
    const slow = await tsaOf(t)
    const good = await tsaOf(t)
    const gone = await tsaOf(t)
    slow.tsa.behaviour = () => Promise.resolve(undefined)
    await gone.tsa.away()
    const authorities = [gone, slow, good].map(({ tsa }) => ({ url: tsa.url }))
    const { url } = await stampDigest(DIGEST, { authorities, timeout: 3_000, trust: trustIn(good.tsa) })
    assert.equal(url, good.tsa.url)
    await assert.rejects(
      stampDigest(DIGEST, { authorities: authorities.slice(0, 2), timeout: 500, trust: trustIn(good.tsa) }),
      failure(/ECONNREFUSED.*; .*timeout/s, true),
    )
  })

  test('gets the credentials that are for it', async (t) => {
    const { tsa, settings } = await tsaOf(t)
    let seen: string | undefined
    tsa.behaviour = (request, reply, http) => {
      seen = http.request.headers.authorization
      return reply(request)
    }
    await stampDigest(DIGEST, { ...settings, authorities: [{ url: tsa.url, credentials: 'pec:segreto' }] })
    assert.equal(seen, `Basic ${Buffer.from('pec:segreto').toString('base64')}`)
  })
})
