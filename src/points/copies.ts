/**
 * Copies of a mailbox's traffic for its archive (O8). They are prepared and committed with what they are copies of, and then go their
 * own way through the queue: whatever becomes of them, nobody's receipt waits for it.
 */
import type { Passed } from './options.js'
import type { Dispatch, Mailbox } from './ports.js'

/** The copy for the archive of this mailbox; nothing where it has none. A copy is never copied itself. */
export function archiveCopy(mailbox: Mailbox | undefined, { from, message, identifier, at }: Passed): Dispatch[] {
  const archive = mailbox?.archive
  if (mailbox === undefined || archive === undefined) return []
  if (typeof archive === 'object') return [{ from, to: [archive.mailbox], message, errand: { kind: 'deliver-copy', identifier } }]
  return [{ from, to: [mailbox.address], message, errand: { kind: 'archive', identifier, at: at.toISOString() } }]
}
