/**
 * A PEC message as it comes out of somebody's folder, years later. Mail programs save messages with LF line ends or below a line of
 * their own; what was signed has CRLF. Such a copy is as good as the message itself if, so completed, its signature holds.
 */
import { isPecError } from '../errors.js'
import { completeLineEnds, withCompleteHead, withoutMboxLine } from '../mail/line-ends.js'
import type { Source } from '../mail/source.js'
import { transformed } from '../mail/transformed.js'
import { verifyDetached, verifyEnclosed, type SignatureVerdict } from '../smime/verify.js'
import { openPecMessage, type OpenedMessage, type SignedForm } from './message.js'

export interface SavedMessage {
  readonly opened: OpenedMessage
  /** undefined: it is not signed. */
  readonly signature: SignatureVerdict | undefined
  /** Whether CRLF was read for the LF that stands in the copy, below its header. */
  readonly lineEndsCompleted: boolean
}

/**
 * Opens a copy and verifies its signature: as it stands, and with its line ends completed only where that is what makes it
 * readable or makes the signature hold. Throws PecError 'malformed' if its header is longer than 1 MiB.
 */
export async function openSavedMessage(copy: Source): Promise<SavedMessage> {
  const message = await withCompleteHead(await withoutMboxLine(copy))
  const completed = await transformed(message, completeLineEnds)
  if (completed.size === message.size) return { ...(await opening(message)), lineEndsCompleted: false }
  const asItStands = await opening(message).catch((error: unknown) => {
    // Without CRLF a header has no end.
    if (isPecError(error) && error.code === 'malformed') return undefined
    throw error
  })
  if (asItStands?.signature?.valid === true) return { ...asItStands, lineEndsCompleted: false }
  const withLineEnds = await opening(completed)
  const better = asItStands?.signature === undefined || withLineEnds.signature?.valid === true
  return better ? { ...withLineEnds, lineEndsCompleted: true } : { ...asItStands, lineEndsCompleted: false }
}

type Opening = Pick<SavedMessage, 'opened' | 'signature'>

async function opening(message: Source): Promise<Opening> {
  const opened = await openPecMessage(message)
  return { opened, signature: opened.signed === undefined ? undefined : await verified(opened.signed) }
}

async function verified(signed: SignedForm): Promise<SignatureVerdict> {
  if (signed.form === 'detached') return verifyDetached(signed.content, signed.signature)
  return (await verifyEnclosed(signed.signature)).verdict
}
