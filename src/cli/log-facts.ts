/** Events of the register, and the timeline of a message, for programs: plain values for JSON, null is what is not there. */
import type { FoundEvent } from '../ledger/search.js'
import { findingsOf, type Timeline, type TimelineEvent } from '../retrieval/timeline.js'
import type { CheckedProof } from '../retrieval/signature-check.js'
import { dataFacts, signerFacts } from './verify-facts.js'

type Facts = Readonly<Record<string, unknown>>

export function eventFacts({
  id,
  at,
  type,
  identifier,
  messageId,
  sender,
  recipients,
  subject,
  provider,
  outcome,
}: FoundEvent): Facts {
  return { id, at, type, identifier, messageId, sender, recipients, subject: subject ?? null, provider, outcome }
}

export function timelineFacts(timeline: Timeline, now: Date): Facts {
  const { identifier, message, events, quarantined } = timeline
  return {
    identifier,
    message: message ?? null,
    events: events.map((event) => timelineEventFacts(event, now)),
    quarantined,
    findings: findingsOf(timeline),
  }
}

function timelineEventFacts({ event, proof, checked }: TimelineEvent, now: Date): Facts {
  return {
    ...eventFacts(event),
    data: checked.data === undefined ? null : dataFacts(checked.data),
    daticert: proof.daticert?.toString('base64') ?? null,
    signature: proof.signature?.toString('base64') ?? null,
    check: signatureFacts(checked, now),
    findings: checked.findings,
  }
}

function signatureFacts({ signature }: CheckedProof, now: Date): Facts | null {
  if (signature === undefined) return null
  const { fault, certificate, signingTime, digest, contentDigest, standing, records } = signature
  return {
    holds: fault === undefined,
    fault: fault ?? null,
    signer: certificate === undefined ? null : signerFacts(certificate, now),
    ...{ signedAt: signingTime ?? null, digest: digest ?? null, contentDigest: contentDigest ?? null },
    trust: standing?.trust ?? null,
    certificateStatus: standing?.status ?? null,
    revocation: standing?.revocation ?? null,
    providers: records.map(({ name, unit }) => ({ name, unit: unit ?? null })),
  }
}
