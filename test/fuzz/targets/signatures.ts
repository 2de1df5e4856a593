/** CMS signatures: whatever is done to one, it never holds for other bytes, another signer or another time than it was made for. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { fromBuffer } from '../../../src/mail/source.js'
import { parseCertificate } from '../../../src/smime/certificate.js'
import { berToDer } from '../../../src/smime/ber.js'
import { sequence } from '../../../src/smime/der.js'
import { issueProviderCertificate } from '../../../src/smime/issue.js'
import { signDetached } from '../../../src/smime/sign.js'
import { verifyDetached, verifyEnclosed, type SignatureVerdict } from '../../../src/smime/verify.js'
import { keyIdentifier, signedData, signerInfo } from '../../smime/cms.js'
import { derOf, signerOf } from '../../smime/fixtures.js'
import { AT, provider } from '../provider.js'
import { unlessRefused, type Target } from '../target.js'

const CONTENT = Buffer.from('Content-Type: text/plain\r\n\r\ncontenuto firmato\r\n')
const OTHER = Buffer.concat([CONTENT, Buffer.from('.')])
/** Of the signatures put together by hand. */
const BY_HAND = new Date('2026-01-02T03:04:05Z')

export async function signatureTarget(): Promise<Target> {
  const { owner, authority, issuer } = await provider()
  const rsa = await issueProviderCertificate({
    authority,
    providerName: 'Altro',
    address: 'posta-certificata@altro.test',
    keyKind: 'rsa-2048',
    from: AT,
  })
  const certificates = [derOf(owner)]
  const info = signerInfo({ owner, content: CONTENT })
  const chain = new Array<Buffer>(32).fill(derOf(authority))
  const corpus = [
    await signDetached(fromBuffer(CONTENT), issuer.signer, AT),
    await signDetached(fromBuffer(CONTENT), signerOf(rsa, authority), AT),
    signedData({ signers: [info], certificates }),
    signedData({ signers: [info], certificates, content: CONTENT }),
    signedData({
      signers: [signerInfo({ owner, content: CONTENT, version: 3, identifier: keyIdentifier({ owner }) })],
      certificates,
    }),
    signedData({ signers: [info, info], certificates }),
    signedData({ signers: [], certificates }),
    signedData({ signers: [info] }),
    signedData({ signers: [signerInfo({ owner, content: CONTENT, attributes: undefined })], certificates }),
    signedData({ signers: [signerInfo({ owner, content: OTHER })], certificates }),
    signedData({ signers: [signerInfo({ owner, content: OTHER })], certificates, content: CONTENT }),
    signedData({ signers: [info], certificates: [...certificates, ...chain] }),
    signedData({ signers: new Array<Buffer>(100).fill(info), certificates }),
    inPieces(signedData({ signers: [info], certificates, content: CONTENT })),
    sequence(),
  ]
  const keys = [owner, rsa].map((holder) => parseCertificate(derOf(holder)).publicKey)
  return { name: 'signature', corpus, format: 'der', cases: 1500, run: (input) => run(input, keys) }
}

/** BER: the outermost element of indefinite length. */
function inPieces(der: Buffer): Buffer {
  const header = 2 + ((der[1] ?? 0) & 0x80 ? (der[1] ?? 0) & 0x7f : 0)
  return Buffer.concat([Buffer.of(0x30, 0x80), der.subarray(header), Buffer.of(0, 0)])
}

async function run(input: Buffer, keys: readonly Buffer[]): Promise<void> {
  assertGenuine(await verifyDetached(fromBuffer(CONTENT), input), keys)
  const forOther = await verifyDetached(fromBuffer(OTHER), input)
  if (forOther.valid) assert.ok(isOfOther(input))
  const { verdict, content } = await verifyEnclosed(input)
  assertGenuine(verdict, keys)
  assert.equal(content !== undefined, verdict.valid)
  if (content !== undefined && hasOwnKey(verdict, keys)) assert.ok(content.equals(CONTENT))
  const der = await unlessRefused(() => berToDer(input))
  if (der !== undefined) assert.ok(berToDer(der.value).equals(der.value))
}

/** Two members of the corpus hold a signature over the other content. */
function isOfOther(input: Buffer): boolean {
  return input.includes(createHash('sha256').update(OTHER).digest())
}

/** With a key of ours: with another key anybody signs anything, and it is for the index to know him. */
function assertGenuine(verdict: SignatureVerdict, keys: readonly Buffer[]): void {
  if (!verdict.valid || !hasOwnKey(verdict, keys)) return
  assert.equal(verdict.digest, 'sha256')
  assert.ok(verdict.signingTime?.getTime() === AT.getTime() || verdict.signingTime?.getTime() === BY_HAND.getTime())
}

function hasOwnKey(verdict: SignatureVerdict, keys: readonly Buffer[]): boolean {
  if (!verdict.valid) return false
  const { publicKey } = parseCertificate(verdict.certificate)
  return keys.some((key) => key.equals(publicKey))
}
