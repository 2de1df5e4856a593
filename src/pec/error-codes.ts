/**
 * The codes of AgID's note 12, which non-delivery notices show in their text and in daticert.xml alike:
 * `CODE - PROVIDER - TEXT`.
 */
import type { ErrorKind } from './kinds.js'
import { oneLine } from './one-line.js'

export type FailureCause =
  'unknown-mailbox' | 'unknown-domain' | 'mailbox-disabled' | 'mailbox-full' | 'delivery-refused' | 'time-limit'

/** Why a message was not delivered, in the words of certification data. */
export interface Failure {
  readonly error: Exclude<ErrorKind, 'none' | 'virus'>
  readonly errorDetail: string
}

const FAILURES: Readonly<
  Record<FailureCause, { readonly code: string; readonly error: Failure['error']; readonly text: string }>
> = {
  'unknown-mailbox': { code: '5.1.1', error: 'no-recipient', text: 'indirizzo non valido' },
  'unknown-domain': { code: '5.1.2', error: 'no-domain', text: 'dominio inesistente' },
  'mailbox-disabled': { code: '5.2.1', error: 'other', text: 'casella disabilitata' },
  'mailbox-full': { code: '5.2.2', error: 'other', text: 'casella piena' },
  'delivery-refused': { code: '5.0.0', error: 'other', text: 'messaggio rifiutato' },
  'time-limit': { code: '5.4.1', error: 'other', text: "il messaggio non è stato consegnato nelle 24 ore successive all'invio" },
}

const MAX_REPLY = 500

/** The failure that this cause is, told by the provider of this name. */
export function failureOf(cause: FailureCause, provider: string): Failure {
  const { code, error, text } = FAILURES[cause]
  return { error, errorDetail: `${code} - ${oneLine(provider)} - ${text}` }
}

/**
 * The failure that a peer's permanent SMTP reply is, e.g. `550 5.1.1 User unknown`; its text is repeated. A reply without an
 * enhanced status code, or with one that note 12 has no room for (two digits), is a 5.0.0 or the like.
 */
export function refusalOf(reply: string, provider: string): Failure {
  const line = oneLine(reply).slice(0, MAX_REPLY)
  const [, subject = '0', detail = '0', text = line] = /^(?:5\d\d[ -])?\s?5\.(\d)\.(\d{1,3})\s?(.*)$/u.exec(line) ?? []
  const code = `5.${subject}.${detail.length === 1 ? detail : '0'}`
  const said = oneLine(text)
  const error = code === FAILURES['unknown-domain'].code ? 'no-domain' : subject === '1' ? 'no-recipient' : 'other'
  return { error, errorDetail: `${code} - ${oneLine(provider)} - ${said === '' ? FAILURES['delivery-refused'].text : said}` }
}
