/**
 * Whether a stamp's signed attributes name the certificate that it was verified with: without them another certificate of the same key
 * could be put in its place. RFC 3161 §2.4.1, RFC 5816, RFC 5035
 */
import { createHash } from 'node:crypto'
import { isPecError } from '../errors.js'
import { readDigestAlgorithm, type DigestName } from '../smime/algorithm.js'
import type { Certificate } from '../smime/certificate.js'
import { contextTag, DerReader, onlyElement, readInteger, TAG } from '../smime/der.js'
import { isNamed } from '../smime/name.js'
import { OID } from '../smime/oids.js'

/** One of the two attributes must be there, and each that is must name it; the first certificate of each is the signer's. */
export function namesSigner(attributes: ReadonlyMap<string, Buffer>, certificate: Certificate): boolean {
  const older = attributes.get(OID.signingCertificate)
  const newer = attributes.get(OID.signingCertificateV2)
  if (older === undefined && newer === undefined) return false
  try {
    return (
      (older === undefined || isNamedBy(firstOf(older), 'sha1', certificate)) &&
      (newer === undefined || isNamedByNewer(firstOf(newer), certificate))
    )
  } catch (error) {
    if (isPecError(error)) return false
    throw error
  }
}

/** SigningCertificate and SigningCertificateV2 begin with the list of the certificates. */
function firstOf(values: Buffer): DerReader {
  return new DerReader(onlyElement(values, TAG.sequence).content).enter(TAG.sequence).enter(TAG.sequence)
}

function isNamedByNewer(id: DerReader, certificate: Certificate): boolean {
  const digest = id.tag === TAG.sequence ? readDigestAlgorithm(id.element().bytes) : 'sha256'
  return digest !== undefined && isNamedBy(id, digest, certificate)
}

/** The rest of an ESSCertID: the digest, and issuer and serial number if it likes. */
function isNamedBy(id: DerReader, digest: DigestName, { der, issuer, serialNumber }: Certificate): boolean {
  if (!id.next(TAG.octetString).equals(createHash(digest).update(der).digest())) return false
  if (id.done) return true
  const issuerSerial = id.enter(TAG.sequence)
  id.end()
  const name = issuerSerial.enter(TAG.sequence).next(contextTag(4, 'constructed'))
  return isNamed(issuer, name) && readInteger(issuerSerial.next(TAG.integer)).equals(serialNumber)
}
