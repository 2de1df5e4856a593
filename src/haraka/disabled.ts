/**
 * Mailboxes that take nothing, whatever the mailbox store knows of them: their messages are refused before they get there, with the code
 * that a non-delivery notice gives for it. RFC 6109 §3.3.3
 */
import type { Directory } from '../points/ports.js'
import { noteOf } from './note.js'
import type { QueuedMail } from './types.js'

/** What a store would say. */
export const DISABLED = { code: 550, text: '5.2.1 Mailbox disabled' } as const

/** Messages that Haraka was told to refuse for it: it only passes on that there is no host. */
const turnedAway = new WeakSet<QueuedMail>()

/** Rejects with PecError 'directory', temporary, if nobody can tell. */
export async function isDisabled(address: string, directory: Pick<Directory, 'mailbox'>): Promise<boolean> {
  const state = (await directory.mailbox(address))?.state
  return state === 'frozen' || state === 'closed'
}

/** Whether a message for a mailbox has to be refused; remembered, for `wasTurnedAway`. Rejects as `isDisabled` does. */
export async function turnAway(mail: QueuedMail, directory: Pick<Directory, 'mailbox'>): Promise<boolean> {
  const [recipient] = mail.todo.rcpt_to
  const isDelivery = noteOf(mail.todo.notes)?.errand.kind.startsWith('deliver-') === true
  if (!isDelivery || recipient === undefined || !(await isDisabled(recipient.address, directory))) return false
  turnedAway.add(mail)
  return true
}

export function wasTurnedAway(mail: QueuedMail): boolean {
  return turnedAway.has(mail)
}
