import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { fromBuffer } from '../../src/mail/source.js'
import { elements, oid } from '../../src/smime/der.js'
import { OID } from '../../src/smime/oids.js'
import { signDetached } from '../../src/smime/sign.js'
import { verifyDetached, verifyEnclosed, type SignatureFault } from '../../src/smime/verify.js'
import { SHARED, hasShared, makeProvider, openssl, run, signerOf, temporaryDirectory, writeFiles } from './fixtures.js'
import { CONTENT, judge } from './cms.js'

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
