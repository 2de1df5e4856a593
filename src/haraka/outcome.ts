/** How a delivery attempt ended, told to the delivery point. */
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../errors.js'
import { slice } from '../mail/source.js'
import type { Config } from '../config.js'
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
  gateway: Gateway,
): Promise<void> {
  const note = noteOf(mail.todo.notes)
  if (note === undefined) return
  const { errand } = note
  const addresses = recipients.map(({ address }) => address)
  if (errand.kind === 'deliver-envelope') {
    const { start, end } = errand.original
    await withQueuedMessage(mail, spoolOf(gateway.config), (message) =>
      gateway.delivery.delivered(errand, slice(message, start, end)),
    )
  } else await gateway.delivery.passedOn(errand, addresses, mail.todo.mail_from.address, response)
}

/** Recipients that were refused for good. Whether Haraka owes the sender a plain delivery report. */
export async function tellRefused(
  mail: QueuedMail,
  error: BounceError,
  gateway: Gateway,
): Promise<{ readonly owesReport: boolean }> {
  const note = noteOf(mail.todo.notes)
  if (note === undefined) return { owesReport: false }
  const refused = error.bounced_rcpt ?? mail.todo.rcpt_to
  for (const recipient of refused)
    await gateway.delivery.refused(note.errand, recipient.address, mail.todo.mail_from.address, replyOf(recipient, error))
  return { owesReport: note.errand.kind === 'deliver-anomaly' }
}

/** What the other side said, e.g. `550 5.1.1 User unknown`. */
export function replyOf(recipient: QueuedRecipient, error: Error): string {
  const { dsn_smtp_code, dsn_smtp_extc, dsn_smtp_response, dsn_status, dsn_msg } = recipient
  if (dsn_smtp_response !== undefined) return [dsn_smtp_code, dsn_smtp_extc, dsn_smtp_response].filter(Boolean).join(' ')
  return recipient.reason ?? [dsn_status, dsn_msg ?? error.message].filter(Boolean).join(' ')
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

function spoolOf({ files }: Config): { readonly directory: string; readonly memory: number } {
  return { directory: files.spool, memory: files.memory }
}
