import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { concatenate, fromBuffer } from '../../src/mail/source.js'
import { context, elements, octetString, oid, sequence, time } from '../../src/smime/der.js'
import { issueAuthority, type KeyAndCertificate } from '../../src/smime/issue.js'
import { OID } from '../../src/smime/oids.js'
import { signDetached } from '../../src/smime/sign.js'
import { verifyDetached, verifyEnclosed, type SignatureFault, type SignatureVerdict } from '../../src/smime/verify.js'
import { attribute, issuerAndSerial, keyIdentifier, rightAttributes, signedData, signerInfo, type SignerParts } from './cms.js'
import { SHARED, derOf, hasShared, makeProvider, openssl, run, signerOf, temporaryDirectory, writeFiles } from './fixtures.js'

const CONTENT = Buffer.from('Content-Type: text/plain\r\n\r\nBuongiorno\r\n')
const SHA384 = sequence(oid(OID.sha384))
const SHA512_RSA = sequence(oid(OID.sha512WithRsa))

const outcome = (verdict: SignatureVerdict): SignatureFault | 'valid' => (verdict.valid ? 'valid' : verdict.fault)
const judge = async (signature: Buffer, content: Buffer = CONTENT) =>
  outcome(await verifyDetached(fromBuffer(content), signature))

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

describe('one byte changed', () => {
  let signature: Buffer
  const numRuns = 300

  before(async () => {
    signature = await signDetached(
      fromBuffer(CONTENT),
      signerOf((await makeProvider({ keyKind: 'rsa-2048' })).provider),
      new Date(),
    )
  })

  const change = fc.record({ place: fc.double({ min: 0, max: 0.999999, noNaN: true }), by: fc.integer({ min: 1, max: 255 }) })
  const applied = (bytes: Buffer, { place, by }: { place: number; by: number }) => {
    const copy = Buffer.from(bytes)
    const at = Math.floor(place * copy.length)
    copy.writeUInt8((copy.readUInt8(at) + by) % 256, at)
    return copy
  }

  test('in the content is never valid', async () => {
    await fc.assert(
      fc.asyncProperty(change, async (where) => assert.equal(await judge(signature, applied(CONTENT, where)), 'content-altered')),
      { numRuns },
    )
  })

  test('in the signature never throws, and never makes another content valid', async () => {
    const otherContent = Buffer.from('other')
    await fc.assert(
      fc.asyncProperty(change, async (where) => {
        const altered = applied(signature, where)
        await judge(altered)
        assert.notEqual(await judge(altered, otherContent), 'valid')
      }),
      { numRuns },
    )
  })

  test('in the signed attributes or the signature value is never valid', async () => {
    const start = signature.lastIndexOf(oid(OID.contentType)) - 2
    await fc.assert(
      fc.asyncProperty(change, async (where) => {
        const altered = Buffer.concat([signature.subarray(0, start), applied(signature.subarray(start), where)])
        assert.notEqual(await judge(altered), 'valid')
      }),
      { numRuns },
    )
  })

  test('any bytes at all are judged without a throw', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) =>
        assert.notEqual(await judge(Buffer.from(bytes)), 'valid'),
      ),
    )
  })
})

describe('signatures made by openssl', () => {
  let directory: string
  let signed: (...options: readonly string[]) => Promise<Buffer>

  before(async () => {
    directory = await temporaryDirectory()
    const { authority, provider } = await makeProvider({ keyKind: 'rsa-2048' })
    const ec = await makeProvider()
    await writeFiles(directory, {
      content: CONTENT,
      'ca.pem': authority.certificate,
      'rsa.pem': provider.certificate,
      'rsa.key': provider.key,
    })
    await writeFiles(directory, { 'ec.pem': ec.provider.certificate, 'ec.key': ec.provider.key })
    signed = async (...options) => {
      const [content = '', chain = '', out = ''] = ['content', 'ca.pem', 'out.p7s'].map((name) => join(directory, name))
      const paths = options.map((option) => (/\.(pem|key)$/.test(option) ? join(directory, option) : option))
      await openssl('cms', '-sign', '-binary', '-in', content, '-certfile', chain, '-outform', 'DER', '-out', out, ...paths)
      return readFile(out)
    }
  })

  const RSA = ['-signer', 'rsa.pem', '-inkey', 'rsa.key']
  const EC = ['-signer', 'ec.pem', '-inkey', 'ec.key']
  const cases: Readonly<Record<string, readonly [SignatureFault | 'valid', readonly string[]]>> = {
    RSA: ['valid', RSA],
    'RSA, SHA-1': ['valid', [...RSA, '-md', 'sha1']],
    'RSA, SHA-384': ['valid', [...RSA, '-md', 'sha384']],
    'RSA, SHA-512': ['valid', [...RSA, '-md', 'sha512']],
    'RSA, MD5': ['algorithm', [...RSA, '-md', 'md5']],
    'RSA-PSS': ['valid', [...RSA, '-keyopt', 'rsa_padding_mode:pss']],
    'RSA-PSS, SHA-512': ['valid', [...RSA, '-keyopt', 'rsa_padding_mode:pss', '-md', 'sha512']],
    ECDSA: ['valid', EC],
    'ECDSA, SHA-512': ['valid', [...EC, '-md', 'sha512']],
    'a signer named by key identifier': ['valid', [...RSA, '-keyid']],
    'two signers': ['several-signers', [...RSA, ...EC]],
    'no signed attributes': ['no-signed-attributes', [...RSA, '-noattr']],
    'no certificate': ['no-certificate', [...RSA, '-nocerts']],
    'content within': ['malformed', [...RSA, '-nodetach']],
    'content within, in pieces': ['malformed', [...RSA, '-nodetach', '-stream']],
  }
  for (const [what, [expected, options]] of Object.entries(cases)) {
    test(`${what}: ${expected}`, async () => assert.equal(await judge(await signed(...options)), expected))
  }

  test('content within, in pieces, comes out whole', async () => {
    const { content } = await verifyEnclosed(await signed(...RSA, '-nodetach', '-stream'))
    assert.ok(content?.equals(CONTENT))
  })

  for (const depth of [1, 3, 20]) {
    test(`indefinite lengths, ${depth} deep: valid over the content and nothing else`, async () => {
      const signature = indefinite(await signed(...RSA), depth)
      assert.equal(signature[1], 0x80)
      assert.equal(await judge(signature), 'valid')
      assert.equal(await judge(signature, Buffer.from('other')), 'content-altered')
      assert.equal(await judge(signature.subarray(0, -2)), 'malformed')
    })
  }

  test('a certificate that came with indefinite lengths comes out in DER', async () => {
    const verdict = await verifyDetached(fromBuffer(CONTENT), indefinite(await signed(...EC), 20))
    const plain = await verifyDetached(fromBuffer(CONTENT), await signed(...EC))
    assert.ok(verdict.valid && plain.valid && verdict.certificate.equals(plain.certificate))
  })
})

describe('messages of providers in service', { skip: !hasShared }, () => {
  for (const [file, expected] of [
    ['aruba-accettazione', 'valid'],
    ['sogei-busta-trasporto', 'valid'],
    ['sogei-busta-altered', 'content-altered'],
  ] as const) {
    test(`${file}: ${expected}`, async () => {
      const { content, signature } = takeApart(await readFile(join(SHARED, 'samples', `${file}.eml`)))
      assert.equal(await judge(signature, content), expected)
    })
  }
})

describe('messages of another implementation, with faults', { skip: !hasShared }, () => {
  let directory: string
  const peer = (...args: readonly string[]) => run('python3', join(SHARED, 'conformance/peer.py'), ...args)

  before(async () => {
    directory = await temporaryDirectory()
    await peer('ca', join(directory, 'ca'))
    await peer('provider', join(directory, 'b'), '--ca', join(directory, 'ca'), '--name', 'B', '--domain', 'b.test')
  })

  for (const [fault, expected] of [
    ['', 'valid'],
    ['sha1', 'valid'],
    ['expired', 'valid'],
    ['body-altered', 'content-altered'],
    ['content-swapped', 'content-altered'],
    ['no-certificate', 'no-certificate'],
    ['two-signers', 'several-signers'],
  ] as const) {
    test(`${fault === '' ? 'no fault' : fault}: ${expected}`, async () => {
      const faultOption = fault === '' ? [] : ['--fault', fault]
      const made = await peer('envelope', '--as', join(directory, 'b'), '--from', 'u@b.test', '--to', 'm@a.test', ...faultOption)
      assert.ok(made.ok, made.output)
      const { content, signature } = takeApart(Buffer.from(made.output, 'latin1'))
      assert.equal(await judge(signature, content), expected)
    })
  }
})

/** DER with indefinite lengths in its place, down to this depth. */
function indefinite(der: Buffer, depth: number): Buffer {
  return Buffer.concat(
    elements(der).map(({ tag, content, bytes }) =>
      depth === 0 || (tag & 0x20) === 0
        ? bytes
        : Buffer.concat([Buffer.of(tag, 0x80), indefinite(content, depth - 1), Buffer.of(0, 0)]),
    ),
  )
}

/** The signed part and the signature of a well-formed multipart/signed, found the simple way. */
function takeApart(message: Buffer): { readonly content: Buffer; readonly signature: Buffer } {
  const text = message.toString('latin1').replace(/\r?\n/g, '\r\n')
  const boundary = /boundary="([^"]*)"/.exec(text)?.[1] ?? ''
  const [, first = '', second = ''] = text.split(`--${boundary}`)
  return {
    content: Buffer.from(first.slice(2, -2), 'latin1'),
    signature: Buffer.from(second.slice(second.indexOf('\r\n\r\n') + 4), 'base64'),
  }
}
