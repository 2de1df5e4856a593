/**
 * What a PEC message proves, to whoever holds it and trusts nobody: what it is, whether it is as it was signed, by whom, and
 * whether that is a provider. Judged as of the time of its signature, with what is known since. RFC 6109 §2.2.2, §7
 */
import type { Source } from '../mail/source.js'
import type { CertificationData } from '../pec/certification.js'
import { readEnclosures, type Enclosures } from '../pec/enclosures.js'
import type { Kind } from '../pec/kinds.js'
import { readCertified, type OpenedMessage } from '../pec/message.js'
import { dateOf } from '../pec/moment.js'
import { originFault } from '../pec/origin-faults.js'
import { openSavedMessage } from '../pec/saved-message.js'
import type { DigestName } from '../smime/algorithm.js'
import type { Certificate } from '../smime/certificate.js'
import { knownCertificate } from '../smime/known-certificates.js'
import type { TrustStatus } from '../smime/trust.js'
import type { SignatureFault, SignatureVerdict } from '../smime/verify.js'
import { judge, type Fault, type Trust } from './judge.js'
import type { ProviderIndex, ProviderRecord } from './ports.js'
import { outsideValidity, standingOf, type Standing, type TrustMeans } from './standing.js'

export interface Means {
  readonly now: Date
  /** What is left out is not checked. */
  readonly trust?: TrustMeans | undefined
  readonly index?: ProviderIndex | undefined
}

/** Something wrong, by a name that stays and in plain English. */
export interface Finding {
  readonly code:
    | Fault['kind']
    | SignatureFault
    | 'certificate-expired'
    | 'certificate-not-yet-valid'
    | 'certificate-revoked'
    | 'revocation-unknown'
    | 'signed-in-future'
    | 'unwanted-certification'
  readonly text: string
}

export interface Evidence {
  /** As signed, where that can be told; else as the header claims. */
  readonly kind: Kind | undefined
  /** Altered is whatever cannot be shown to be intact: a signature that does not hold or cannot be read. */
  readonly integrity: 'intact' | 'altered' | 'unsigned'
  /** Of the signature if there is one; it is proven to be the signer's only if the message is intact. */
  readonly certificate: Certificate | undefined
  /** By the signer's clock; undefined if it does not say or the message is not intact. */
  readonly signingTime: Date | undefined
  /** What the certificate is judged at: the signing time, else the certified one, else now; undefined unless intact. */
  readonly judgedAt: Date | undefined
  readonly digest: DigestName | undefined
  /** undefined unless the message is intact. */
  readonly standing: Standing | undefined
  /** The records that list the signer; undefined if not looked up. */
  readonly records: readonly ProviderRecord[] | undefined
  /** What daticert.xml says; proven only if the message is intact. */
  readonly data: CertificationData | undefined
  readonly enclosures: Enclosures
  readonly lineEndsCompleted: boolean
  /** All that is wrong; none if the message proves what it says, as far as there were means to check. */
  readonly findings: readonly Finding[]
}

/** Clocks of providers may be ahead of the reader's. */
const TOLERANCE = 10 * 60_000

const SIGNATURE_FAULTS: Readonly<Record<SignatureFault, string>> = {
  malformed: 'the signature is damaged or not one',
  'no-signer': 'the signature has no signer',
  'several-signers': 'more than one signer, where there must be one',
  'no-certificate': "the signer's certificate is missing",
  'no-signed-attributes': 'the signature has no signed attributes',
  'content-altered': 'the message is not as it was signed: something in it has been changed',
  'signature-wrong': 'the signature was not made with the key of the certificate that it names',
  algorithm: 'signed with an algorithm that is not accepted',
}

type ValidSignature = Extract<SignatureVerdict, { valid: true }>
type InvalidSignature = Extract<SignatureVerdict, { valid: false }>
type Found = Omit<Evidence, 'enclosures' | 'lineEndsCompleted'>

const NOTHING = {
  ...{ certificate: undefined, signingTime: undefined, judgedAt: undefined, digest: undefined },
  ...{ standing: undefined, records: undefined, data: undefined },
} as const

/** Examines a message, also one that a mail program saved. Throws PecError 'malformed' if its header is longer than 1 MiB. */
export async function examine(copy: Source, means: Means): Promise<Evidence> {
  const { opened, signature, lineEndsCompleted } = await openSavedMessage(copy)
  return { ...(await findingsOn(opened, signature, means)), enclosures: await readEnclosures(opened), lineEndsCompleted }
}

function findingsOn(opened: OpenedMessage, signature: SignatureVerdict | undefined, means: Means): Promise<Found> | Found {
  if (signature === undefined) {
    const findings = asFindings([originFault('unsigned', opened.unsigned)])
    return { ...NOTHING, kind: opened.claimed, integrity: 'unsigned', findings }
  }
  return signature.valid ? examineIntact(opened, signature, means) : examineAltered(opened, signature)
}

/** What it says is read all the same, for whoever wants to know what it claims. */
async function examineAltered(opened: OpenedMessage, { fault, certificate }: InvalidSignature): Promise<Found> {
  const { data } = await readCertified(opened)
  return {
    ...NOTHING,
    kind: opened.claimed ?? data?.kind,
    integrity: fault === 'no-signer' ? 'unsigned' : 'altered',
    certificate: certificate && knownCertificate(certificate)?.certificate,
    data,
    findings: [{ code: fault, text: SIGNATURE_FAULTS[fault] }],
  }
}

async function examineIntact(opened: OpenedMessage, signature: ValidSignature, { now, trust, index }: Means): Promise<Found> {
  const certificate = knownCertificate(signature.certificate)?.certificate
  if (certificate === undefined) throw new Error('a signature that holds, of a certificate that cannot be read')
  const { data } = await readCertified(opened)
  const { signingTime, digest, chain } = signature
  const at = signingTime ?? (data && dateOf(data)) ?? now
  const standing = await standingOf({ certificate, chain, at }, now, trust)
  const records = index?.byCertificate(certificate.der)
  const listed = index !== undefined && records?.length !== 0
  const faults = listed ? await faultsToReceiver(opened, at, index) : await faultsInItself(opened, certificate)
  return {
    // The header is not signed: certification data count for more.
    kind: data?.kind ?? opened.claimed,
    integrity: 'intact',
    ...{ certificate, signingTime, judgedAt: at, digest, standing, records, data },
    findings: [
      ...standingFindings(standing, certificate, at),
      ...(at.getTime() > now.getTime() + TOLERANCE ? [IN_FUTURE] : []),
      ...(records?.length === 0 ? asFindings([originFault('signer-unknown')]) : []),
      ...formFindings(opened, faults, data),
    ],
  }
}

/** The faults that the signer's peers would find in it. */
async function faultsToReceiver({ source }: OpenedMessage, at: Date, index: ProviderIndex): Promise<readonly Fault[]> {
  const judgement = await judge(source, at, index, ANY)
  if (judgement.verdict === 'ordinary') return [judgement.fault]
  return judgement.verdict === 'incorrect' ? judgement.faults : []
}

/** The standing of the certificate is told by itself. */
const ANY: Trust = { judge: () => Promise.resolve({ trusted: true, status: 'good', reason: 'not asked' }) }

/** What can be found without an index. */
async function faultsInItself(opened: OpenedMessage, { emails }: Certificate): Promise<readonly Fault[]> {
  const form = await readCertified(opened)
  const faults: Fault[] = form.correct ? [] : [...form.faults]
  const from = opened.from?.address.toLowerCase()
  const certified = emails.some((email) => email.toLowerCase() === from)
  if (from !== undefined && !certified) faults.push(originFault('from-not-certified', from))
  return faults
}

/** An anomaly envelope that is as it should be certifies nothing and has no certification data. RFC 6109 §3.2.2 */
function formFindings({ claimed }: OpenedMessage, faults: readonly Fault[], data: CertificationData | undefined): Finding[] {
  if (claimed !== 'anomaly') return asFindings(faults)
  const others = asFindings(faults.filter(({ kind }) => kind !== 'not-certified' && kind !== 'no-certification'))
  return data === undefined ? others : [...others, UNWANTED_CERTIFICATION]
}

const UNWANTED_CERTIFICATION: Finding = { code: 'unwanted-certification', text: 'an anomaly envelope that has a daticert.xml' }
const IN_FUTURE: Finding = { code: 'signed-in-future', text: 'the time of the signature has not come yet' }

function standingFindings({ trust, reason, status, revocation }: Standing, certificate: Certificate, at: Date): Finding[] {
  const findings: Finding[] = []
  if (trust === 'untrusted') {
    findings.push({ code: CODES[status], text: `the signer's certificate is not to be trusted: ${reason}` })
  } else if (outsideValidity(certificate, at) !== undefined) {
    const { notBefore, notAfter } = certificate
    const period = `${notBefore.toISOString()} to ${notAfter.toISOString()}`
    findings.push({
      code: CODES[status],
      text: `the signature is of ${at.toISOString()}, the certificate is valid from ${period}`,
    })
  }
  if (revocation.answer === 'unanswered') {
    findings.push({
      code: 'revocation-unknown',
      text: `whether the certificate was revoked cannot be told: ${revocation.reason}`,
    })
  }
  return findings
}

const CODES = {
  good: 'certificate-untrusted',
  unknown: 'certificate-untrusted',
  untrusted: 'certificate-untrusted',
  revoked: 'certificate-revoked',
  expired: 'certificate-expired',
  'not-yet-valid': 'certificate-not-yet-valid',
} as const satisfies Record<TrustStatus, Finding['code']>

function asFindings(faults: readonly Fault[]): Finding[] {
  return faults.map(({ kind, english }) => ({ code: kind, text: english }))
}
