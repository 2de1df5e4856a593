import { isAddress } from '../mail/address.js'
import { section } from './section.js'
import { SERVICE_MAILBOX_KEYS, serviceMailbox } from './service-mailbox.js'

/**
 * [interoperability]: the mailbox from which test messages are sent, and those of other providers to which they go; undefined where
 * none are. Times in seconds.
 */
export const interoperability = section('interoperability', [...SERVICE_MAILBOX_KEYS, 'to', 'patience', 'interval'], (values) => {
  const from = serviceMailbox(values)
  const to = [...new Set(values.list('to').map((address) => address.toLowerCase()))]
  const patience = values.number('patience', 1800)
  const interval = values.number('interval', 0, 0)
  for (const address of to) if (!isAddress(address)) values.fault(`to: ${address} is no mail address`)
  if (from === undefined) {
    if (interval > 0) values.fault('interval is set, but no mailbox to send from')
    return undefined
  }
  if (to.length === 0) values.fault('to names no mailbox of another provider')
  if (interval > 0 && interval <= patience) values.fault('interval is not longer than patience')
  return { from, to, patience, interval: interval === 0 ? undefined : interval }
})
