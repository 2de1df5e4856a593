/** What is worth knowing about a message that proves something, and is not wrong: in plain English. */
import { KINDS } from '../pec/kinds.js'
import { dateOf } from '../pec/moment.js'
import type { Evidence } from '../points/evidence.js'
import { shownTime } from './verify-words.js'

const HOUR = 3_600_000

/** Notes, each a sentence; a message that is not intact has none. */
export function notesOn(evidence: Evidence, now: Date): string[] {
  const { integrity, certificate, signingTime, standing, records, digest, data, enclosures, lineEndsCompleted } = evidence
  if (integrity !== 'intact' || certificate === undefined) return []
  const notes: string[] = []
  const certified = data && dateOf(data)
  if (now > certificate.notAfter && standing?.trust !== 'untrusted' && standing?.status !== 'expired') {
    notes.push(
      `The certificate was valid at the signature and expired later, on ${shownTime(certificate.notAfter)}: what it signed before stays signed.`,
    )
  }
  if (records?.length === 0 && now > certificate.notAfter) {
    notes.push('An index need not list certificates that have expired: that of the time of the message would tell.')
  }
  if (standing?.revocation.answer === 'too-late') {
    notes.push('The revocation list was issued after the certificate had expired: one from before would tell more.')
  }
  if (signingTime !== undefined && certified !== undefined && Math.abs(signingTime.getTime() - certified.getTime()) > HOUR) {
    notes.push(`It was signed at ${shownTime(signingTime)}, but certifies another time, ${shownTime(certified)}.`)
  }
  if (data !== undefined && !isSignersName(data.provider, evidence)) {
    notes.push(`It calls its provider "${data.provider}", which is not a name of the signer.`)
  }
  if (digest === 'sha1') notes.push('It is signed with SHA-1, as providers long did: receivers accept it.')
  if (lineEndsCompleted) notes.push('This copy was saved with LF line ends; it was checked with the CRLF that was signed.')
  const { claimed } = enclosures.original ?? {}
  if (claimed !== undefined) {
    notes.push(`The message attached is a PEC message itself (${KINDS[claimed].value}): extract it and verify it by itself.`)
  }
  return notes
}

/** Whether it names the signer, however its legal form is written. */
function isSignersName(name: string, { certificate, records }: Evidence): boolean {
  const names = [certificate?.commonName, certificate?.organization, ...(records ?? []).map((record) => record.name)]
  return names.some((known) => known !== undefined && lettersOf(known) === lettersOf(name))
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}
