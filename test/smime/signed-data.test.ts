import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { concatenate, fromBuffer } from '../../src/mail/source.js'
import { context, octetString, oid, sequence, time } from '../../src/smime/der.js'
import { issueAuthority, type KeyAndCertificate } from '../../src/smime/issue.js'
import { OID } from '../../src/smime/oids.js'
import { statementOf } from '../../src/smime/statement.js'
import { verifyDetached, verifyEnclosed, type SignatureFault } from '../../src/smime/verify.js'
import {
  attribute,
  CONTENT,
  issuerAndSerial,
  judge,
  keyIdentifier,
  outcome,
  rightAttributes,
  signedData,
  signerInfo,
  type SignerParts,
} from './cms.js'
import { derOf, makeProvider } from './fixtures.js'

const SHA384 = sequence(oid(OID.sha384))
const SHA512_RSA = sequence(oid(OID.sha512WithRsa))

describe('signatures put together by hand', () => {
  let owner: KeyAndCertificate
  let other: KeyAndCertificate

  before(async () => {
    const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' })
    owner = (await makeProvider({ authority })).provider
    other = (await makeProvider({ authority })).provider
  })

  const detached = (overrides: Partial<SignerParts> = {}) =>
    signedData({ signers: [signerInfo({ owner, content: CONTENT, ...overrides })], certificates: [derOf(owner)] })
  const withAttributes = (change: (attributes: Buffer[]) => Buffer[]) =>
    detached({ attributes: change(rightAttributes(CONTENT)) })
  const replaced = (position: number, attributeBytes: Buffer) =>
    withAttributes((attributes) => attributes.toSpliced(position, 1, attributeBytes))

  const withBallast = (kib: number) =>
    signedData({
      signers: [signerInfo({ owner, content: CONTENT })],
      certificates: [sequence(octetString(Buffer.alloc(kib * 1024))), derOf(owner)],
    })

  const cases: Readonly<Record<string, readonly [SignatureFault | 'valid', () => Buffer]>> = {
    'the plain case': ['valid', () => detached()],
    'a signer named by key identifier': ['valid', () => detached({ version: 3, identifier: keyIdentifier({ owner }) })],
    'unsigned attributes': ['valid', () => detached({ rest: [context(1, attribute('1.2.3', octetString(CONTENT)))] })],
    'signed attributes in another order': ['valid', () => withAttributes((attributes) => attributes.toReversed())],
    'no signing time': ['valid', () => withAttributes((attributes) => attributes.toSpliced(1, 1))],
    'further certificates, one of them unreadable': [
      'valid',
      () =>
        signedData({
          signers: [signerInfo({ owner, content: CONTENT })],
          certificates: [sequence(oid('1.2.3')), derOf(other), derOf(owner)],
        }),
    ],
    '64 signers': [
      'several-signers',
      () => signedData({ signers: Array.from({ length: 64 }, () => sequence()), certificates: [derOf(owner)] }),
    ],
    '65 signers': ['malformed', () => signedData({ signers: Array.from({ length: 65 }, () => sequence()) })],
    'certificates of 120 KiB': ['valid', () => withBallast(120)],
    'certificates of 130 KiB': ['malformed', () => withBallast(130)],
    'attribute certificates and revocation lists beside': [
      'valid',
      () =>
        signedData({
          signers: [signerInfo({ owner, content: CONTENT })],
          certificates: [context(1, oid('1.2.3')), derOf(owner), context(1, sequence())],
        }),
    ],
    'no signer': ['no-signer', () => signedData({ signers: [], certificates: [derOf(owner)] })],
    'two signers': [
      'several-signers',
      () =>
        signedData({
          signers: [signerInfo({ owner, content: CONTENT }), signerInfo({ owner: other, content: CONTENT })],
          certificates: [derOf(owner), derOf(other)],
        }),
    ],
    'the same signer twice': [
      'several-signers',
      () => {
        const info = signerInfo({ owner, content: CONTENT })
        return signedData({ signers: [info, info], certificates: [derOf(owner)] })
      },
    ],
    'no certificate': ['no-certificate', () => signedData({ signers: [signerInfo({ owner, content: CONTENT })] })],
    "only another's certificate": [
      'no-certificate',
      () => signedData({ signers: [signerInfo({ owner, content: CONTENT })], certificates: [derOf(other)] }),
    ],
    "another's name on the signature": [
      'signature-wrong',
      () =>
        signedData({
          signers: [signerInfo({ owner, content: CONTENT, identifier: issuerAndSerial({ owner: other }) })],
          certificates: [derOf(other)],
        }),
    ],
    'no signed attributes': ['no-signed-attributes', () => detached({ attributes: undefined })],
    'empty signed attributes': ['malformed', () => detached({ attributes: [] })],
    'no messageDigest': ['malformed', () => withAttributes((attributes) => attributes.slice(0, 2))],
    'no contentType': ['malformed', () => withAttributes((attributes) => attributes.slice(1))],
    'two messageDigests, one of them right': [
      'malformed',
      () => withAttributes((attributes) => [...attributes, attribute(OID.messageDigest, octetString(Buffer.alloc(32)))]),
    ],
    'a messageDigest with two values': [
      'malformed',
      () =>
        replaced(
          2,
          attribute(OID.messageDigest, octetString(createHash('sha256').update(CONTENT).digest()), octetString(Buffer.alloc(32))),
        ),
    ],
    'a messageDigest with no value': ['malformed', () => replaced(2, attribute(OID.messageDigest))],
    'a messageDigest of another content': [
      'content-altered',
      () => replaced(2, attribute(OID.messageDigest, octetString(Buffer.alloc(32)))),
    ],
    'a messageDigest that is cut short': [
      'content-altered',
      () => replaced(2, attribute(OID.messageDigest, octetString(Buffer.alloc(0)))),
    ],
    'a contentType other than data': ['malformed', () => replaced(0, attribute(OID.contentType, oid(OID.signedData)))],
    'two signing times': ['malformed', () => replaced(1, attribute(OID.signingTime, time(new Date(0)), time(new Date(1e12))))],
    'a digest algorithm that we do not know': [
      'algorithm',
      () => detached({ digestAlgorithm: sequence(oid('1.2.840.113549.2.5')) }),
    ],
    'digest algorithms that disagree': ['algorithm', () => detached({ digestAlgorithm: SHA384 })],
    'a signature algorithm of another kind of key': [
      'algorithm',
      () => detached({ signatureAlgorithm: sequence(oid(OID.rsaEncryption)) }),
    ],
    'a signature algorithm with another digest': ['algorithm', () => detached({ signatureAlgorithm: SHA512_RSA })],
    'a signature algorithm that we do not know': [
      'algorithm',
      () => detached({ signatureAlgorithm: sequence(oid('1.3.101.112')) }),
    ],
    'parameters where none belong': [
      'algorithm',
      () => detached({ digestAlgorithm: sequence(oid(OID.sha256), octetString(CONTENT)) }),
    ],
    'an empty signature value': ['signature-wrong', () => detached({ signature: Buffer.alloc(0) })],
    'a huge signature value': ['signature-wrong', () => detached({ signature: Buffer.alloc(100_000, 0x30) })],
    'a signature over something else': ['signature-wrong', () => detached({ signature: Buffer.alloc(70, 1) })],
    'SignedData version 0': ['malformed', () => signedData({ signers: [signerInfo({ owner, content: CONTENT })], version: 0 })],
    'SignerInfo version 2': ['malformed', () => detached({ version: 2 })],
    'content within': [
      'malformed',
      () => signedData({ signers: [signerInfo({ owner, content: CONTENT })], certificates: [derOf(owner)], content: CONTENT }),
    ],
    'content of another type': [
      'malformed',
      () =>
        signedData({
          signers: [signerInfo({ owner, content: CONTENT })],
          certificates: [derOf(owner)],
          contentType: OID.signedData,
        }),
    ],
    'another kind of CMS': ['malformed', () => signedData({ signers: [], outerType: '1.2.840.113549.1.7.3' })],
    'elements after the signers': ['malformed', () => signedData({ signers: [], rest: [octetString(CONTENT)] })],
    'elements after the signature': ['malformed', () => detached({ rest: [octetString(CONTENT)] })],
    'bytes after it all': ['malformed', () => Buffer.concat([detached(), Buffer.of(0)])],
    'nothing at all': ['malformed', () => Buffer.alloc(0)],
    'ten thousand certificates': [
      'malformed',
      () =>
        signedData({
          signers: [signerInfo({ owner, content: CONTENT })],
          certificates: new Array<Buffer>(10_000).fill(sequence()),
        }),
    ],
    'two megabytes': ['malformed', () => Buffer.alloc(2_000_000, 0x30)],
    'nesting without end': ['malformed', () => Buffer.from('3080'.repeat(400_000), 'hex')],
  }
  for (const [what, [expected, make]] of Object.entries(cases)) {
    test(`${what}: ${expected}`, async () => assert.equal(await judge(make()), expected))
  }

  test('every truncation is malformed', async () => {
    const whole = detached()
    for (let length = 0; length < whole.length; length += 7)
      assert.equal(await judge(whole.subarray(0, length)), 'malformed', `${length} bytes`)
  })

  test('a key on a curve that we do not verify with is refused', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    const spki = publicKey.export({ format: 'der', type: 'spki' })
    const forged = derOf(owner)
    const own = new Uint8Array(forged).length
    // The certificate need not be signed for this: only its key is read.
    const start = forged.indexOf(Buffer.from('301306072a8648ce3d0201', 'hex')) - 2
    const swapped = Buffer.concat([forged.subarray(0, start), spki, forged.subarray(start + 91)])
    swapped.writeUInt16BE(own - 4 - (91 - spki.length), 2)
    swapped.writeUInt16BE(forged.readUInt16BE(6) - (91 - spki.length), 6)
    const signature = signedData({ signers: [signerInfo({ owner, content: CONTENT })], certificates: [swapped] })
    assert.equal(await judge(signature), 'algorithm')
  })

  test('says which certificate, also when the signature is wrong', async () => {
    const verdict = await verifyDetached(fromBuffer(Buffer.from('other')), detached())
    assert.ok(!verdict.valid && verdict.certificate?.equals(derOf(owner)))
  })

  test('enclosed content comes out only if the signature is valid', async () => {
    const parts = { signers: [signerInfo({ owner, content: CONTENT })], certificates: [derOf(owner)] }
    assert.ok((await verifyEnclosed(signedData({ ...parts, content: CONTENT }))).content?.equals(CONTENT))
    const altered = await verifyEnclosed(signedData({ ...parts, content: Buffer.from('other') }))
    assert.equal(outcome(altered.verdict), 'content-altered')
    assert.equal(altered.content, undefined)
    assert.equal(outcome((await verifyEnclosed(signedData(parts))).verdict), 'malformed')
  })

  test('a signature is told from others by what is signed, whatever is added to it', () => {
    const statement = statementOf(detached())
    assert.equal(statementOf(detached({ rest: [context(1, attribute('1.2.3', octetString(CONTENT)))] })), statement)
    assert.equal(statementOf(withBallast(1)), statement)
    assert.notEqual(statementOf(withAttributes((attributes) => attributes.toSpliced(1, 1))), statement)
    assert.notEqual(statementOf(Buffer.from('no signature')), statementOf(Buffer.alloc(0)))
  })

  test('a content that cannot be read is a failure, not a verdict', async () => {
    const broken = concatenate([CONTENT])
    const failing = {
      ...broken,
      size: 1,
      read: () => Promise.reject(new Error('disk')),
      chunks: () => {
        throw new Error('disk')
      },
    }
    await assert.rejects(verifyDetached(failing, detached()), /disk/)
  })
})
