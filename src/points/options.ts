/**
 * The options of mailboxes (O8): what they add to the messages that pass through. They go their own way: nobody's receipt waits for
 * them, not even for the directory to tell what they are.
 */
import { isPecError, PecError } from '../errors.js'
import type { Source } from '../mail/source.js'
import type { Directory, Dispatch, Errand, Mailbox, Passage } from './ports.js'

export type OptionsErrand = Extract<Errand, { readonly kind: 'options' }>

/** A message that has passed through a mailbox. */
export interface Passed {
  readonly mailbox: string
  readonly as: Passage
  /** Reverse path; '' for none. */
  readonly from: string
  readonly message: Source
  /** The original's; '' where there is none. */
  readonly identifier: string
  readonly at: Date
}

/** What a mailbox adds to a message. */
export type Add = (mailbox: Mailbox | undefined) => readonly Dispatch[] | Promise<readonly Dispatch[]>

/** What is added now; while nobody can tell what the mailbox has, the message itself, to be asked about again. */
export async function optionsOf(passed: Passed, directory: Pick<Directory, 'mailbox'>, add: Add): Promise<readonly Dispatch[]> {
  try {
    return await add(await readMailbox(passed.mailbox, directory))
  } catch (error) {
    if (!isPecError(error) || !error.temporary) throw error
    const { mailbox, as, from, message, identifier, at } = passed
    return [{ from, to: [mailbox], message, errand: { kind: 'options', identifier, at: at.toISOString(), as } }]
  }
}

/** A mailbox whose options are known. Rejects with PecError 'directory', temporary, while nobody can tell. */
export async function readMailbox(address: string, directory: Pick<Directory, 'mailbox'>): Promise<Mailbox | undefined> {
  const mailbox = await directory.mailbox(address)
  if (mailbox?.unreadableOptions !== undefined) throw new PecError('directory', mailbox.unreadableOptions, { temporary: true })
  return mailbox
}
