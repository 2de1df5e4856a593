/**
 * Haraka removes a queued message without a word to any hook when no recipient was answered with 250 and none with an error, as
 * when a peer answers 251. A message must not end like that: it is taken for a temporary failure instead.
 */
import type { QueuedMail } from './types.js'

const spokenOf = new WeakSet<QueuedMail>()
const watched = new WeakSet<QueuedMail>()

/** Before an attempt: nothing has been said yet. */
export function listenTo(mail: QueuedMail): void {
  spokenOf.delete(mail)
  if (watched.has(mail)) return
  watched.add(mail)
  const discard = mail.discard.bind(mail)
  mail.discard = () => {
    // Somebody else holds it too: recipients that were answered with an error have been split off.
    if (mail.refcount > 1) hasSpoken(mail)
    if (mail.refcount === 1 && !spokenOf.has(mail)) mail.temp_fail('no recipient was answered with 250')
    else discard()
  }
}

/** A hook has been told how the attempt ended. */
export function hasSpoken(mail: QueuedMail): void {
  spokenOf.add(mail)
}
