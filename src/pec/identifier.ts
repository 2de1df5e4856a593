/**
 * Names that must be unique and that nobody can guess: the only randomness of the PEC code.
 */
import { randomBytes } from 'node:crypto'
import type { Moment } from './moment.js'

const stamp = (moment: Moment): string => moment.date.toISOString().replace(/\D/g, '').slice(0, 14)

function unique(kind: string, moment: Moment, domain: string): string {
  return `${kind}${stamp(moment)}${randomBytes(15).toString('hex')}@${domain}`
}

/** The identifier of an original, without angle brackets: alphanumeric, at the provider's domain. RFC 6109 §2.2.1 */
export function newIdentifier(moment: Moment, domain: string): string {
  return unique('pec', moment, domain)
}

/** The Message-ID of a receipt or notice, without angle brackets. */
export function newMessageId(moment: Moment, domain: string): string {
  return unique('ric', moment, domain)
}

/** A MIME boundary: the quoted-printable and base64 of the parts cannot hold it, and who writes an original cannot know it. */
export function newBoundary(): string {
  return `=_${randomBytes(18).toString('hex')}`
}

/** What one message needs that nobody else may have. */
export interface MessageNames {
  /** Without angle brackets. */
  readonly messageId: string
  /** Boundary of multipart/signed. */
  readonly outer: string
  /** Boundary of the multipart/mixed inside. */
  readonly inner: string
}

/** Fresh names for a message made at this moment by the provider of this domain. */
export function newNames(moment: Moment, domain: string): MessageNames {
  return { messageId: newMessageId(moment, domain), outer: newBoundary(), inner: newBoundary() }
}
