/**
 * The SMTP session before the message: which point a listener plays, and what each lets a client do. Submission is for
 * authenticated users under TLS who write in their own name; reception is for mail to our own domains. RFC 6109 §2.2.1, §5.3
 */
import type { Config } from '../config/config.js'
import { domainOf, isAddress } from '../mail/address.js'
import { parseLogin } from '../directory/own-directory.js'
import type { Directory, Mailbox } from '../points/ports.js'
import type { Point } from '../watch/occurrence.js'
import { ACCEPT, PASS, type Reply } from './hook.js'
import type { Connection } from './types.js'

/** Decided by the local port alone: `relaying` outlives transactions, and Haraka guards ports 465 and 587 only. */
export type Role = 'submission' | 'reception'

export function roleOf(connection: Connection, { listeners }: Config): Role | undefined {
  const { port } = connection.local
  if (listeners.submission.includes(port)) return 'submission'
  return listeners.reception.includes(port) ? 'reception' : undefined
}

/** The point that a session belongs to; one on a listener that plays none never gets further than its refusal. */
export function pointOf(connection: Connection, config: Config): Point {
  return roleOf(connection, config) === 'submission' ? 'access' : 'reception'
}

/** The login that the session authenticated with, lower case; undefined before that. */
export function userOf(connection: Connection): string | undefined {
  const user = connection.notes['auth_user']
  return connection.relaying && typeof user === 'string' ? user.toLowerCase() : undefined
}

/** Whether AUTH comes when it may: once in a session, and not while a message is on its way, which would be somebody else's. RFC 4954 §4 */
export function mayAuthenticate(connection: Connection): boolean {
  return userOf(connection) === undefined && connection.transaction === null
}

/** MAIL on a submission listener: TLS, authentication, a mailbox that may send, and its own address. */
export async function mayBeginSubmission(connection: Connection, sender: string, directory: Directory): Promise<Reply> {
  if (!connection.tls.enabled) return refuse([530, 7, 0], 'Use STARTTLS first')
  const user = userOf(connection)
  if (user === undefined) return refuse([530, 7, 0], 'Authentication required')
  const mailbox = await directory.mailbox(parseLogin(user).address)
  if (mailbox?.state !== 'active') return refuse([550, 2, 1], 'This mailbox may not send')
  if (!(await owns(mailbox, sender, directory))) return refuse([553, 7, 1], 'Sender address rejected: not owned by user')
  return PASS
}

/** By its address or an alias. In lower case a letter outside ASCII may turn into one of it, and what is certified would be no address. */
async function owns({ address }: Mailbox, sender: string, directory: Directory): Promise<boolean> {
  if (!isAddress(sender)) return false
  return sender.toLowerCase() === address || (await directory.mailbox(sender))?.address === address
}

/** RCPT on a submission listener; `count` recipients came before. */
export function mayAddRecipient(recipient: string, count: number, ceiling: number): Reply {
  if (!isAddress(recipient)) return refuse([553, 1, 3], 'The recipient is not a mail address')
  // An address literal leads around the DNS, to hosts that may be inside our own network.
  if (domainOf(recipient).startsWith('[')) return refuse([553, 1, 2], 'The recipient has an IP address in the place of a domain')
  return count >= ceiling ? { code: 'defer', status: [452, 5, 3], text: 'Too many recipients' } : ACCEPT
}

/** After DATA: a message too large even for a notice. RFC 6109 §3.1.2 */
export function isTooLarge({ transaction }: Connection, limit: number): Reply {
  return transaction !== null && transaction.data_bytes > limit ? refuse([552, 3, 4], 'The message is too large') : PASS
}

/**
 * RCPT on a reception listener: any address of our domains. Whether the mailbox exists is for the delivery point to say, with
 * a notice, after the sender's provider has been given its take-charge receipt. RFC 6109 §2.2.2
 */
export function mayReceive(recipient: string, directory: Directory): Reply {
  if (!isAddress(recipient)) return refuse([553, 1, 3], 'The recipient is not a mail address')
  return directory.managesDomain(domainOf(recipient)) ? ACCEPT : refuse([550, 7, 1], 'Relaying denied')
}

function refuse(status: NonNullable<Reply['status']>, text: string): Reply {
  return { code: 'refuse', status, text }
}
