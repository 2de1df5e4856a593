/** The keys by which a section names a mailbox of the provider's own, from which it sends. */
import type { ServiceMailbox } from '../service-mailbox.js'
import type { Endpoint } from './endpoint.js'
import type { Values } from './values.js'

export const SERVICE_MAILBOX_KEYS = ['mailbox', 'password_file', 'submission', 'certificate'] as const

/** Undefined where no mailbox is named, or it is not told how to send from it. */
export function serviceMailbox(values: Values<(typeof SERVICE_MAILBOX_KEYS)[number]>): ServiceMailbox | undefined {
  const mailbox = values.optionalText('mailbox')?.toLowerCase()
  const passwordFile = values.optionalPath('password_file')
  const submission = values.endpoint('submission', '127.0.0.1:465')
  const certificate = values.path('certificate', 'config/tls_cert.pem')
  if (mailbox === undefined) return undefined
  if (passwordFile === undefined) values.fault('password_file is missing')
  if (!isHost(submission)) values.fault('submission is not HOST:PORT')
  return passwordFile === undefined || !isHost(submission) ? undefined : { mailbox, passwordFile, submission, certificate }
}

function isHost(endpoint: Endpoint): endpoint is Extract<Endpoint, { host: string }> {
  return 'host' in endpoint
}
