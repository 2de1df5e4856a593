/**
 * Copies of mailboxes' traffic on their way into the folder of copies (O8): at once, or else by Haraka's queue, whose attempts to find a
 * host for them are attempts to write them.
 */
import type { CopyFolder } from '../copies/copy-folder.js'
import { reasonOf } from '../errors.js'
import type { Source } from '../mail/source.js'
import type { DeliveryPoint } from '../points/delivery.js'
import type { Errand } from '../points/ports.js'
import type { Health } from '../watch/health.js'
import type { ArrivalSettings } from './arrival.js'
import type { Reply } from './hook.js'
import { noteOf } from './note.js'
import { untilDone } from './outcome.js'
import { withQueuedMessage } from './queued.js'
import type { Logger, QueuedMail } from './types.js'

export interface CopyingHouse {
  readonly copies: CopyFolder
  readonly delivery: () => Pick<DeliveryPoint, 'passedOn'>
  readonly health: Health
}

export type CopyErrand = Extract<Errand, { readonly kind: 'archive' }>

/** Copies that are in their folder: Haraka removes them from the queue once get_mx has refused and `bounce` has been answered. */
const kept = new WeakSet<QueuedMail>()

export function isKept(mail: QueuedMail): boolean {
  return kept.has(mail)
}

/** Durable and in the register when it resolves. Rejects with PecError 'copies', temporary, if it cannot be kept now. */
export async function keepCopy(
  errand: CopyErrand,
  copy: { readonly mailbox: string; readonly from: string; readonly message: Source },
  { copies, delivery, health }: CopyingHouse,
  log: Logger,
): Promise<void> {
  const { mailbox, from, message } = copy
  const path = await health.of('copies', copies.keep(mailbox, message, new Date(errand.at)))
  await untilDone(log, () => delivery().passedOn(errand, [mailbox], from, `kept as ${path}`))
}

/** What get_mx answers for a copy in the queue; undefined for all else. */
export async function keepQueued(
  mail: QueuedMail,
  house: CopyingHouse,
  settings: ArrivalSettings,
  log: Logger,
): Promise<Reply | undefined> {
  const { notes, rcpt_to, mail_from } = mail.todo
  const errand = noteOf(notes)?.errand
  const [mailbox] = rcpt_to
  if (errand?.kind !== 'archive' || mailbox === undefined) return undefined
  try {
    await withQueuedMessage(mail, settings, (message) =>
      keepCopy(errand, { mailbox: mailbox.address, from: mail_from.address, message }, house, log),
    )
  } catch (error) {
    const reason = reasonOf(error)
    // For whoever gives it up: Haraka only tells that there was no host.
    Object.assign(mailbox, { dsn_smtp_code: '450', dsn_smtp_response: reason })
    return { code: 'defer', text: reason }
  }
  kept.add(mail)
  return { code: 'refuse', text: 'kept' }
}
