import type { Endpoint } from './endpoint.js'
import { section } from './section.js'

/** [retrieval]: the mailbox from which extracts of the register are sent; undefined where they are not. */
export const retrieval = section('retrieval', ['mailbox', 'password_file', 'submission', 'certificate'], (values) => {
  const mailbox = values.optionalText('mailbox')?.toLowerCase()
  const passwordFile = values.optionalPath('password_file')
  const submission = values.endpoint('submission', '127.0.0.1:465')
  const certificate = values.path('certificate', 'config/tls_cert.pem')
  if (mailbox === undefined) return undefined
  if (passwordFile === undefined) values.fault('password_file is missing')
  if (!isHost(submission)) values.fault('submission is not HOST:PORT')
  return passwordFile === undefined || !isHost(submission) ? undefined : { mailbox, passwordFile, submission, certificate }
})

function isHost(endpoint: Endpoint): endpoint is Extract<Endpoint, { host: string }> {
  return 'host' in endpoint
}
