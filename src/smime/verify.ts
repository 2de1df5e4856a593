/**
 * CMS signatures verified: exactly one signer, signed attributes, the digest of the content, the signature over the attributes.
 * Whether the certificate is to be trusted is another question, for trust.ts and the provider index. RFC 5652 §5.4, §5.6
 */
import { isPecError } from '../errors.js'
import { digest, fromBuffer, type Source } from '../mail/source.js'
import { fitsKey, verifySignature, type DigestName } from './algorithm.js'
import { knownCertificate, type KnownCertificate } from './known-certificates.js'
import { isNamed } from './name.js'
import { readSignedData, type SignedData, type SignerInfo } from './signed-data.js'

export type SignatureFault =
  | 'malformed' // not a CMS SignedData of the shape we accept
  | 'several-signers'
  | 'no-signer'
  | 'no-certificate' // the signer's certificate is not included
  | 'no-signed-attributes'
  | 'content-altered' // the digest of the content is not the one signed
  | 'signature-wrong'
  | 'algorithm' // an algorithm, key or combination that we do not accept

export type SignatureVerdict =
  | {
      readonly valid: true
      /** The signer's, DER. */
      readonly certificate: Buffer
      /** The other certificates included, DER, as they came. */
      readonly chain: readonly Buffer[]
      readonly digest: DigestName
      readonly signingTime: Date | undefined
    }
  | {
      readonly valid: false
      readonly fault: SignatureFault
      /** The signer's, if it was found. */
      readonly certificate: Buffer | undefined
    }

// The largest seen is 7 KB; a chain with revocation lists in it may be more.
const MAX_DETACHED = 1024 * 1024

/** Verifies a detached signature (DER or BER of smime.p7s) over the exact bytes of `content`. Rejects only if content cannot be read. */
export async function verifyDetached(content: Source, signature: Buffer): Promise<SignatureVerdict> {
  const signedData = signature.length > MAX_DETACHED ? undefined : attemptToRead(signature)
  if (signedData === undefined || signedData.content !== undefined) return invalid('malformed')
  return verify(signedData, content)
}

export interface EnclosedVerdict {
  readonly verdict: SignatureVerdict
  /** Only if it is valid. */
  readonly content: Buffer | undefined
  /** Signed with it: the contents of the SET of values of each, by its type. None unless it is valid. */
  readonly attributes: ReadonlyMap<string, Buffer>
}

/**
 * Verifies a signature that contains what it signs, as the provider index comes. RFC 6109 §4.5
 * `type` is the OID of what is signed: of plain data, if left out.
 */
export async function verifyEnclosed(signature: Buffer, type?: string): Promise<EnclosedVerdict> {
  const signedData = attemptToRead(signature, type)
  const nothing = { content: undefined, attributes: new Map<string, Buffer>() }
  if (signedData?.content === undefined) return { verdict: invalid('malformed'), ...nothing }
  const verdict = await verify(signedData, fromBuffer(signedData.content))
  const attributes = signedData.signer?.attributes?.values
  return verdict.valid && attributes !== undefined
    ? { verdict, content: signedData.content, attributes }
    : { verdict, ...nothing }
}

/**
 * Verifies a detached signature whose content is not at hand: valid says that the signer signed a content of this digest, not which.
 */
export async function verifyWithoutContent(
  signature: Buffer,
): Promise<{ readonly verdict: SignatureVerdict; readonly contentDigest: Buffer | undefined }> {
  const signedData = signature.length > MAX_DETACHED ? undefined : attemptToRead(signature)
  if (signedData === undefined || signedData.content !== undefined)
    return { verdict: invalid('malformed'), contentDigest: undefined }
  return { verdict: await verify(signedData, undefined), contentDigest: signedData.signer?.attributes?.messageDigest }
}

function attemptToRead(signature: Buffer, type?: string): SignedData | undefined {
  try {
    return readSignedData(signature, type)
  } catch (error) {
    if (isPecError(error)) return undefined
    throw error
  }
}

async function verify({ certificates, signerCount, signer }: SignedData, content: Source | undefined): Promise<SignatureVerdict> {
  if (signer === undefined) return invalid(signerCount === 0 ? 'no-signer' : 'several-signers')
  const found = findCertificate(certificates, signer)
  if (found === undefined) return invalid('no-certificate')
  const { key, certificate } = found.known
  const against = (fault: SignatureFault) => invalid(fault, certificate.der)
  if (signer.attributes === undefined) return against('no-signed-attributes')
  const { digest: digestName, scheme } = signer
  if (digestName === undefined || scheme === undefined || key === undefined) return against('algorithm')
  if ((scheme.digest ?? digestName) !== digestName || !fitsKey(scheme, key)) return against('algorithm')
  const { signed, messageDigest, signingTime } = signer.attributes
  if (content !== undefined && !messageDigest.equals(await digest(content, digestName))) return against('content-altered')
  if (!(await verifySignature(key, scheme, digestName, signed, signer.signature))) return against('signature-wrong')
  return { valid: true, certificate: certificate.der, chain: found.others, digest: digestName, signingTime }
}

interface FoundCertificate {
  readonly known: KnownCertificate
  readonly others: readonly Buffer[]
}

function findCertificate(certificates: readonly Buffer[], { signer }: SignerInfo): FoundCertificate | undefined {
  for (const [position, der] of certificates.entries()) {
    const known = knownCertificate(der)
    if (known === undefined) continue
    const { issuer, serialNumber, subjectKeyIdentifier } = known.certificate
    const matches =
      signer.by === 'issuer-and-serial'
        ? signer.serialNumber.equals(serialNumber) && isNamed(issuer, signer.issuer)
        : subjectKeyIdentifier?.equals(signer.keyIdentifier)
    if (matches === true) return { known, others: certificates.toSpliced(position, 1) }
  }
  return undefined
}

function invalid(fault: SignatureFault, certificate?: Buffer): SignatureVerdict {
  return { valid: false, fault, certificate }
}
