/** What a mailbox may have beside its mail (O8), as people write it: in the directory and on the command line. */
import { domainOf, isAddress } from '../mail/address.js'
import type { ArrivalNotice, Mailbox, TrafficArchive } from '../points/ports.js'

/** For messages about what is none. */
export const ARCHIVE_WORDS = 'files, mailbox:ADDRESS'
export const NOTICE_WORDS = 'plain:ADDRESS, details:ADDRESS'

const MAILBOX = 'mailbox:'
const PLAIN = 'plain:'
const DETAILS = 'details:'

/** Undefined if it is none. */
export function parseArchive(text: string): TrafficArchive | undefined {
  if (text === 'files') return text
  const mailbox = after(MAILBOX, text)?.toLowerCase()
  return mailbox === undefined ? undefined : { mailbox }
}

export function formatArchive(archive: TrafficArchive): string {
  return typeof archive === 'string' ? archive : `${MAILBOX}${archive.mailbox}`
}

/** Undefined if it is none. */
export function parseNotice(text: string): ArrivalNotice | undefined {
  const details = after(DETAILS, text)
  const to = details ?? after(PLAIN, text)
  return to === undefined ? undefined : { to, details: details !== undefined }
}

export function formatNotice({ to, details }: ArrivalNotice): string {
  return `${details ? DETAILS : PLAIN}${to}`
}

/** Why a mailbox cannot have these options; undefined if it can. A copy would come twice, or a notice would be certified mail. */
export function faultOfOptions(
  { archive, arrivalNotice }: Pick<Mailbox, 'archive' | 'arrivalNotice'>,
  addresses: readonly string[],
  isOurs: (domain: string) => boolean,
): string | undefined {
  if (typeof archive === 'object') {
    if (addresses.includes(archive.mailbox)) return 'its archive cannot be the mailbox itself'
    if (!isOurs(domainOf(archive.mailbox))) return `the archive ${archive.mailbox} is not in a domain of ours`
  }
  if (arrivalNotice !== undefined && isOurs(domainOf(arrivalNotice.to).toLowerCase()))
    return `notices of arrival cannot go to ${arrivalNotice.to}, which is ours`
  return undefined
}

function after(prefix: string, text: string): string | undefined {
  const address = text.startsWith(prefix) ? text.slice(prefix.length) : ''
  return isAddress(address) ? address : undefined
}
