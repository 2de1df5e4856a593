/** The verdict on a message for people: what it is, what it says, whether it is genuine. */
import type { CertificationData } from '../pec/certification.js'
import { KINDS, PART, type RecipientType } from '../pec/kinds.js'
import type { EnclosedOriginal } from '../pec/enclosures.js'
import type { Evidence } from '../points/evidence.js'
import { outsideValidity, type Standing } from '../points/standing.js'
import type { Certificate } from '../smime/certificate.js'
import { formatName } from '../smime/name.js'
import { SIGNED_PART } from './extract.js'
import { list, row, section, type Row } from './sections.js'
import { notesOn } from './verify-notes.js'
import { certifiedTime, DESCRIPTIONS, shown, shownTime } from './verify-words.js'

export interface Occasion {
  readonly file: string
  readonly now: Date
  /** Paths of the files that its pieces were written to. */
  readonly extracted: readonly string[]
}

const MOST_RECIPIENTS = 100

/** The lines of the report. */
export function reportOn(evidence: Evidence, { file, now, extracted }: Occasion): string[] {
  const { integrity, findings, data, enclosures } = evidence
  const says = data === undefined ? [] : dataRows(data)
  const original = originalRows(enclosures.original)
  const notes = notesOn(evidence, now)
  return [
    ...section(shown(file), whatRows(evidence)),
    ...section(integrity === 'intact' ? 'What it says' : 'What it claims (nothing of this is proven)', [...says, ...original]),
    ...section('Is it genuine?', genuineRows(evidence, now)),
    ...list(
      'What is wrong',
      findings.map(({ text }) => shown(text)),
    ),
    ...list('Worth knowing', notes.map(shown)),
    ...list('Written', extracted.map(shown)),
    ...opensslHint(extracted),
    `Verdict: ${verdictOn(evidence)}`,
  ]
}

function verdictOn({ integrity, kind, standing, records, findings }: Evidence): string {
  if (integrity === 'unsigned') return 'not signed. It proves nothing.'
  if (integrity === 'altered') return 'NOT as it was signed. It proves nothing.'
  if (findings.length > 0) return 'as it was signed, but not to be relied on, for what is wrong above.'
  const certifies = kind === 'anomaly' ? ', and certifies nothing about the mail attached' : ''
  if (standing?.trust === 'trusted' && records !== undefined)
    return `genuine: a provider signed this and nothing was changed${certifies}.`
  const missing = [...(standing?.trust === 'trusted' ? [] : ['--ca']), ...(records === undefined ? ['--index'] : [])].join(
    ' and ',
  )
  return `as it was signed${certifies}. Whether the signer is a provider was not fully checked: give ${missing}.`
}

function whatRows({ kind, data, integrity }: Evidence): Row[] {
  if (kind === undefined) return [['What it is', 'no PEC message']]
  const { name, meaning } = DESCRIPTIONS[kind]
  const claim = integrity === 'intact' ? '' : 'claims to be: '
  const rows: Row[] = [['What it is', `${claim}${name} (${KINDS[kind].value})`, meaning]]
  if (data === undefined) return rows
  return [...rows, ['Certified by', shown(data.provider)], ['Certified time', certifiedTime(data)]]
}

/** What daticert.xml says. */
export function dataRows(data: CertificationData): Row[] {
  const { sender, recipients, replyTo, subject, delivery, takenInCharge, identifier, clientMessageId, receiptType } = data
  return [
    ['From', shown(sender)],
    ['To', ...atMost(recipients.map(({ address, type }) => `${shown(address)} (${TYPES[type]})`))],
    ...row('Replies to', replyTo === sender ? undefined : replyTo),
    ...row('Subject', subject),
    ...row('About recipient', delivery),
    ...(takenInCharge.length === 0 ? [] : [['Taken in charge', ...atMost(takenInCharge.map(shown))] as const]),
    ['Identifier', shown(identifier)],
    ...row("Sender's own id", clientMessageId),
    ...row('Receipt asked', receiptType),
    ...(data.error === 'none' ? [] : [['Error', ERRORS[data.error]] as const]),
    ...row('Error text', data.errorDetail),
  ]
}

const TYPES: Readonly<Record<RecipientType, string>> = { certified: 'certified mail', ordinary: 'ordinary mail' }
const ERRORS: Readonly<Record<Exclude<CertificationData['error'], 'none'>, string>> = {
  'no-recipient': 'no such mailbox',
  'no-domain': 'no such domain',
  virus: 'a virus',
  other: 'another one',
}

function atMost(lines: readonly string[]): string[] {
  const more = lines.length - MOST_RECIPIENTS
  return more <= 0 ? [...lines] : [...lines.slice(0, MOST_RECIPIENTS), `and ${more} more`]
}

function originalRows(original: EnclosedOriginal | undefined): Row[] {
  if (original === undefined) return []
  const { messageId, subject, message } = original
  const id = messageId === undefined ? 'without Message-ID' : `Message-ID <${shown(messageId)}>`
  return [['Attached message', id, `Subject "${shown(subject ?? '')}", ${message.size} bytes`]]
}

function genuineRows(evidence: Evidence, now: Date): Row[] {
  const { integrity, certificate, signingTime, judgedAt, digest, standing, records } = evidence
  const rows: Row[] = [['Integrity', INTEGRITY[integrity]]]
  if (certificate === undefined) return rows
  if (standing === undefined || judgedAt === undefined)
    return [...rows, ['Signature names', signerName(certificate), 'this is not proven']]
  return [
    ...rows,
    ['Signed by', signerName(certificate), ...certificate.emails.map(shown)],
    [
      'Signed at',
      `${signingTime === undefined ? 'no time given' : shownTime(signingTime)}, by the signer's clock (${digest ?? ''})`,
    ],
    ['Certificate', ...certificateLines(certificate, judgedAt, now)],
    ...standingRows(standing, records),
  ]
}

/** How the signer's certificate stands. */
export function standingRows({ trust, reason, revocation }: Standing, records: Evidence['records']): Row[] {
  return [
    ['Trust', `${TRUST[trust]}: ${shown(reason)}`],
    ['Revoked', `${REVOKED[revocation.answer]}: ${shown(revocation.reason)}`],
    ['Provider index', listing(records)],
  ]
}

const INTEGRITY: Readonly<Record<Evidence['integrity'], string>> = {
  intact: 'intact: what is shown above is as it was signed',
  altered: 'NOT intact: the signature does not hold',
  unsigned: 'not signed: anybody may have written this',
}
const TRUST: Readonly<Record<Standing['trust'], string>> = {
  trusted: 'trusted',
  untrusted: 'NOT trusted',
  'not-checked': 'not checked',
}
const REVOKED: Readonly<Record<Standing['revocation']['answer'], string>> = {
  'not-checked': 'not checked',
  'not-revoked': 'no',
  revoked: 'YES',
  'too-late': 'unknown',
  unanswered: 'unknown',
}

/** The holder of a certificate. */
export function signerName({ organization, commonName, subject }: Certificate): string {
  const names = [organization, commonName].filter((name) => name !== undefined)
  return shown(names.length === 0 ? formatName(subject) : [...new Set(names)].join(', '))
}

function certificateLines(certificate: Certificate, judgedAt: Date, now: Date): string[] {
  const { issuer, serialNumber, notBefore, notAfter } = certificate
  const then = { expired: 'EXPIRED', 'not-yet-valid': 'NOT YET VALID', valid: 'valid' }[
    outsideValidity(certificate, judgedAt) ?? 'valid'
  ]
  const today = { expired: 'expired now', 'not-yet-valid': 'not yet valid now', valid: 'valid now' }[
    outsideValidity(certificate, now) ?? 'valid'
  ]
  return [
    `serial number ${serialNumber.toString('hex')}`,
    `issued by ${shown(formatName(issuer))}`,
    `for the time from ${shownTime(notBefore)} to ${shownTime(notAfter)}`,
    `${then} at the time of the signature, ${today}`,
  ]
}

function listing(records: Evidence['records']): string {
  if (records === undefined) return 'not checked: no index was given'
  const names = records.map(({ name, unit }) => (unit === undefined ? shown(name) : `${shown(name)}, ${shown(unit)}`))
  return names.length === 0 ? 'NOT listed: not a provider by this index' : `listed: ${names.join('; ')}`
}

function opensslHint(extracted: readonly string[]): string[] {
  const find = (name: string): string | undefined => extracted.find((path) => path.endsWith(name))
  const [signature, content] = [find(PART.signature), find(SIGNED_PART)]
  if (signature === undefined || content === undefined) return []
  const command = `openssl cms -verify -binary -inform DER -in ${shown(signature)} -content ${shown(content)} -out /dev/null`
  return ['The same by openssl, with the authority in CA.pem:', `  ${command} -CAfile CA.pem`, '']
}
