import { section } from './section.js'

const KEYS = [
  'recipients',
  'bytes_times_recipients',
  'recipients_ceiling',
  'bytes',
  'failed_logins',
  'failed_logins_network',
] as const

/** [limits]: what a notice refuses and, from the ceilings on, the SMTP session: recipients and bytes; and wrong passwords. */
export const limits = section('limits', KEYS, (values) => {
  const recipients = values.number('recipients', 1000)
  const recipientsCeiling = values.number('recipients_ceiling', 2000)
  if (recipientsCeiling < recipients) values.fault('recipients_ceiling is less than recipients')
  return {
    recipients,
    bytesTimesRecipients: values.number('bytes_times_recipients', 100_000_000),
    recipientsCeiling,
    bytes: values.number('bytes', 100_000_000),
    failedLogins: { login: values.number('failed_logins', 10), network: values.number('failed_logins_network', 100) },
  }
})
