/**
 * A message about to leave the queue: whether it may (the gate), and where it goes. Mailboxes are reached by LMTP, other
 * providers by static routes or the DNS, under the TLS that RFC 6109 §5.3 asks for.
 */
import type { Config } from '../config/config.js'
import type { Endpoint } from '../config/endpoint.js'
import type { TlsPolicy } from '../config/peers.js'
import type { SqlLedger } from '../ledger/ledger.js'
import type { ProviderIndex } from '../points/ports.js'
import { PASS, type Reply } from './hook.js'
import { noteOf } from './note.js'
import type { QueuedMail } from './types.js'

/** Messages that must never leave: Haraka removes them once get_mx has refused and `bounce` has been answered. */
const condemned = new WeakSet<QueuedMail>()

export function isCondemned(mail: QueuedMail): boolean {
  return condemned.has(mail)
}

/** Milliseconds within which a step that wrote a message has been committed, or never will be. */
const LONGEST_STEP_MS = 60_000
/** Seconds until a message is looked at again that may still be committed. */
const AGAIN: Reply = { code: 'delay', text: 10 }

/** What the gate asks. */
export type GateRegister = Pick<SqlLedger, 'isCommitted' | 'giveUp' | 'search'>

/**
 * The gate of prepare–commit–release. Passes what was committed, and reports of Haraka's own making (null sender). The rest is
 * condemned: what a process had prepared and not committed when it died, and anything that came into the queue around the points
 * (P4). A process may be given the files of one that is alive, where pids come again as in a container that is restarted: what
 * was written only just now may still be committed, and waits. Rejects when the ledger cannot tell.
 */
export async function passGate(mail: QueuedMail, register: GateRegister, now: Date): Promise<Reply> {
  const note = noteOf(mail.todo.notes)
  let passes = note === undefined ? mail.todo.mail_from.isNull() : await register.isCommitted(note.step)
  // A clock that was set back does not make it wait for longer.
  if (!passes && note !== undefined && Math.abs(now.getTime() - mail.todo.queue_time) < LONGEST_STEP_MS) return AGAIN
  // Where the answer to a commit was lost, that may be carried out late: never once its messages are dropped.
  if (!passes && note !== undefined) passes = !(await register.giveUp(note.step))
  if (!passes) {
    condemned.add(mail)
    const why = note === undefined ? 'no point has made it' : `its step ${note.step} was never committed`
    mail.lognotice(`queued message ${mail.todo.uuid} is dropped: ${why}`)
  } else if (await isDelivered(mail, register)) {
    condemned.add(mail)
    mail.lognotice(`queued message ${mail.todo.uuid} is done with: it was delivered before its process died`)
  }
  return PASS
}

/** Whether it is an envelope of which the register says that its recipient has it: the process died before it could take the file away. */
async function isDelivered({ todo }: QueuedMail, register: GateRegister): Promise<boolean> {
  const errand = noteOf(todo.notes)?.errand
  if (errand?.kind !== 'deliver-envelope') return false
  const { identifier, recipient } = errand
  // Of our own making, so nobody else's word is taken for it.
  return (await register.search({ type: 'delivery', identifier, recipient }, 1)).events.length > 0
}

export interface Way {
  readonly reply: Reply
  readonly tls: TlsPolicy
}

/** Whether it goes to the mailbox store. */
export function isForStore(mail: QueuedMail): boolean {
  return !condemned.has(mail) && noteOf(mail.todo.notes)?.errand.kind.startsWith('deliver-') === true
}

export function wayOf(mail: QueuedMail, config: Config, index: ProviderIndex): Way {
  if (condemned.has(mail)) return { reply: { code: 'refuse', text: 'dropped' }, tls: 'optional' }
  const errand = noteOf(mail.todo.notes)?.errand.kind
  // Haraka's own way to a delivery report: it asks `bounce` next.
  if (errand === 'refuse') return { reply: { code: 'refuse', text: 'refused on arrival' }, tls: 'optional' }
  if (isForStore(mail)) return { reply: { code: 'accept', text: lmtp(config.store.lmtp) }, tls: 'optional' }
  const domain = mail.todo.domain.toLowerCase()
  const route = config.routes.get(domain)
  const tls = index.byDomain(domain) === undefined ? 'optional' : (config.peerTls.get(domain) ?? config.peers.tls)
  return { reply: route === undefined ? PASS : { code: 'accept', text: exchange(route) }, tls }
}

function lmtp(store: Endpoint): Record<string, unknown> {
  return { ...exchange(store), using_lmtp: true }
}

function exchange(to: Endpoint): Record<string, unknown> {
  return 'path' in to ? { path: to.path } : { exchange: to.host, port: to.port }
}
