/** Events of the register, and the timeline of a message, for people at a terminal. */
import type { FoundEvent } from '../ledger/search.js'
import type { CertificationData } from '../pec/certification.js'
import { KINDS } from '../pec/kinds.js'
import type { RecipientState } from '../points/ports.js'
import { EVENT_WORDS } from '../retrieval/event-types.js'
import { findingsOf, type Timeline, type TimelineEvent } from '../retrieval/timeline.js'
import type { SignatureCheck } from '../retrieval/signature-check.js'
import { list, row, section, type Row } from './sections.js'
import { dataRows, signerName, standingRows } from './verify-report.js'
import { certifiedTime, shown, shownTime } from './verify-words.js'

/** An event on one line. */
export function eventLine({ at, type, identifier, sender, recipients, outcome }: FoundEvent): string {
  const [first = '', ...others] = recipients
  const to = others.length === 0 ? first : `${first} and ${others.length} more`
  return [shownTime(at), type.padEnd(17), shown(identifier), `${shown(sender)} -> ${shown(to)}`, shown(outcome)].join('  ')
}

export function timelineLines(timeline: Timeline): string[] {
  const { identifier, events, quarantined } = timeline
  const signatures = events.flatMap(({ checked }) => checked.signature ?? [])
  const findings = findingsOf(timeline)
  return [
    ...section(`Message ${shown(identifier)}`, messageRows(timeline)),
    ...events.flatMap(eventLines),
    ...quarantined.flatMap((kept) =>
      section(`${shownTime(kept.since)}  kept in quarantine`, [
        ['Found', shown(kept.signature)],
        ['SHA-256', kept.sha256],
        ['Kept until', shownTime(kept.until)],
      ]),
    ),
    ...list(
      'What is wrong',
      findings.map(({ text }) => shown(text)),
    ),
    `${events.length} events with ${signatures.length} signatures: ${findings.length === 0 ? 'nothing is wrong' : `${findings.length} things are WRONG`}.`,
    'A signature here holds over the digest of its message, which the register does not keep: pec verify checks a whole message.',
  ]
}

function messageRows({ message }: Timeline): Row[] {
  if (message === undefined) return [['', 'The register has no more of it than the events that follow.']]
  const { sender, subject, clientMessageId, provider, acceptedAt, size, own, recipients } = message
  return [
    ['From', shown(sender)],
    ['To', ...recipients.map(recipientLine)],
    ...row('Subject', subject),
    ...row("Sender's own id", clientMessageId),
    ['Accepted', `${shownTime(acceptedAt)}, by ${own ? 'us' : shown(provider)}, ${size} bytes`],
  ]
}

function recipientLine({ address, type, outcome, outcomeAt, takenInChargeAt }: RecipientState): string {
  const states = [
    ...(takenInChargeAt === undefined ? [] : [`taken in charge ${shownTime(takenInChargeAt)}`]),
    ...(outcome === undefined || outcomeAt === undefined ? [] : [`${outcome} ${shownTime(outcomeAt)}`]),
  ]
  return `${shown(address)} (${type} mail)${states.length === 0 ? '' : `: ${states.join(', ')}`}`
}

function eventLines({ event, checked }: TimelineEvent): string[] {
  const { at, type, messageId, recipients, provider, outcome } = event
  return section(`${shownTime(at)}  ${EVENT_WORDS[type].english}`, [
    ['Outcome', shown(outcome)],
    ['About', ...recipients.map(shown)],
    ['Provider', shown(provider)],
    ...(messageId === '' ? [] : [['Message-ID', `<${shown(messageId)}>`] as const]),
    ...(checked.data === undefined
      ? []
      : [['Certifies', certifies(checked.data)] as const, ...dataRows(checked.data).map(indented)]),
    ...(checked.signature === undefined ? [] : signatureRows(checked.signature)),
  ])
}

function certifies(data: CertificationData): string {
  return `${KINDS[data.kind].value}, ${shown(data.provider)}, ${certifiedTime(data)}`
}

function indented([label, ...values]: Row): Row {
  return [`  ${label}`, ...values]
}

function signatureRows(check: SignatureCheck): Row[] {
  const { fault, certificate, signingTime, digest, contentDigest, standing, records } = check
  if (fault !== undefined || certificate === undefined || standing === undefined)
    return [['Signature', `does NOT hold: ${fault ?? 'it cannot be read'}`]]
  return [
    ['Signature', `holds: ${signerName(certificate)}, ${certificate.emails.map(shown).join(', ')}`],
    ['  Signed at', signingTime === undefined ? 'no time given' : `${shownTime(signingTime)}, by the signer's clock`],
    ['  Over', `a message with the ${digest ?? 'unknown'} digest`, contentDigest ?? ''],
    ...standingRows(standing, records).map(indented),
  ]
}
