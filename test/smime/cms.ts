/** SignedData put together by hand, right or with any one thing wrong. */
import { createHash, createPrivateKey, sign } from 'node:crypto'
import { parseCertificate } from '../../src/smime/certificate.js'
import {
  TAG,
  context,
  contextTag,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  tlv,
} from '../../src/smime/der.js'
import type { KeyAndCertificate } from '../../src/smime/issue.js'
import { OID } from '../../src/smime/oids.js'
import { derOf } from './fixtures.js'
import { fromBuffer } from '../../src/mail/source.js'
import { verifyDetached, type SignatureFault, type SignatureVerdict } from '../../src/smime/verify.js'

export function attribute(type: string, ...values: readonly Buffer[]): Buffer {
  return sequence(oid(type), setOf(...values))
}

export function rightAttributes(content: Buffer): Buffer[] {
  return [
    attribute(OID.contentType, oid(OID.data)),
    attribute(OID.signingTime, time(new Date('2026-01-02T03:04:05Z'))),
    attribute(OID.messageDigest, octetString(createHash('sha256').update(content).digest())),
  ]
}

export interface SignerParts {
  /** A P-256 owner. */
  readonly owner: KeyAndCertificate
  readonly content: Buffer
  readonly version?: number
  readonly identifier?: Buffer
  readonly digestAlgorithm?: Buffer
  /** undefined leaves them out, and signs the content. */
  readonly attributes?: readonly Buffer[] | undefined
  readonly signatureAlgorithm?: Buffer
  readonly signature?: Buffer
  /** What follows the signature value. */
  readonly rest?: readonly Buffer[]
}

export function issuerAndSerial({ owner }: Pick<SignerParts, 'owner'>): Buffer {
  const { issuer, serialNumber } = parseCertificate(derOf(owner))
  return sequence(issuer.der, tlv(TAG.integer, serialNumber))
}

export function keyIdentifier({ owner }: Pick<SignerParts, 'owner'>): Buffer {
  return tlv(contextTag(0, 'primitive'), parseCertificate(derOf(owner)).subjectKeyIdentifier ?? Buffer.alloc(0))
}

export function signerInfo(parts: SignerParts): Buffer {
  const attributes = 'attributes' in parts ? parts.attributes : rightAttributes(parts.content)
  const signed = attributes === undefined ? parts.content : tlv(TAG.set, ...attributes)
  return sequence(
    integer(parts.version ?? 1),
    parts.identifier ?? issuerAndSerial(parts),
    parts.digestAlgorithm ?? sequence(oid(OID.sha256)),
    ...(attributes === undefined ? [] : [context(0, ...attributes)]),
    parts.signatureAlgorithm ?? sequence(oid(OID.ecdsaWithSha256)),
    octetString(parts.signature ?? sign('sha256', signed, createPrivateKey(parts.owner.key))),
    ...(parts.rest ?? []),
  )
}

export interface SignedDataParts {
  readonly signers: readonly Buffer[]
  readonly certificates?: readonly Buffer[]
  readonly version?: number
  readonly outerType?: string
  readonly contentType?: string
  readonly content?: Buffer
  /** What follows the signers. */
  readonly rest?: readonly Buffer[]
}

export function signedData(parts: SignedDataParts): Buffer {
  return sequence(
    oid(parts.outerType ?? OID.signedData),
    context(
      0,
      sequence(
        integer(parts.version ?? 1),
        setOf(sequence(oid(OID.sha256), nullValue())),
        sequence(
          oid(parts.contentType ?? OID.data),
          ...(parts.content === undefined ? [] : [context(0, octetString(parts.content))]),
        ),
        ...(parts.certificates === undefined ? [] : [context(0, ...parts.certificates)]),
        setOf(...parts.signers),
        ...(parts.rest ?? []),
      ),
    ),
  )
}

/** What is signed where nothing else is said. */
export const CONTENT = Buffer.from('Content-Type: text/plain\r\n\r\nBuongiorno\r\n')

export const outcome = (verdict: SignatureVerdict): SignatureFault | 'valid' => (verdict.valid ? 'valid' : verdict.fault)
export const judge = async (signature: Buffer, content: Buffer = CONTENT) =>
  outcome(await verifyDetached(fromBuffer(content), signature))
