/** How a delivery attempt ended, told to the delivery point. */
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../errors.js'
import type { Config } from '../config/config.js'
import { DISABLED, wasTurnedAway } from './disabled.js'
import type { Gateway } from './gateway.js'
import { noteOf } from './note.js'
import { withQueuedMessage } from './queued.js'
import type { BounceError, Logger, QueuedMail, QueuedRecipient } from './types.js'

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 60_000

/** The mailbox store, a peer or an ordinary host accepted the message for these recipients. */
export async function tellAccepted(
  mail: QueuedMail,
  recipients: readonly QueuedRecipient[],
  response: string,
  gateway: Pick<Gateway, 'config' | 'delivery'>,
): Promise<void> {
  const note = noteOf(mail.todo.notes)
  if (note === undefined) return
  const { errand } = note
  const addresses = recipients.map(({ address }) => address)
  const sender = mail.todo.mail_from.address
  if (errand.kind === 'deliver-envelope')
    await withQueuedMessage(mail, spoolOf(gateway.config), (message) => gateway.delivery.delivered(errand, message))
  else if (errand.kind === 'deliver-other' || errand.kind === 'deliver-anomaly')
    await withQueuedMessage(mail, spoolOf(gateway.config), async (message) => {
      for (const address of addresses) await gateway.delivery.stored(errand, message, address, sender, response)
    })
  else await gateway.delivery.passedOn(errand, addresses, sender, response)
}

/** Recipients that were refused for good, or given up. Whether Haraka owes the sender a plain delivery report. */
export async function tellRefused(
  mail: QueuedMail,
  error: BounceError,
  { delivery }: Pick<Gateway, 'delivery'>,
): Promise<{ readonly owesReport: boolean }> {
  const note = noteOf(mail.todo.notes)
  if (note === undefined) return { owesReport: false }
  const { errand } = note
  if (errand.kind === 'refuse') {
    // It is in the register since it came in.
    explain(mail, error, errand.reply)
    return { owesReport: true }
  }
  if (wasTurnedAway(mail)) explain(mail, error, DISABLED.text)
  const sender = mail.todo.mail_from.address
  for (const recipient of error.bounced_rcpt ?? mail.todo.rcpt_to) {
    const reply = replyOf(recipient, error)
    if (isGivenUp(error)) await delivery.gaveUp(errand, recipient.address, sender, reply)
    else await delivery.refused(errand, recipient.address, sender, reply)
  }
  return { owesReport: errand.kind === 'deliver-anomaly' || errand.kind === 'forward' }
}

/** Puts our reply in the place of what Haraka's report would say, which is that there is no host. */
function explain({ todo }: QueuedMail, error: BounceError, reply: string): void {
  const [, dsn_status = '5.0.0', dsn_msg = reply] = /^(5\.\d{1,3}\.\d{1,3}) (.*)$/s.exec(reply) ?? []
  error.message = reply
  for (const recipient of todo.rcpt_to)
    Object.assign(recipient, { reason: reply, dsn_action: 'failed', dsn_code: '550', dsn_status, dsn_msg })
}

/** Whether Haraka ended it without anybody's refusal, out of attempts or for a failure of its queue: it only tells in words. */
function isGivenUp({ message }: Error): boolean {
  return /^(?:Too many failures|Error re-queueing|Error splitting)/.test(message)
}

/** What the other side said, e.g. `550 5.1.1 User unknown`, or what Haraka says in its place. */
export function replyOf(recipient: QueuedRecipient, error: Error): string {
  const { dsn_smtp_code = '', dsn_smtp_extc, dsn_smtp_response, dsn_status, dsn_msg } = recipient
  // A temporary answer is that of an earlier attempt, unless it was the last.
  if (dsn_smtp_response !== undefined && (dsn_smtp_code.startsWith('5') || isGivenUp(error)))
    return words(dsn_smtp_code, dsn_smtp_extc, dsn_smtp_response)
  // Haraka calls a host that did not answer a bad address.
  return isGivenUp(error) ? error.message : words(dsn_status, dsn_msg ?? error.message)
}

function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}

/**
 * Does what a hook must have done before it may answer: Haraka removes the message once it has, whatever the answer. Tried
 * again with growing waits until it works; meanwhile the message stays in the queue.
 */
export async function untilDone<T>(log: Logger, action: () => Promise<T>): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await action()
    } catch (error) {
      log.logerror(`an outcome cannot be recorded, next try in ${wait / 1000} s: ${reasonOf(error)}`)
    }
    await sleep(wait)
  }
}

/** Where large messages of the queue may be put for a while. */
export function spoolOf({ files }: Config): { readonly directory: string; readonly memory: number } {
  return { directory: files.spool, memory: files.memory }
}
