/**
 * Whether an authority's answer is a stamp on a digest: its status, the signature, the signer's certificate, what was stamped, and
 * the nonce. The same answer, kept as a file, is verified in the same way years later. RFC 3161 §2.4.2
 */
import * as pkijs from 'pkijs'
import type { Certificate } from '../smime/certificate.js'
import { TAG, DerReader, onlyElement } from '../smime/der.js'
import { knownCertificate } from '../smime/known-certificates.js'
import { formatName } from '../smime/name.js'
import { OID } from '../smime/oids.js'
import type { TrustStore } from '../smime/trust.js'
import { verifyEnclosed } from '../smime/verify.js'
import { namesSigner } from './signing-certificate.js'

export interface TimeStamp {
  readonly time: Date
  /** Hex. */
  readonly serialNumber: string
  /** Subject of the authority's certificate. */
  readonly authority: string
}

export type StampFault =
  | 'malformed' // no TimeStampResp, or no time stamp in it
  | 'rejected' // the authority says no
  | 'busy' // it says that it cannot for the time being
  | 'signature' // not signed as it must be, or altered
  | 'signer' // its signed attributes do not name the certificate that it is signed with
  | 'purpose' // signed with a certificate that is not for time stamps
  | 'untrusted' // no path to our authorities, not valid at the time of the stamp, or revoked (RFC 3161 §4)
  | 'revocation' // neither a current revocation list nor a responder tells of it, and one must
  | 'imprint' // a stamp on something else
  | 'nonce' // the answer to another request

export type StampVerdict =
  | { readonly valid: true; readonly stamp: TimeStamp }
  /** `reason`: one sentence in English. */
  | { readonly valid: false; readonly fault: StampFault; readonly reason: string }

export interface Expected {
  /** SHA-256 of what was stamped. */
  readonly digest: Buffer
  /** Authorities of time-stamping certificates. */
  readonly trust: TrustStore
  /** Of the request; undefined for a stamp that was kept. */
  readonly nonce?: Buffer
}

/** Checks a TimeStampResp in DER. */
export async function verifyResponse(response: Buffer, { digest, trust, nonce }: Expected): Promise<StampVerdict> {
  const answer = readAnswer(response)
  if (answer === undefined) return invalid('malformed', 'the answer is no time stamp')
  if (answer.refusal !== undefined) return answer.refusal
  const { verdict, content, attributes } = await verifyEnclosed(answer.token, OID.timeStampInfo)
  if (!verdict.valid || content === undefined)
    return invalid('signature', `the stamp is not signed as it must be: ${verdict.valid ? 'no content' : verdict.fault}`)
  const info = readInfo(content)
  if (info === undefined) return invalid('malformed', 'what is signed is no time stamp')
  const certificate = knownCertificate(verdict.certificate)?.certificate
  if (certificate === undefined || !namesSigner(attributes, certificate))
    return invalid('signer', 'the stamp does not name the certificate that it is signed with')
  const purpose = purposeFault(certificate)
  if (purpose !== undefined) return invalid('purpose', purpose)
  const judged = await trust.judge(verdict.certificate, verdict.chain, info.genTime)
  if (!judged.trusted)
    return invalid(
      judged.status === 'unknown' ? 'revocation' : 'untrusted',
      `the authority's certificate is not to be trusted: ${judged.reason}`,
    )
  if (!isImprint(info, digest)) return invalid('imprint', 'the stamp is on something else')
  if (nonce !== undefined && !nonce.equals(nonceOf(info))) return invalid('nonce', 'the stamp answers another request')
  return {
    valid: true,
    stamp: {
      time: info.genTime,
      serialNumber: Buffer.from(info.serialNumber.valueBlock.valueHexView).toString('hex'),
      authority: formatName(certificate.subject),
    },
  }
}

type Answer =
  | { readonly refusal: StampVerdict; readonly token?: undefined }
  | { readonly refusal?: undefined; /** ContentInfo. */ readonly token: Buffer }

// PKIStatus: granted, grantedWithMods.
const GRANTED: ReadonlySet<number> = new Set([0, 1])
// PKIFailureInfo: timeNotAvailable, systemFailure.
const PASSING = [14, 25]

function readAnswer(response: Buffer): Answer | undefined {
  try {
    const outer = new DerReader(onlyElement(response, TAG.sequence).content)
    const info = pkijs.PKIStatusInfo.fromBER(outer.element(TAG.sequence).bytes)
    if (!GRANTED.has(info.status)) return { refusal: refusalOf(info) }
    const token = outer.element(TAG.sequence).bytes
    outer.end()
    return { token }
  } catch {
    return undefined
  }
}

function refusalOf({ status, failInfo, statusStrings = [] }: pkijs.PKIStatusInfo): StampVerdict {
  const bits = failInfo?.valueBlock.valueHexView ?? new Uint8Array()
  const isPassing = PASSING.some((bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
  const words = statusStrings.map((text) => text.valueBlock.value.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)).join('; ')
  return invalid(isPassing ? 'busy' : 'rejected', `the authority refused, status ${status}${words === '' ? '' : `: ${words}`}`)
}

function readInfo(content: Buffer): pkijs.TSTInfo | undefined {
  try {
    return pkijs.TSTInfo.fromBER(content)
  } catch {
    return undefined
  }
}

/** The extension must be there, be critical, and allow nothing else. RFC 3161 §2.3 */
function purposeFault({ extendedKeyUsage: usages, extensions }: Certificate): string | undefined {
  if (usages?.has(OID.timeStamping) !== true) return 'it is signed with a certificate that is not for time stamps'
  if (usages.size > 1 || extensions.get(OID.extendedKeyUsage)?.critical !== true)
    return 'it is signed with a certificate that is not for time stamps only'
  return undefined
}

function isImprint({ messageImprint }: pkijs.TSTInfo, digest: Buffer): boolean {
  const { hashAlgorithm, hashedMessage } = messageImprint
  return hashAlgorithm.algorithmId === OID.sha256 && digest.equals(hashedMessage.valueBlock.valueHexView)
}

function nonceOf({ nonce }: pkijs.TSTInfo): Buffer {
  return Buffer.from(nonce?.valueBlock.valueHexView ?? [])
}

function invalid(fault: StampFault, reason: string): StampVerdict {
  return { valid: false, fault, reason }
}
