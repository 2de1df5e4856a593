/**
 * The Online Certificate Status Protocol: what a responder is asked about a certificate, and whether its answer holds. An answer counts
 * if the certificate's issuer signed it, or somebody whom that issuer has certified for just this. RFC 6960
 */
import * as asn1js from 'asn1js'
import { createHash } from 'node:crypto'
import * as pkijs from 'pkijs'
import { readSignatureAlgorithm } from './algorithm.js'
import type { SignedPart } from './certificate.js'
import { TAG, contextTag, DerReader, elements, malformed, octetString, onlyElement, readBitString } from './der.js'
import { knownCertificate, type KnownCertificate } from './known-certificates.js'
import { isNamed } from './name.js'
import { OID } from './oids.js'
import { couldHaveIssued, isSignedBy, isWithinValidity } from './path.js'
import type { RevocationEntry } from './revocation-list.js'

export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown'
  /** Undefined unless it is revoked. */
  readonly revoked: RevocationEntry | undefined
  readonly thisUpdate: Date
  /** Undefined: the responder always knows better. */
  readonly nextUpdate: Date | undefined
  /** Who signed it, if not the issuer itself. */
  readonly delegate: KnownCertificate | undefined
}

/** The certificate that is asked about, and the one that issued it. */
export interface Questioned {
  readonly subject: KnownCertificate
  readonly issuer: KnownCertificate
}

/** Milliseconds that the clocks of responders may be ahead of ours. */
const SKEW_MS = 300_000
/** An answer without nextUpdate is as of its thisUpdate, which must not lie further back. */
const UNLIMITED_MS = 86_400_000
const MAX_CERTIFICATES = 8
const STATUS_NAMES = ['successful', 'malformedRequest', 'internalError', 'tryLater', '', 'sigRequired', 'unauthorized']

/** The request, DER, with this nonce. */
export function writeOcspRequest(questioned: Questioned, nonce: Buffer): Buffer {
  const extension = new pkijs.Extension({ extnID: OID.ocspNonce, extnValue: nonceValue(nonce) })
  const tbsRequest = new pkijs.TBSRequest({
    requestList: [new pkijs.Request({ reqCert: certIdOf(questioned) })],
    requestExtensions: [extension],
  })
  return Buffer.from(new pkijs.OCSPRequest({ tbsRequest }).toSchema(true).toBER())
}

/** RFC 8954 §2.1 */
function nonceValue(nonce: Buffer): ArrayBuffer {
  return new Uint8Array(octetString(nonce)).buffer
}

/** With SHA-1, which every responder knows: it finds a certificate and proves nothing. RFC 5019 §2.1.1 */
function certIdOf({ subject, issuer }: Questioned): pkijs.CertID {
  const { nameHash, keyHash } = hashesOf(issuer)
  return new pkijs.CertID({
    hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: OID.sha1, algorithmParams: new asn1js.Null() }),
    issuerNameHash: new asn1js.OctetString({ valueHex: nameHash }),
    issuerKeyHash: new asn1js.OctetString({ valueHex: keyHash }),
    serialNumber: new asn1js.Integer({ valueHex: subject.certificate.serialNumber }),
  })
}

function hashesOf({ certificate }: KnownCertificate): { readonly nameHash: Buffer; readonly keyHash: Buffer } {
  const sha1 = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest()
  return { nameHash: sha1(certificate.subject.der), keyHash: sha1(keyBitsOf(certificate.publicKey)) }
}

function keyBitsOf(publicKey: Buffer): Buffer {
  const reader = new DerReader(onlyElement(publicKey, TAG.sequence).content)
  reader.element(TAG.sequence)
  return readBitString(reader.next(TAG.bitString)).bits
}

/**
 * What a response, DER, says of the certificate; `nonce` is that of the request, undefined for an answer that was kept. Rejects with an
 * Error that says why it does not hold.
 */
export async function readOcspResponse(
  response: Buffer,
  questioned: Questioned,
  nonce: Buffer | undefined,
  now: Date,
): Promise<OcspAnswer> {
  const { signature, certificates } = readBasicResponse(response)
  const signer = await signerOf(signature, certificates, questioned.issuer, now)
  // Only what is signed by somebody certified for it is read by pkijs.
  const data = reading(() => pkijs.ResponseData.fromBER(signature.signed))
  if (!isResponder(data.responderID, signer)) throw new Error('it is signed by another one than its responder')
  refuseCritical(data.responseExtensions)
  if (nonce !== undefined) checkNonce(data, nonce)
  const single = data.responses.find(({ certID }) => isAbout(certID, questioned))
  if (single === undefined) throw new Error('it is about another certificate')
  refuseCritical(single.singleExtensions)
  const { thisUpdate, nextUpdate } = single
  if (thisUpdate.getTime() > now.getTime() + SKEW_MS) throw new Error(`it is from the future, ${thisUpdate.toISOString()}`)
  const end = nextUpdate ?? new Date(thisUpdate.getTime() + UNLIMITED_MS)
  if (end < now) throw new Error(`it is out of date since ${end.toISOString()}`)
  const delegate = signer.hash === questioned.issuer.hash ? undefined : signer
  return { thisUpdate, nextUpdate, delegate, ...statusOf(single) }
}

/** A BasicOCSPResponse taken apart; the certificates are DER. RFC 6960 §4.2.1 */
function readBasicResponse(response: Buffer): { readonly signature: SignedPart; readonly certificates: readonly Buffer[] } {
  const { responseStatus, responseBytes } = reading(() => pkijs.OCSPResponse.fromBER(response))
  const status = responseStatus.valueBlock.valueDec
  if (status !== 0) throw new Error(`the responder refused: ${STATUS_NAMES[status] ?? `status ${status}`}`)
  if (responseBytes?.responseType !== OID.ocspBasic) throw new Error('it is no basic response')
  const basic = Buffer.from(responseBytes.response.valueBlock.valueHexView)
  return reading(() => {
    const outer = new DerReader(onlyElement(basic, TAG.sequence).content)
    const signed = outer.element(TAG.sequence).bytes
    const algorithm = outer.element(TAG.sequence).bytes
    const { bits, unused } = readBitString(outer.next(TAG.bitString))
    const included = outer.optional(contextTag(0, 'constructed'))
    outer.end()
    if (unused !== 0) throw malformed('a signature of a broken number of octets')
    const list = included === undefined ? [] : elements(onlyElement(included, TAG.sequence).content, MAX_CERTIFICATES)
    return {
      signature: { signed, algorithm, scheme: readSignatureAlgorithm(algorithm), value: bits },
      certificates: list.map(({ bytes }) => bytes),
    }
  })
}

function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Error('it cannot be read', { cause })
  }
}

/** A critical extension may change what an answer means. */
function refuseCritical(extensions: readonly pkijs.Extension[] = []): void {
  const strange = extensions.find(({ critical, extnID }) => critical && extnID !== OID.ocspNonce)
  if (strange !== undefined) throw new Error(`it has the critical extension ${strange.extnID}`)
}

/** Responders that sign beforehand give none. RFC 5019 §4 */
function checkNonce({ responseExtensions = [] }: pkijs.ResponseData, nonce: Buffer): void {
  const given = responseExtensions.find(({ extnID }) => extnID === OID.ocspNonce)
  if (given !== undefined && !octetString(nonce).equals(given.extnValue.valueBlock.valueHexView))
    throw new Error('it answers another request')
}

/** The issuer, or whom it has certified to answer in its place. RFC 6960 §4.2.2.2 */
async function signerOf(
  signature: SignedPart,
  certificates: readonly Buffer[],
  issuer: KnownCertificate,
  now: Date,
): Promise<KnownCertificate> {
  if (await isSignedBy(signature, issuer)) return issuer
  let reason = 'it is not signed, or not safely, by the issuer or by somebody whose certificate is in it'
  for (const candidate of certificates.flatMap((der) => knownCertificate(der) ?? [])) {
    if (!(await isSignedBy(signature, candidate))) continue
    const fault = await delegationFault(candidate, issuer, now)
    if (fault === undefined) return candidate
    reason = fault
  }
  throw new Error(reason)
}

/** By name or by key. */
function isResponder(responder: unknown, candidate: KnownCertificate): boolean {
  if (responder instanceof asn1js.OctetString) return hashesOf(candidate).keyHash.equals(responder.valueBlock.valueHexView)
  if (!(responder instanceof pkijs.RelativeDistinguishedNames)) return false
  return isNamed(candidate.certificate.subject, Buffer.from(responder.toSchema().toBER()))
}

async function delegationFault(
  { certificate }: KnownCertificate,
  issuer: KnownCertificate,
  now: Date,
): Promise<string | undefined> {
  if (!couldHaveIssued(issuer.certificate, certificate) || !(await isSignedBy(certificate.signature, issuer)))
    return 'its responder was not certified by the issuer'
  if (certificate.extendedKeyUsage?.has(OID.ocspSigning) !== true) return 'its responder is not certified for OCSP'
  if (certificate.keyUsage?.has('digitalSignature') === false) return 'its responder may not sign by its keyUsage'
  return isWithinValidity(certificate, now) ? undefined : 'the certificate of its responder is outside its validity'
}

function isAbout({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: pkijs.CertID, questioned: Questioned): boolean {
  const { nameHash, keyHash } = hashesOf(questioned.issuer)
  return (
    hashAlgorithm.algorithmId === OID.sha1 &&
    nameHash.equals(issuerNameHash.valueBlock.valueHexView) &&
    keyHash.equals(issuerKeyHash.valueBlock.valueHexView) &&
    questioned.subject.certificate.serialNumber.equals(serialNumber.valueBlock.valueHexView)
  )
}

/** CertStatus is a choice by its tag. RFC 6960 §4.2.1 */
function statusOf({ certStatus }: pkijs.SingleResponse): Pick<OcspAnswer, 'status' | 'revoked'> {
  const choice: unknown = certStatus
  const tag = choice instanceof asn1js.BaseBlock ? choice.idBlock.tagNumber : -1
  if (tag === 0) return { status: 'good', revoked: undefined }
  if (tag !== 1 || !(choice instanceof asn1js.Constructed)) return { status: 'unknown', revoked: undefined }
  const [at, given] = choice.valueBlock.value
  if (!(at instanceof asn1js.GeneralizedTime)) throw new Error('it does not say since when the certificate is revoked')
  return { status: 'revoked', revoked: { at: at.toDate(), reason: reasonOf(given) } }
}

/** [0] EXPLICIT CRLReason, where it is given. */
function reasonOf(given: asn1js.BaseBlock | undefined): number | undefined {
  const [reason] = given instanceof asn1js.Constructed ? given.valueBlock.value : []
  return reason instanceof asn1js.Enumerated ? reason.valueBlock.valueDec : undefined
}
