/**
 * Notices of arrival (O8): a short ordinary e-mail to the address that a mailbox has named, once for each message that is delivered to
 * it. They have no reverse path, so that nothing comes back, and go to ordinary mail only, so that none gives rise to another.
 */
import { domainOf } from '../mail/address.js'
import { composeArrivalNotice, type ArrivalDetails } from '../pec/arrival-notice.js'
import type { Moment } from '../pec/moment.js'
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
