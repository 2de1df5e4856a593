import { isAddress } from '../mail/address.js'
import { section } from './section.js'

/** [provider]: who we are. Domain and address in lower case. */
export const provider = section('provider', ['name', 'domain', 'receipts'], (values) => {
  const domain = values.text('domain').toLowerCase()
  const name = values.text('name')
  const receipts = values.text('receipts').toLowerCase()
  if (domain !== '' && !isAddress(`posta-certificata@${domain}`)) values.fault(`domain ${domain} is not a mail domain`)
  if (receipts !== '' && !isAddress(receipts)) values.fault(`receipts ${receipts} is not a mail address`)
  return { name, domain, receipts }
})
