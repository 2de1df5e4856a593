/**
 * What the signature of an event proves (L5). The register keeps signatures without the messages that they are over: a signature
 * that holds was made by its signer over a message of that digest. Whoever has the message verifies it whole with `pec verify`.
 */
import { keyOf } from '../ledger/keys.js'
import { readCertification, type CertificationData } from '../pec/certification.js'
import type { ProviderIndex, ProviderRecord, RegisterEvent } from '../points/ports.js'
import { standingOf, type Standing, type TrustMeans } from '../points/standing.js'
import type { DigestName } from '../smime/algorithm.js'
import type { Certificate } from '../smime/certificate.js'
import { knownCertificate } from '../smime/known-certificates.js'
import { verifyWithoutContent, type SignatureFault } from '../smime/verify.js'
import { dateOf } from '../pec/moment.js'

export interface CheckMeans {
  readonly now: Date
  readonly trust: TrustMeans
  readonly index: ProviderIndex
}

export interface SignatureCheck {
  /** Why the signature does not hold; undefined if it does. */
  readonly fault: SignatureFault | undefined
  readonly certificate: Certificate | undefined
  readonly signingTime: Date | undefined
  readonly digest: DigestName | undefined
  /** Of the message's content, hex. */
  readonly contentDigest: string | undefined
  /** Of the certificate at the time of the signature; undefined unless that holds. */
  readonly standing: Standing | undefined
  /** Those of today's index that list the certificate. */
  readonly records: readonly ProviderRecord[]
}

/** Something wrong with a proof, by a name that stays and in plain English. */
export interface ProofFinding {
  readonly code: 'data-unreadable' | 'data-of-another' | 'signature-invalid' | 'signer-untrusted'
  readonly text: string
}

export interface CheckedProof {
  /** What daticert.xml says; undefined if there is none, or none that can be read. */
  readonly data: CertificationData | undefined
  readonly signature: SignatureCheck | undefined
  /** All that is wrong. */
  readonly findings: readonly ProofFinding[]
}

/** Checks what an event was certified by; its identifier is a key, as the register has it. */
export async function checkProof(
  event: Pick<RegisterEvent, 'identifier' | 'daticert' | 'signature'>,
  means: CheckMeans,
): Promise<CheckedProof> {
  const verdict = event.daticert === undefined ? undefined : readCertification(event.daticert)
  const data = verdict?.ok === true ? verdict.data : undefined
  const findings: ProofFinding[] = []
  const find = (code: ProofFinding['code'], text: string): void => void findings.push({ code, text })
  if (verdict?.ok === false) find('data-unreadable', `daticert.xml cannot be read: ${verdict.reason}`)
  if (data !== undefined && keyOf(data.identifier) !== event.identifier)
    find('data-of-another', `daticert.xml is about another message, ${data.identifier}`)
  const signature = event.signature === undefined ? undefined : await checkSignature(event.signature, data, means)
  if (signature?.fault !== undefined) find('signature-invalid', `the signature does not hold: ${signature.fault}`)
  if (signature?.standing?.trust === 'untrusted')
    find('signer-untrusted', `the signer's certificate is not to be trusted: ${signature.standing.reason}`)
  return { data, signature, findings }
}

async function checkSignature(
  bytes: Buffer,
  data: CertificationData | undefined,
  { now, trust, index }: CheckMeans,
): Promise<SignatureCheck> {
  const { verdict, contentDigest } = await verifyWithoutContent(bytes)
  const der = verdict.certificate
  const certificate = der && knownCertificate(der)?.certificate
  if (!verdict.valid || certificate === undefined) {
    const fault = verdict.valid ? 'no-certificate' : verdict.fault
    const nothing = { signingTime: undefined, digest: undefined, contentDigest: undefined, standing: undefined }
    return { fault, certificate, ...nothing, records: [] }
  }
  const { signingTime, digest, chain } = verdict
  const at = signingTime ?? (data && dateOf(data)) ?? now
  return {
    ...{ fault: undefined, certificate, signingTime, digest, contentDigest: contentDigest?.toString('hex') },
    standing: await standingOf({ certificate, chain, at }, now, trust),
    records: index.byCertificate(certificate.der),
  }
}
