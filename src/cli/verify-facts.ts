/** The verdict on a message for programs: `pec verify --json`. Values that have a word on the wire are given in it. */
import { createHash } from 'node:crypto'
import type { CertificationData } from '../pec/certification.js'
import { ERROR_WORDS, KINDS, RECEIPT_WORDS, RECIPIENT_WORDS } from '../pec/kinds.js'
import { dateOf } from '../pec/moment.js'
import type { Evidence } from '../points/evidence.js'
import { outsideValidity } from '../points/standing.js'
import type { Certificate } from '../smime/certificate.js'
import { formatName } from '../smime/name.js'
import { notesOn } from './verify-notes.js'
import { describe } from './verify-words.js'

/** Plain values, for JSON: null is what is not there. */
export function factsOf(evidence: Evidence, now: Date): Readonly<Record<string, unknown>> {
  const { kind, integrity, certificate, signingTime, digest, standing, data, findings } = evidence
  return {
    ok: findings.length === 0,
    kind: kind === undefined ? null : KINDS[kind].value,
    description: describe(kind),
    integrity,
    signer: certificate === undefined ? null : signerFacts(certificate, now),
    signedAt: signingTime?.toISOString() ?? null,
    digest: digest ?? null,
    trust: { status: standing?.trust ?? 'not-checked', reason: standing?.reason ?? 'there is no signature that holds' },
    certificateStatus: standing?.status ?? 'unknown',
    revocation: standing?.revocation ?? null,
    index: indexFacts(evidence),
    data: data === undefined ? null : dataFacts(data),
    original: originalFacts(evidence),
    findings,
    notes: notesOn(evidence, now),
  }
}

/** The certificate of a signer. */
export function signerFacts(certificate: Certificate, now: Date): Readonly<Record<string, unknown>> {
  const { organization, commonName, emails, subject, issuer, serialNumber, notBefore, notAfter, der } = certificate
  const fingerprint = (algorithm: string): string => createHash(algorithm).update(der).digest('hex')
  return {
    name: organization ?? commonName ?? null,
    address: emails[0] ?? null,
    subject: formatName(subject),
    issuer: formatName(issuer),
    serialNumber: serialNumber.toString('hex'),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    validNow: outsideValidity(certificate, now) === undefined,
    sha1: fingerprint('sha1'),
    sha256: fingerprint('sha256'),
  }
}

function indexFacts({ records }: Evidence): Readonly<Record<string, unknown>> {
  if (records === undefined) return { status: 'not-checked', providers: [] }
  const providers = records.map(({ name, unit }) => ({ name, unit: unit ?? null }))
  return { status: records.length === 0 ? 'not-listed' : 'listed', providers }
}

function originalFacts({ enclosures: { original } }: Evidence): Readonly<Record<string, unknown>> | null {
  if (original === undefined) return null
  const { message, messageId, subject, claimed } = original
  const kind = claimed === undefined ? null : KINDS[claimed].value
  return { messageId: messageId ?? null, subject: subject ?? null, size: message.size, kind }
}

/** What daticert.xml says. */
export function dataFacts(data: CertificationData): Readonly<Record<string, unknown>> {
  return {
    kind: KINDS[data.kind].value,
    error: ERROR_WORDS[data.error],
    errorDetail: data.errorDetail ?? null,
    sender: data.sender,
    recipients: data.recipients.map(({ address, type }) => ({ address, type: RECIPIENT_WORDS[type] })),
    replyTo: data.replyTo,
    subject: data.subject ?? null,
    provider: data.provider,
    time: dateOf(data)?.toISOString() ?? null,
    ...{ day: data.day, hour: data.hour, zone: data.zone },
    identifier: data.identifier,
    clientMessageId: data.clientMessageId ?? null,
    receiptType: data.receiptType === undefined ? null : RECEIPT_WORDS[data.receiptType],
    delivery: data.delivery ?? null,
    takenInCharge: data.takenInCharge,
  }
}
