/**
 * CMS signatures (RFC 5652) with SHA-256, detached or around what they sign. All that does not change from message to message is assembled once per Signer:
 * a signature costs one hash, one operation with the key, and copying.
 */
import { PecError } from '../errors.js'
import { digest, fromBuffer, type Source } from '../mail/source.js'
import { parseCertificate } from './certificate.js'
import { context, integer, nullValue, octetString, oid, sequence, setOf, time, tlv, TAG } from './der.js'
import { OID } from './oids.js'
import type { Signer } from './signer.js'

/** The constant parts of a SignedData around the signed attributes and the signature value. */
interface Template {
  readonly contentInfoType: Buffer
  /** version, digestAlgorithms. */
  readonly signedDataStart: Buffer
  readonly certificates: Buffer
  /** version, sid, digestAlgorithm. */
  readonly signerInfoStart: Buffer
  readonly signatureAlgorithm: Buffer
  readonly notBefore: Date
  readonly notAfter: Date
}

const templates = new WeakMap<Signer, Template>()

// RFC 5754 §2: SHA-2 algorithm identifiers are written without parameters.
const SHA256 = sequence(oid(OID.sha256))
const DETACHED = sequence(oid(OID.data))
const CONTENT_TYPE = attribute(OID.contentType, oid(OID.data))

/**
 * The DER of a CMS SignedData over `content`, not containing it: SHA-256, one signer, with the signed attributes contentType,
 * signingTime (`at`) and messageDigest. Rejects with PecError 'signer', temporary, if the certificate is not valid then or the key cannot
 * be used.
 */
export function signDetached(content: Source, signer: Signer, at: Date): Promise<Buffer> {
  return signAs(DETACHED, content, signer, at)
}

/** As `signDetached`, with the content in it, as the provider index is published. RFC 6109 §4.5 */
export function signEnclosed(content: Buffer, signer: Signer, at: Date): Promise<Buffer> {
  return signAs(sequence(oid(OID.data), context(0, octetString(content))), fromBuffer(content), signer, at)
}

async function signAs(encapsulated: Buffer, content: Source, signer: Signer, at: Date): Promise<Buffer> {
  const template = templateOf(signer)
  refuseOutOfTime(template, at)
  const attributes = Buffer.concat([
    // In this order they are the SET OF that DER wants: the first is the shortest, the last the longest.
    CONTENT_TYPE,
    attribute(OID.signingTime, time(at)),
    attribute(OID.messageDigest, octetString(await digest(content, 'sha256'))),
  ])
  // Signed as a SET, sent as [0] IMPLICIT. RFC 5652 §5.4
  const signature = await signer.sign(tlv(TAG.set, attributes))
  const signerInfo = sequence(
    template.signerInfoStart,
    context(0, attributes),
    template.signatureAlgorithm,
    octetString(signature),
  )
  const signedData = sequence(template.signedDataStart, encapsulated, template.certificates, tlv(TAG.set, signerInfo))
  return sequence(template.contentInfoType, context(0, signedData))
}

/** Nobody would take such a signature for ours, and it could not be undone. A new certificate is taken over while we run. */
function refuseOutOfTime({ notBefore, notAfter }: Template, at: Date): void {
  const fault =
    at > notAfter
      ? `our certificate expired at ${notAfter.toISOString()}: put the new one and its key in its place`
      : at < notBefore
        ? `our certificate is not valid before ${notBefore.toISOString()}`
        : undefined
  if (fault !== undefined) throw new PecError('signer', `nothing can be signed: ${fault}`, { temporary: true })
}

function templateOf(signer: Signer): Template {
  const known = templates.get(signer)
  if (known !== undefined) return known
  const { issuer, serialNumber, notBefore, notAfter } = parseCertificate(signer.certificate)
  const version = integer(1)
  const template: Template = {
    contentInfoType: oid(OID.signedData),
    signedDataStart: Buffer.concat([version, setOf(SHA256)]),
    certificates: context(0, ...[signer.certificate, ...signer.chain].toSorted((a, b) => Buffer.compare(a, b))),
    signerInfoStart: Buffer.concat([version, sequence(issuer.der, tlv(TAG.integer, serialNumber)), SHA256]),
    // RFC 3370 §3.2: rsaEncryption has a NULL. RFC 5758 §3.2: ecdsa-with-SHA256 has no parameters.
    signatureAlgorithm:
      signer.algorithm === 'rsa' ? sequence(oid(OID.rsaEncryption), nullValue()) : sequence(oid(OID.ecdsaWithSha256)),
    notBefore,
    notAfter,
  }
  templates.set(signer, template)
  return template
}

function attribute(type: string, value: Buffer): Buffer {
  return sequence(oid(type), setOf(value))
}
