/**
 * What is owed to the options of mailboxes (O8) and goes to no host: copies on their way into the folder of copies, at once or else by
 * Haraka's queue; and messages whose mailbox could not be asked for its options. Haraka's attempts to find a host for one are attempts
 * to do it.
 */
import type { CopyFolder } from '../copies/copy-folder.js'
import { isPecError, reasonOf } from '../errors.js'
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
  readonly delivery: () => Pick<DeliveryPoint, 'passedOn' | 'optionsOwed'>
  readonly health: Health
}

export type CopyErrand = Extract<Errand, { readonly kind: 'archive' }>

/** What is done: Haraka removes it from the queue once get_mx has refused and `bounce` has been answered. */
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

/** What get_mx answers for what is in the queue and goes to no host; undefined for all else. */
export async function keepQueued(
  mail: QueuedMail,
  house: CopyingHouse,
  settings: ArrivalSettings,
  log: Logger,
): Promise<Reply | undefined> {
  const { notes, rcpt_to, mail_from } = mail.todo
  const errand = noteOf(notes)?.errand
  const [mailbox] = rcpt_to
  if ((errand?.kind !== 'archive' && errand?.kind !== 'options') || mailbox === undefined) return undefined
  const { address } = mailbox
  const from = mail_from.address
  try {
    await withQueuedMessage(mail, settings, (message) =>
      errand.kind === 'archive'
        ? keepCopy(errand, { mailbox: address, from, message }, house, log)
        : house.health.of('copies', house.delivery().optionsOwed(errand, message, address, from), isDirectory),
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

/** The ledger has an alarm of its own. */
function isDirectory(error: unknown): boolean {
  return isPecError(error) && error.code === 'directory'
}
