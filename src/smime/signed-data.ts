/** CMS SignedData taken apart: shapes only, nothing is verified here. RFC 5652 §5 */
import { isPecError } from '../errors.js'
import { readDigestAlgorithm, readSignatureAlgorithm, type DigestName, type SignatureScheme } from './algorithm.js'
import { berToDer } from './ber.js'
import {
  TAG,
  DerReader,
  contextTag,
  elements,
  malformed,
  onlyElement,
  readInteger,
  readOid,
  readSmallInteger,
  readTime,
  tlv,
} from './der.js'
import { OID } from './oids.js'

export interface SignedData {
  /** The eContent, if the signature is not detached. */
  readonly content: Buffer | undefined
  /** DER. */
  readonly certificates: readonly Buffer[]
  readonly signerCount: number
  /** The one signer; undefined if there is none, or more than one. */
  readonly signer: SignerInfo | undefined
}

export interface SignerInfo {
  readonly signer:
    | { readonly by: 'issuer-and-serial'; readonly issuer: Buffer; readonly serialNumber: Buffer }
    | { readonly by: 'key-identifier'; readonly keyIdentifier: Buffer }
  /** undefined: an algorithm that we do not know. */
  readonly digest: DigestName | undefined
  readonly attributes: SignedAttributes | undefined
  /** undefined: an algorithm that we do not know. */
  readonly scheme: SignatureScheme | undefined
  readonly signature: Buffer
}

export interface SignedAttributes {
  /** What the signature is over: the attributes as received, tagged as a SET. RFC 5652 §5.4 */
  readonly signed: Buffer
  /** The contents of the SET of values of each, by its type. */
  readonly values: ReadonlyMap<string, Buffer>
  readonly messageDigest: Buffer
  readonly signingTime: Date | undefined
}

// Of digest algorithms, of certificates of every kind, of signers, of attributes.
const MAX_ELEMENTS = 64
const MAX_CERTIFICATES = 32
// Those met add up to 7 KB. Certificates that nobody has seen are parsed one after the other, while everyone else waits.
const MAX_CERTIFICATE_BYTES = 128 * 1024

/** Reads a ContentInfo with a SignedData over content of a type, from DER or BER. Throws PecError 'malformed'. */
export function readSignedData(bytes: Buffer, type: string = OID.data): SignedData {
  try {
    return readDer(bytes, type)
  } catch (error) {
    if (!isPecError(error)) throw error
    return readDer(berToDer(bytes), type)
  }
}

function readDer(bytes: Buffer, type: string): SignedData {
  const contentInfo = new DerReader(onlyElement(bytes, TAG.sequence).content)
  if (readOid(contentInfo.next(TAG.oid)) !== OID.signedData) throw malformed('a content that is not a SignedData')
  const wrapped = contentInfo.next(contextTag(0, 'constructed'))
  contentInfo.end()

  const reader = new DerReader(onlyElement(wrapped, TAG.sequence).content)
  const version = readSmallInteger(reader.next(TAG.integer))
  if (version < 1 || version > 5) throw malformed(`SignedData version ${version}`)
  for (const algorithm of elements(reader.next(TAG.set), MAX_ELEMENTS)) readDigestAlgorithm(algorithm.bytes)
  const content = readEncapsulated(reader.next(TAG.sequence), type)
  const certificates = readCertificates(reader.optional(contextTag(0, 'constructed')))
  reader.optional(contextTag(1, 'constructed'))
  const signerInfos = elements(reader.next(TAG.set), MAX_ELEMENTS)
  reader.end()
  const [only] = signerInfos.length === 1 ? signerInfos : []
  return { content, certificates, signerCount: signerInfos.length, signer: only && readSignerInfo(only.bytes, type) }
}

function readEncapsulated(encapsulated: Buffer, type: string): Buffer | undefined {
  const reader = new DerReader(encapsulated)
  if (readOid(reader.next(TAG.oid)) !== type) throw malformed(`signed content that is not of type ${type}`)
  const content = reader.optional(contextTag(0, 'constructed'))
  reader.end()
  return content === undefined ? undefined : onlyElement(content, TAG.octetString).content
}

/** Attribute certificates and the obsolete kinds have tags of their own, and are passed over. */
function readCertificates(set: Buffer | undefined): Buffer[] {
  const found = elements(set ?? Buffer.alloc(0), MAX_ELEMENTS).filter(({ tag }) => tag === TAG.sequence)
  const size = found.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (found.length > MAX_CERTIFICATES || size > MAX_CERTIFICATE_BYTES)
    throw malformed(`${found.length} certificates, ${size} bytes`)
  return found.map(({ bytes }) => bytes)
}

function readSignerInfo(signerInfo: Buffer, type: string): SignerInfo {
  const reader = new DerReader(onlyElement(signerInfo, TAG.sequence).content)
  const version = readSmallInteger(reader.next(TAG.integer))
  if (version !== 1 && version !== 3) throw malformed(`SignerInfo version ${version}`)
  const keyIdentifier = reader.optional(contextTag(0, 'primitive'))
  const signer =
    keyIdentifier === undefined
      ? readIssuerAndSerial(reader.next(TAG.sequence))
      : { by: 'key-identifier' as const, keyIdentifier }
  const digest = readDigestAlgorithm(reader.element(TAG.sequence).bytes)
  const attributes = reader.optional(contextTag(0, 'constructed'))
  const scheme = readSignatureAlgorithm(reader.element(TAG.sequence).bytes)
  const signature = reader.next(TAG.octetString)
  reader.optional(contextTag(1, 'constructed'))
  reader.end()
  const signed = attributes === undefined ? undefined : readAttributes(attributes, type)
  return { signer, digest, attributes: signed, scheme, signature }
}

function readIssuerAndSerial(content: Buffer): SignerInfo['signer'] {
  const reader = new DerReader(content)
  const issuer = reader.element(TAG.sequence).bytes
  const serialNumber = readInteger(reader.next(TAG.integer))
  reader.end()
  return { by: 'issuer-and-serial', issuer, serialNumber }
}

/** An attribute that stands twice, or with two values, would let a message mean two things. RFC 5652 §11 */
function readAttributes(content: Buffer, type: string): SignedAttributes {
  const values = new Map<string, Buffer>()
  for (const { bytes } of elements(content, MAX_ELEMENTS)) {
    const reader = new DerReader(onlyElement(bytes, TAG.sequence).content)
    const type = readOid(reader.next(TAG.oid))
    if (values.has(type)) throw malformed(`signed attribute ${type} twice`)
    values.set(type, reader.next(TAG.set))
    reader.end()
  }
  const contentType = values.get(OID.contentType)
  const messageDigest = values.get(OID.messageDigest)
  const signingTime = values.get(OID.signingTime)
  if (contentType === undefined || messageDigest === undefined)
    throw malformed('signed attributes without contentType or messageDigest')
  if (readOid(onlyElement(contentType, TAG.oid).content) !== type) throw malformed(`a signed contentType that is not ${type}`)
  return {
    signed: tlv(TAG.set, content),
    values,
    messageDigest: onlyElement(messageDigest, TAG.octetString).content,
    signingTime: signingTime === undefined ? undefined : readSigningTime(signingTime),
  }
}

function readSigningTime(values: Buffer): Date {
  const [value, ...others] = elements(values)
  if (value === undefined || others.length > 0) throw malformed('a signing time that is not one')
  return readTime(value)
}
