/**
 * Notices of arrival (O8): a short ordinary e-mail to the address that a mailbox has named, once for each message that is delivered to
 * it. They have no reverse path, so that nothing comes back, and go to ordinary mail only; one that comes back all the same, because that
 * address sends its mail on to the mailbox, gives rise to no other.
 */
import { isPecError } from '../errors.js'
import { domainOf } from '../mail/address.js'
import { firstValue } from '../mail/header.js'
import type { Source } from '../mail/source.js'
import { composeArrivalNotice, type ArrivalDetails } from '../pec/arrival-notice.js'
import { readEnclosures } from '../pec/enclosures.js'
import { readHead } from '../pec/head.js'
import { openPecMessage } from '../pec/message.js'
import type { Moment } from '../pec/moment.js'
import { subjectOf } from '../pec/original.js'
import type { House } from './house.js'
import type { Dispatch, Mailbox } from './ports.js'

export interface NoticeSettings {
  /** Who the notices are from. */
  readonly from: string
  /** Counts one more notice for a mailbox; false if there were too many of late. */
  readonly mayGo: (mailbox: string) => boolean
}

export interface NoticeHouse extends Pick<House, 'directory' | 'index' | 'issuer'> {
  readonly notices: NoticeSettings
}

/** The notice of a message that has been delivered to this mailbox; nothing where it wants none. */
export function noticeFor(
  mailbox: Mailbox | undefined,
  identifier: string,
  details: ArrivalDetails,
  moment: Moment,
  { directory, index, issuer, notices }: NoticeHouse,
): Dispatch[] {
  const notice = mailbox?.arrivalNotice
  if (mailbox === undefined || notice === undefined) return []
  const domain = domainOf(notice.to)
  if (directory.managesDomain(domain) || index.byDomain(domain) !== undefined || !notices.mayGo(mailbox.address)) return []
  const message = composeArrivalNotice(
    { from: notices.from, to: notice.to, mailbox: mailbox.address, details: notice.details ? details : undefined, moment },
    issuer,
  )
  return [{ from: '', to: [notice.to], message, errand: { kind: 'notify', identifier } }]
}

/**
 * The same of an anomaly envelope; nothing of one around what a program wrote or returned, or that cannot be read: its delivery goes
 * before. RFC 3834 §2, §5
 */
export async function noticeOfAnomaly(
  mailbox: Mailbox | undefined,
  envelope: Source,
  sender: string,
  moment: Moment,
  house: NoticeHouse,
): Promise<Dispatch[]> {
  if (mailbox?.arrivalNotice === undefined || sender === '') return []
  try {
    const opened = await openPecMessage(envelope)
    const { original } = await readEnclosures(opened)
    if (original === undefined || (await isAutomatic(original.message))) return []
    return noticeFor(mailbox, '', { sender, subject: subjectOf(opened.header) }, moment, house)
  } catch (error) {
    if (isPecError(error) && error.code === 'malformed') return []
    throw error
  }
}

async function isAutomatic(message: Source): Promise<boolean> {
  const submitted = firstValue((await readHead(message)).header, 'Auto-Submitted')
  return submitted !== undefined && !/^no\b/i.test(submitted)
}
