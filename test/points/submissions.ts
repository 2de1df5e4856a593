/** Messages as users submit them. */
import { fromBuffer } from '../../src/mail/source.js'
import type { Submission } from '../../src/points/access.js'
import { crlf } from './house.js'

export const ANNA = 'anna@pec-a.test'
export const BRUNO = 'bruno@pec-a.test'
export const UGO = 'ugo@pec-b.test'
export const LIA = 'lia@comune.test'
export const MAX = 'max@posta.test'

export interface SubmissionParts {
  readonly sender?: string
  readonly to?: readonly string[]
  readonly cc?: readonly string[]
  /** Forward paths, where they are not those of To and Cc. */
  readonly recipients?: readonly string[]
  readonly subject?: string
  /** More header lines. */
  readonly fields?: string
  readonly body?: string
}

/** A message with an attachment, if nothing else is asked for. */
export function submissionOf(parts: SubmissionParts = {}): Submission {
  const { sender = ANNA, to = [UGO], cc = [], fields = '' } = parts
  const header = [
    `From: ${sender}`,
    ...(to.length > 0 ? [`To: ${to.join(', ')}`] : []),
    ...(cc.length > 0 ? [`Cc: ${cc.join(', ')}`] : []),
    `Subject: ${parts.subject ?? 'Offerta'}`,
    'Message-ID: <client.1@client.test>',
    ...(fields === '' ? [] : [fields]),
  ]
  const message = crlf(`${header.join('\n')}\n${parts.body ?? WITH_ATTACHMENT}`)
  return { sender, recipients: parts.recipients ?? [...to, ...cc], message: fromBuffer(message) }
}

const WITH_ATTACHMENT = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=parti

--parti
Content-Type: text/plain

.una riga che comincia con un punto
--parti
Content-Type: application/octet-stream; name="dati.bin"
Content-Transfer-Encoding: base64

AAECAw==
--parti--
`
