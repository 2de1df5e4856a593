import { isAddress } from '../mail/address.js'
import { section } from './section.js'

/** [options]: what mailboxes may have beside their mail; how many notices of arrival one may give rise to in an hour. */
export const options = section('options', ['copies', 'notice_from', 'notices'], (values) => {
  const noticeFrom = values.optionalText('notice_from')
  if (noticeFrom !== undefined && !isAddress(noticeFrom)) values.fault(`notice_from is ${noticeFrom}, not a mail address`)
  return { copies: values.path('copies', 'copies'), noticeFrom, notices: values.number('notices', 60) }
})
