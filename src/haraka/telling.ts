/** What Haraka's sessions and attempts have to tell. */
import constants from 'haraka-constants'
import { PecError } from '../errors.js'
import type { Client, Point, Received, Watch } from '../watch/occurrence.js'
import type { Watched } from '../watch/watched.js'
import { markOf } from '../directory/certificate-marks.js'
import { certificateOf } from './certificate-login.js'
import { noteOf } from './note.js'
import type { SpamFilter } from './spam-filter.js'
import type { Connection, QueuedMail, Transaction } from './types.js'

/** The other end of a session. Haraka has words of its own for a name that could not be found. */
export function clientOf({ remote: { ip, host } }: { readonly remote: { readonly ip: string; readonly host: string } }): Client {
  return { ip, host: host.includes('.') && host !== ip ? host : undefined }
}

/** Once for each session, at its first command under TLS: Haraka has no hook for the handshake. */
export function tellTls(connection: Connection, point: Point, watch: Watch): void {
  const { tls, notes, uuid } = connection
  if (!tls.enabled || notes['pec_tls_told'] === true) return
  notes['pec_tls_told'] = true
  const { version: protocol, standardName, name } = tls.cipher ?? {}
  const cipher = standardName ?? name
  watch.tell({ kind: 'tls', at: new Date(), point, client: clientOf(connection), session: uuid, protocol, cipher })
}

/** `fault` is about the client's certificate, where that decided. */
export function tellAuthentication(
  connection: Connection,
  { user, passed, fault }: { readonly user: string; readonly passed: boolean; readonly fault?: string | undefined },
  watch: Watch,
): void {
  const shown = certificateOf(connection)
  const certificate = shown === undefined ? {} : { certificate: markOf(shown) }
  const about = { user, passed, ...certificate, ...(fault === undefined ? {} : { fault }) }
  watch.tell({ kind: 'authentication', at: new Date(), client: clientOf(connection), session: connection.uuid, ...about })
}

export function tellRelayAttempt(connection: Connection, recipient: string, watch: Watch): void {
  const { uuid, transaction } = connection
  const sender = senderOf(connection) ?? ''
  const session = transaction?.uuid ?? uuid
  watch.tell({ kind: 'relay-attempt', at: new Date(), client: clientOf(connection), session, sender, recipient })
}

/** The parameters of Haraka's `deny` hook: code and words of the refusal, and the hook that it was made in. */
export type Denial = readonly [code: number, words: unknown, plugin: string, method: string, params: unknown, hook: string]

/** A refusal by whatever plugin. */
export function tellRefusal(connection: Connection, [code, words, , , , hook]: Denial, point: Point, watch: Watch): void {
  const { uuid, transaction } = connection
  watch.tell({
    kind: 'refusal',
    at: new Date(),
    point,
    client: clientOf(connection),
    session: transaction?.uuid ?? uuid,
    command: COMMANDS[hook] ?? hook.toUpperCase(),
    sender: senderOf(connection),
    recipients: transaction?.rcpt_to.map(({ address }) => address) ?? [],
    reply: wordsOf(words),
    temporary: code === constants.denysoft || code === constants.denysoftdisconnect,
  })
}

/** The commands of hooks that are not named after one. */
const COMMANDS: Readonly<Record<string, string>> = {
  data_post: 'DATA',
  queue: 'DATA',
  queue_outbound: 'DATA',
  unrecognized_command: 'AUTH',
}

/** What a message that came in has become. */
interface Taken {
  readonly outcome: Received['outcome']
  /** Given at the access point. */
  readonly identifier: string | undefined
  /** When its DATA had ended, by performance.now(). */
  readonly begun: number
}

/** The transaction is told of by itself: that of the connection is gone once the client is. */
export function tellReception(
  connection: Connection,
  message: { readonly transaction: Transaction; readonly size: number },
  point: Received['point'],
  { begun, ...taken }: Taken,
  watch: Watch,
): void {
  const { uuid: session, mail_from, rcpt_to } = message.transaction
  watch.tell({
    kind: 'reception',
    at: new Date(),
    point,
    client: clientOf(connection),
    session,
    sender: mail_from.isNull() ? '' : mail_from.address,
    recipients: rcpt_to.map(({ address }) => address),
    size: message.size,
    milliseconds: performance.now() - begun,
    ...taken,
  })
}

/** A spam filter that tells what it has marked, and whether it works. */
export function watchSpamFilter(filter: SpamFilter, { watch, health }: Pick<Watched, 'watch' | 'health'>): SpamFilter {
  return {
    async rate(suspect) {
      const rating = await filter.rate(suspect)
      const { level, failure } = rating
      if (failure === undefined) health.works('spam-filter')
      else health.failed('spam-filter', new PecError('spam-filter', failure, { temporary: true }))
      if (level === undefined) return rating
      const { uuid: session, sender, recipients, client: remote } = suspect
      watch.tell({ kind: 'spam', at: new Date(), client: clientOf({ remote }), session, sender, recipients, level })
      return rating
    },
  }
}

/** An attempt of Haraka's that failed for now. */
export function tellDeferral({ todo }: QueuedMail, reason: unknown, delay: number, watch: Watch): void {
  watch.tell({
    kind: 'deferral',
    at: new Date(),
    domain: todo.domain,
    reason: wordsOf(reason),
    delay,
    identifier: noteOf(todo.notes)?.errand.identifier ?? '',
    sender: todo.mail_from.address,
    recipients: todo.rcpt_to.map(({ address }) => address),
  })
}

function senderOf({ transaction }: Connection): string | undefined {
  if (transaction === null) return undefined
  return transaction.mail_from.isNull() ? '' : transaction.mail_from.address
}

/** Words, or a DSN of Haraka's. */
function wordsOf(words: unknown): string {
  if (typeof words === 'string') return words
  if (words instanceof Error) return words.message
  if (typeof words === 'object' && words !== null && 'reply' in words) return String(words.reply)
  return ''
}
