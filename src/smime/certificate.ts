/** X.509 certificates: what they say, and what RFC 6109 wants a provider's to say. RFC 5280 §4.1, RFC 6109 §5.5 */
import { createPublicKey } from 'node:crypto'
import { readSignatureAlgorithm, type SignatureScheme } from './algorithm.js'
import {
  TAG,
  DerReader,
  contextTag,
  malformed,
  onlyElement,
  readBitString,
  readInteger,
  readSmallInteger,
  readTime,
} from './der.js'
import * as extension from './extensions.js'
import { parseName, valuesOf, type Name } from './name.js'
import { OID } from './oids.js'

export interface Certificate {
  readonly der: Buffer
  /** 1 to 3. */
  readonly version: number
  /** The INTEGER's contents. */
  readonly serialNumber: Buffer
  readonly issuer: Name
  readonly subject: Name
  readonly commonName: string | undefined
  readonly organization: string | undefined
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer
  readonly extensions: extension.Extensions
  /** rfc822Names of subjectAltName, as written. */
  readonly emails: readonly string[]
  readonly subjectAltNames: readonly extension.GeneralName[]
  readonly keyUsage: ReadonlySet<extension.KeyUsage> | undefined
  readonly extendedKeyUsage: ReadonlySet<string> | undefined
  readonly basicConstraints: extension.BasicConstraints | undefined
  readonly nameConstraints: extension.NameConstraints | undefined
  readonly subjectKeyIdentifier: Buffer | undefined
  readonly authorityKeyIdentifier: Buffer | undefined
  readonly distributionPoints: readonly extension.GeneralName[]
  readonly signature: SignedPart
}

/** The three parts of anything an authority signs. */
export interface SignedPart {
  /** The bytes that are signed. */
  readonly signed: Buffer
  /** AlgorithmIdentifier, DER. */
  readonly algorithm: Buffer
  /** undefined: an algorithm that we do not know. */
  readonly scheme: SignatureScheme | undefined
  readonly value: Buffer
}

/** Takes a SIGNED{} value apart. RFC 5280 §4.1 */
export function readSignedPart(der: Buffer): { readonly body: DerReader; readonly signature: SignedPart } {
  const outer = new DerReader(onlyElement(der, TAG.sequence).content)
  const signed = outer.element(TAG.sequence)
  const algorithm = outer.element(TAG.sequence).bytes
  const { bits, unused } = readBitString(outer.next(TAG.bitString))
  outer.end()
  if (unused !== 0) throw malformed('a signature of a broken number of octets')
  return {
    body: new DerReader(signed.content),
    signature: { signed: signed.bytes, algorithm, scheme: readSignatureAlgorithm(algorithm), value: bits },
  }
}

// The largest met is AgID's with its name constraints, 5 KB.
const MAX_SIZE = 64 * 1024

/** Reads a DER certificate. Throws PecError 'malformed'. */
export function parseCertificate(der: Buffer): Certificate {
  if (der.length > MAX_SIZE) throw malformed(`a certificate of ${der.length} bytes`)
  const { body, signature } = readSignedPart(der)
  const version = body.optional(contextTag(0, 'constructed'))
  const serialNumber = readInteger(body.next(TAG.integer))
  if (!body.element(TAG.sequence).bytes.equals(signature.algorithm))
    throw malformed('a certificate signed with another algorithm than it says')
  const issuer = parseName(body.element(TAG.sequence).bytes)
  const validity = body.enter(TAG.sequence)
  const notBefore = readTime(validity.element())
  const notAfter = readTime(validity.element())
  validity.end()
  const subject = parseName(body.element(TAG.sequence).bytes)
  const publicKey = body.element(TAG.sequence).bytes
  body.optional(contextTag(1, 'primitive'))
  body.optional(contextTag(2, 'primitive'))
  const extensions = body.optional(contextTag(3, 'constructed'))
  body.end()
  return {
    der,
    version: version === undefined ? 1 : readSmallInteger(onlyElement(version, TAG.integer).content) + 1,
    serialNumber,
    issuer,
    subject,
    commonName: valuesOf(subject, OID.commonName)[0],
    organization: valuesOf(subject, OID.organizationName)[0],
    notBefore,
    notAfter,
    publicKey,
    signature,
    ...readFacts(extensions === undefined ? new Map<string, extension.Extension>() : extension.readExtensions(extensions)),
  }
}

function readFacts(extensions: extension.Extensions) {
  const read = <T>(id: string, reader: (value: Buffer) => T): T | undefined => {
    const found = extensions.get(id)
    return found === undefined ? undefined : reader(found.value)
  }
  const subjectAltNames = read(OID.subjectAltName, extension.readSubjectAltName) ?? []
  return {
    extensions,
    subjectAltNames,
    emails: subjectAltNames.flatMap((name) => (name.form === 'email' ? [name.text] : [])),
    keyUsage: read(OID.keyUsage, extension.readKeyUsage),
    extendedKeyUsage: read(OID.extendedKeyUsage, extension.readExtendedKeyUsage),
    basicConstraints: read(OID.basicConstraints, extension.readBasicConstraints),
    nameConstraints: read(OID.nameConstraints, extension.readNameConstraints),
    subjectKeyIdentifier: read(OID.subjectKeyIdentifier, extension.readSubjectKeyIdentifier),
    authorityKeyIdentifier: read(OID.authorityKeyIdentifier, extension.readAuthorityKeyIdentifier),
    distributionPoints: read(OID.crlDistributionPoints, extension.readDistributionPoints) ?? [],
  }
}

/** Who a provider's certificate must be for. */
export interface CertificateHolder {
  /** As in the provider index. */
  readonly providerName: string
  /** The From address of what it signs. */
  readonly address: string
}

const MINIMUM_RSA_BITS = 2048

/** What keeps a certificate from being this provider's S/MIME certificate, in plain English; none if it is. RFC 6109 §5.5 */
export function checkProfile(der: Buffer, holder: CertificateHolder): string[] {
  let certificate: Certificate
  try {
    certificate = parseCertificate(der)
  } catch {
    return ['the certificate cannot be read']
  }
  return [...namingFaults(certificate, holder), ...extensionFaults(certificate), ...keyFaults(certificate)]
}

function namingFaults(certificate: Certificate, { providerName, address }: CertificateHolder): string[] {
  const faults: string[] = []
  const names = [...valuesOf(certificate.subject, OID.commonName), ...valuesOf(certificate.subject, OID.organizationName)]
  if (!names.some((name) => name.trim().toLowerCase() === providerName.trim().toLowerCase())) {
    faults.push(`neither CN nor O of the subject is the provider's name "${providerName}"`)
  }
  if (!certificate.emails.some((email) => email.toLowerCase() === address.toLowerCase())) {
    faults.push(`subjectAltName lacks the address ${address}`)
  }
  return faults
}

function extensionFaults(certificate: Certificate): string[] {
  const faults: string[] = []
  const { extensions } = certificate
  if (certificate.version !== 3) faults.push('it is not an X.509 version 3 certificate')
  const required = {
    keyUsage: OID.keyUsage,
    authorityKeyIdentifier: OID.authorityKeyIdentifier,
    subjectKeyIdentifier: OID.subjectKeyIdentifier,
  }
  for (const [name, id] of Object.entries(required)) if (!extensions.has(id)) faults.push(`${name} is missing`)
  if (extensions.has(OID.authorityKeyIdentifier) && certificate.authorityKeyIdentifier === undefined) {
    faults.push('authorityKeyIdentifier has no keyIdentifier')
  }
  if (certificate.keyUsage?.has('digitalSignature') === false) faults.push('keyUsage lacks digitalSignature')
  if (extensions.get(OID.keyUsage)?.critical === false) faults.push('keyUsage is not critical')
  if (extensions.has(OID.basicConstraints)) faults.push('basicConstraints is present')
  for (const [id, { critical }] of extensions) if (critical && id !== OID.keyUsage) faults.push(`extension ${id} is critical`)
  if (certificate.extendedKeyUsage?.has(OID.emailProtection) === false) faults.push('extendedKeyUsage lacks emailProtection')
  return faults
}

function keyFaults(certificate: Certificate): string[] {
  try {
    const key = createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' })
    const bits = key.asymmetricKeyDetails?.modulusLength
    if (key.asymmetricKeyType === 'ec') return []
    if (key.asymmetricKeyType !== 'rsa' || bits === undefined) return ['its key is neither RSA nor EC']
    return bits < MINIMUM_RSA_BITS ? [`its key has ${bits} bits, fewer than ${MINIMUM_RSA_BITS}`] : []
  } catch {
    return ['its public key cannot be read']
  }
}
