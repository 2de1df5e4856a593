import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { isPecError, PecError } from '../../src/errors.js'
import { concatenate, fromBuffer } from '../../src/mail/source.js'
import { signDetached } from '../../src/smime/sign.js'
import type { KeyAndCertificate } from '../../src/smime/issue.js'
import { verifyDetached } from '../../src/smime/verify.js'
import { makeProvider, openssl, run, signerOf, temporaryDirectory, writeFiles } from './fixtures.js'

const AT = new Date('2026-03-04T05:06:07Z')
const ANY_TIME = { from: new Date('2000-01-01'), days: 25_000 }
const CONTENT = Buffer.from('Content-Type: text/plain\r\n\r\nBuongiorno\r\n')

describe('a detached signature', () => {
  let directory: string
  const owners = new Map<string, { authority: KeyAndCertificate; provider: KeyAndCertificate }>()

  before(async () => {
    directory = await temporaryDirectory()
    owners.set('RSA-2048', await makeProvider({ keyKind: 'rsa-2048', ...ANY_TIME }))
    owners.set('P-256', await makeProvider({ keyKind: 'p-256', ...ANY_TIME }))
  })

  const ownerOf = (kind: string) => owners.get(kind) ?? assert.fail(kind)

  for (const kind of ['RSA-2048', 'P-256']) {
    test(`with ${kind} is accepted by openssl, over the content in DER`, async () => {
      const { authority, provider } = ownerOf(kind)
      const signature = await signDetached(fromBuffer(CONTENT), signerOf(provider, authority), new Date())
      await writeFiles(directory, { 'ca.pem': authority.certificate, 'smime.p7s': signature, content: CONTENT })
      const verify = ['cms', '-verify', '-binary', '-purpose', 'smimesign', '-CAfile', join(directory, 'ca.pem')]
      const judged = await run(
        'openssl',
        ...verify,
        '-inform',
        'DER',
        '-in',
        join(directory, 'smime.p7s'),
        '-content',
        join(directory, 'content'),
      )
      assert.ok(judged.ok, judged.output)
    })

    test(`with ${kind} is accepted by openssl, in a multipart/signed message`, async () => {
      const { authority, provider } = ownerOf(kind)
      const signature = await signDetached(fromBuffer(CONTENT), signerOf(provider, authority), new Date())
      const message = [
        'MIME-Version: 1.0',
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg="sha-256"; boundary="limite"',
        '',
        `--limite\r\n${CONTENT.toString('latin1')}`,
        '--limite',
        'Content-Type: application/pkcs7-signature; name="smime.p7s"',
        'Content-Transfer-Encoding: base64',
        '',
        signature.toString('base64').replace(/.{76}/g, '$&\r\n'),
        '--limite--',
        '',
      ].join('\r\n')
      await writeFiles(directory, { 'ca.pem': authority.certificate, 'message.eml': message })
      const judged = await run(
        'openssl',
        'cms',
        '-verify',
        '-CAfile',
        join(directory, 'ca.pem'),
        '-in',
        join(directory, 'message.eml'),
      )
      assert.ok(judged.ok, judged.output)
      assert.match(judged.output, /Buongiorno/)
    })

    test(`with ${kind} is accepted by our own verifier, with its chain and time`, async () => {
      const { authority, provider } = ownerOf(kind)
      const signer = signerOf(provider, authority)
      const verdict = await verifyDetached(fromBuffer(CONTENT), await signDetached(fromBuffer(CONTENT), signer, AT))
      assert.ok(verdict.valid)
      assert.ok(verdict.certificate.equals(signer.certificate))
      assert.deepEqual(verdict.chain, signer.chain)
      assert.equal(verdict.digest, 'sha256')
      assert.equal(verdict.signingTime?.toISOString(), AT.toISOString())
    })
  }

  test('is over the content and nothing else', async () => {
    const { authority, provider } = ownerOf('P-256')
    await writeFiles(directory, { 'ca.pem': authority.certificate, other: Buffer.concat([CONTENT, Buffer.from('\r\n')]) })
    await writeFiles(directory, { 'other.p7s': await signDetached(fromBuffer(CONTENT), signerOf(provider), new Date()) })
    const [input, content, anchor] = ['other.p7s', 'other', 'ca.pem'].map((name) => join(directory, name))
    const args = ['-inform', 'DER', '-in', input ?? '', '-content', content ?? '', '-CAfile', anchor ?? '']
    assert.equal((await run('openssl', 'cms', '-verify', '-binary', ...args)).ok, false)
  })

  test('has the three signed attributes, SHA-256, one signer, and no content', async () => {
    const { provider } = ownerOf('RSA-2048')
    await writeFiles(directory, { 'shape.p7s': await signDetached(fromBuffer(CONTENT), signerOf(provider), AT) })
    const dump = await openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', join(directory, 'shape.p7s'))
    assert.match(dump, /eContent: <ABSENT>/)
    const signers = dump.slice(dump.indexOf('signerInfos:'))
    assert.deepEqual(
      [...signers.matchAll(/object: (\w+)/g)].map(([, name]) => name),
      ['contentType', 'signingTime', 'messageDigest'],
    )
    assert.deepEqual(
      [...signers.matchAll(/algorithm: (\w+)/g)].map(([, name]) => name),
      ['sha256', 'rsaEncryption'],
    )
    assert.match(signers, /Mar {2}4 05:06:07 2026 GMT/)
  })

  test('does not depend on the pieces the content comes in', async () => {
    const signer = signerOf(ownerOf('RSA-2048').provider)
    const bytes = randomBytes(700_000)
    const whole = await signDetached(fromBuffer(bytes), signer, AT)
    const pieces = concatenate([bytes.subarray(0, 1), fromBuffer(bytes.subarray(1, 300_000)), bytes.subarray(300_000)])
    assert.ok((await signDetached(pieces, signer, AT)).equals(whole))
  })

  test('from 2050 on has a time in the other form, and is still valid', async () => {
    const at = new Date('2050-01-01T00:00:00Z')
    const verdict = await verifyDetached(
      fromBuffer(CONTENT),
      await signDetached(fromBuffer(CONTENT), signerOf(ownerOf('P-256').provider), at),
    )
    assert.ok(verdict.valid)
    assert.equal(verdict.signingTime?.toISOString(), at.toISOString())
  })

  const outOfTime: readonly [string, string, RegExp][] = [
    ['before its certificate begins', '1999-12-31T23:59:59Z', /not valid before 2000-01-01/],
    [
      'once its certificate has expired',
      '2068-06-12T00:00:01Z',
      /expired at 2068-06-12.*put the new one and its key in its place/,
    ],
  ]
  for (const [when, at, line] of outOfTime) {
    test(`is not made ${when}`, async () => {
      const signing = signDetached(fromBuffer(CONTENT), signerOf(ownerOf('P-256').provider), new Date(at))
      await assert.rejects(signing, (error) => isPecError(error) && error.temporary && line.test(error.message))
    })
  }

  test('fails as the signer fails', async () => {
    const failing = {
      ...signerOf(ownerOf('P-256').provider),
      sign: () => Promise.reject(new PecError('signer', 'the token is gone', { temporary: true })),
    }
    await assert.rejects(signDetached(fromBuffer(CONTENT), failing, AT), (error) => isPecError(error) && error.temporary)
  })
})
