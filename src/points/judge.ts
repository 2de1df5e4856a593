/**
 * What a message that has come in is: a provider's envelope, a provider's receipt, something that a provider signed but that is
 * not correct, or ordinary mail. Asked in the order of RFC 6109 §2.2.2: is there a signature, whose is it, does it hold, is the
 * form right; and §7: do the domains belong to the signer.
 */
import { PecError } from '../errors.js'
import { domainOf, isAddress } from '../mail/address.js'
import { parseParameterized } from '../mail/content-type.js'
import { firstValue, type Header } from '../mail/header.js'
import type { Source } from '../mail/source.js'
import type { CertificationData } from '../pec/certification.js'
import type { FormalFault } from '../pec/formal-faults.js'
import type { CertifiedKind, NotificationKind } from '../pec/kinds.js'
import { openPecMessage, readCertified, type OpenedMessage } from '../pec/message.js'
import { originFault, type OriginFault } from '../pec/origin-faults.js'
import type { Range } from '../pec/signed-message.js'
import { knownCertificate } from '../smime/known-certificates.js'
import type { TrustVerdict } from '../smime/trust.js'
import { verifyDetached, verifyEnclosed, type SignatureVerdict } from '../smime/verify.js'
import type { ProviderIndex, ProviderRecord } from './ports.js'

/** Whether a signer's certificate holds: chain, validity, revocation. */
export interface Trust {
  judge(certificate: Buffer, intermediates: readonly Buffer[], at: Date): Promise<TrustVerdict>
}

export type Fault = FormalFault | OriginFault

/** A message signed by a provider and right in every respect. */
export interface Certified {
  readonly provider: ProviderRecord
  readonly messageId: string
  readonly data: CertificationData
  readonly daticert: Buffer
  /** DER of smime.p7s. */
  readonly signature: Buffer
}

export type Judgement =
  | (Certified & { readonly verdict: 'envelope'; readonly original: Range })
  | (Certified & { readonly verdict: 'receipt'; readonly kind: NotificationKind })
  /** A provider signed it: it must be delivered, in an anomaly envelope. */
  | { readonly verdict: 'incorrect'; readonly provider: ProviderRecord; readonly faults: readonly Fault[] }
  /** Anybody may have sent it. */
  | { readonly verdict: 'ordinary'; readonly fault: Fault }

type SignedBy =
  | { readonly records: readonly ProviderRecord[]; readonly certificate: Buffer; readonly signature: Buffer }
  | { readonly fault: Fault }

/** Judges a message as of `at`. Rejects only if it cannot be read, or with a permanent PecError 'malformed' if its header is too long. */
export async function judge(message: Source, at: Date, index: ProviderIndex, trust: Trust): Promise<Judgement> {
  const opened = await openPecMessage(message)
  const signed = await signerOf(opened, at, index, trust)
  if ('fault' in signed) return { verdict: 'ordinary', fault: signed.fault }
  const { records, certificate, signature } = signed
  const form = await readCertified(opened)
  const provider = recordFor(records, form.data)
  const origin = originFaults(opened, certificate, records)
  if (!form.correct) return { verdict: 'incorrect', provider, faults: [...form.faults, ...origin] }
  const { data, daticert, kind } = form
  const faults = [...origin, ...competenceFaults(data, records)]
  if (faults.length > 0) return { verdict: 'incorrect', provider, faults }
  const certified = { provider, messageId: opened.messageId ?? '', data, daticert, signature }
  if (kind === 'transport') return envelope(certified, form.original)
  return { ...certified, verdict: 'receipt', kind }
}

function envelope(certified: Certified, original: Range | undefined): Judgement {
  if (original === undefined) throw new Error('a correct envelope without its original')
  return { ...certified, verdict: 'envelope', original }
}

/** Signature existence, origin and validity. */
async function signerOf(
  { signed, unsigned, header }: OpenedMessage,
  at: Date,
  index: ProviderIndex,
  trust: Trust,
): Promise<SignedBy> {
  if (signed === undefined) return { fault: originFault(claimsSignature(header) ? 'signature-malformed' : 'unsigned', unsigned) }
  const { signature } = signed
  const verdict: SignatureVerdict =
    signed.form === 'detached' ? await verifyDetached(signed.content, signature) : (await verifyEnclosed(signature)).verdict
  if (!verdict.valid) return { fault: originFault('signature-invalid', verdict.fault) }
  const records = index.byCertificate(verdict.certificate)
  if (records.length === 0) return { fault: originFault('signer-unknown') }
  const { trusted, status, reason } = await trust.judge(verdict.certificate, verdict.chain, at)
  // Nobody can tell now: it may well be certified mail, and an anomaly envelope is for good.
  if (!trusted && status === 'unknown')
    throw new PecError('crl', `it is not known whether a signer's certificate is revoked: ${reason}`, { temporary: true })
  if (!trusted) return { fault: originFault('certificate-untrusted', reason) }
  return { records, certificate: verdict.certificate, signature }
}

function claimsSignature(header: Header): boolean {
  return parseParameterized(firstValue(header, 'Content-Type') ?? '').value === 'multipart/signed'
}

/** Of a provider's environments that share a certificate, the one that manages the sender's domain. RFC 6109 §4.5.7 */
function recordFor(records: readonly ProviderRecord[], data: CertificationData | undefined): ProviderRecord {
  const domain = data === undefined ? '' : domainOf(data.sender)
  const found = records.find(({ managedDomains }) => managedDomains.has(domain)) ?? records[0]
  if (found === undefined) throw new Error('a signer without a record')
  return found
}

function originFaults({ from }: OpenedMessage, certificate: Buffer, records: readonly ProviderRecord[]): OriginFault[] {
  if (from === undefined) return []
  const address = from.address.toLowerCase()
  const emails = knownCertificate(certificate)?.certificate.emails ?? []
  const faults: OriginFault[] = []
  if (!emails.some((email) => email.toLowerCase() === address)) faults.push(originFault('from-not-certified', address))
  if (!manages(records, address)) faults.push(originFault('from-not-managed', address))
  return faults
}

/**
 * Whether the signer is the one to say this: the sender's provider certifies what the sender sends, the recipient's what it
 * received; either may tell that a message was not delivered.
 */
function competenceFaults(data: CertificationData, records: readonly ProviderRecord[]): OriginFault[] {
  const forSender = manages(records, data.sender)
  const about = data.delivery === undefined ? data.takenInCharge : [data.delivery]
  const stranger = about.find((address) => !manages(records, address))
  // The sender of an envelope is told what becomes of it: he must be one that mail can be sent to.
  if (data.kind === 'transport' && !isAddress(data.sender)) return [originFault('sender-invalid', data.sender)]
  switch (sayerOf(data.kind)) {
    case 'sender':
      return forSender ? [] : [originFault('sender-not-managed', data.sender)]
    case 'recipient':
      return stranger === undefined ? [] : [originFault('recipient-not-managed', stranger)]
    case 'either':
      return forSender || stranger === undefined ? [] : [originFault('recipient-not-managed', stranger)]
  }
}

function sayerOf(kind: CertifiedKind): 'sender' | 'recipient' | 'either' {
  switch (kind) {
    case 'transport':
    case 'acceptance':
    case 'non-acceptance':
    case 'time-limit':
      return 'sender'
    case 'take-charge':
    case 'delivery':
    case 'virus-detection':
      return 'recipient'
    case 'non-delivery':
      return 'either'
  }
}

function manages(records: readonly ProviderRecord[], address: string): boolean {
  const domain = domainOf(address)
  return records.some(({ managedDomains }) => managedDomains.has(domain))
}
