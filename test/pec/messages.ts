/** One message of every kind, about the same original. */
import { briefOriginal } from '../../src/pec/brief.js'
import type { CertifiedMessage } from '../../src/pec/certification.js'
import { composeAnomalyEnvelope, composeTransportEnvelope, prepareOriginal } from '../../src/pec/envelope.js'
import { failureOf } from '../../src/pec/error-codes.js'
import type { MessageNames } from '../../src/pec/identifier.js'
import { momentOf, type Moment } from '../../src/pec/moment.js'
import { composeNotification, type Issuer, type Occurrence, type SignedMessage } from '../../src/pec/notification.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'

export const crlf = (text: string): Buffer => Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'utf8')

export const SUBMITTED = crlf(`Received: from client.test ([192.0.2.1])
\tby smtp.gestore.test with ESMTPSA; Tue, 5 Nov 2024 10:00:00 +0100
From: Ugo Rossi <ugo@gestore.test>
To: =?utf-8?q?L=C3=ACvia?= <livia@altro.test>,
 "Bianchi, Carlo" <carlo@altro.test>
Cc: anna@posta.test
Subject: =?utf-8?q?Perizia_=E2=82=AC?= e "preventivo" & <altro>
Date: Tue, 5 Nov 2024 09:59:58 +0100
Message-ID: <client.1@client.test>
X-Riferimento-Message-ID: <forged@client.test>
X-TipoRicevuta: Breve
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=parti

--parti
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Perché no?
--parti
Content-Type: application/pdf; name="perizia.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="perizia.pdf"

JVBERi0xLjQK
--parti--
`)

export const IDENTIFIER = 'pec20241105090000aa@gestore.test'

/** Boundaries and ids that are the same in every run. */
const namesOf = (name: string): MessageNames => ({
  messageId: `ric.${name}@gestore.test`,
  outer: `=_outer-${name}`,
  inner: `=_inner-${name}`,
})

export interface Exchange {
  readonly message: CertifiedMessage
  readonly messages: ReadonlyMap<string, SignedMessage>
}

/** Every kind of message about `submitted`, all by the same provider at the same moment. */
export async function makeAll(issuer: Issuer, at: Date | Moment, submitted: Buffer = SUBMITTED): Promise<Exchange> {
  const moment = at instanceof Date ? momentOf(at) : at
  const original = await prepareOriginal(fromBuffer(submitted), IDENTIFIER)
  const message: CertifiedMessage = {
    identifier: IDENTIFIER,
    clientMessageId: original.clientMessageId,
    sender: 'ugo@gestore.test',
    recipients: [
      ...original.to.map((address) => ({ address, type: 'certified' as const })),
      ...original.cc.map((address) => ({ address, type: 'ordinary' as const })),
    ],
    replyTo: original.replyTo,
    subject: original.subject,
  }
  const recipient = original.to[0] ?? ''
  const brief = await briefOriginal(original.source, { input: 'encoded', algorithm: 'sha1' })
  const virus = { errorDetail: 'Eicar-Test-Signature' }
  const service = { serviceMailbox: 'ricevute@gestore.test' }
  const requested = original.receiptType
  const occurrences: Readonly<Record<string, Occurrence>> = {
    acceptance: { kind: 'acceptance' },
    'non-acceptance': { kind: 'non-acceptance', error: 'other', errorDetail: 'un destinatario che non è né in To né in Cc' },
    'non-acceptance-virus': { kind: 'non-acceptance', error: 'virus', ...virus },
    'take-charge': { kind: 'take-charge', takenInCharge: original.to, ...service },
    'virus-detection': { kind: 'virus-detection', recipient, ...virus, ...service },
    'delivery-complete': { kind: 'delivery', recipient, requested, form: 'complete', original: original.source },
    'delivery-brief': { kind: 'delivery', recipient, requested, form: 'brief', original: brief },
    'delivery-concise': { kind: 'delivery', recipient, requested, form: 'concise', original: undefined },
    'non-delivery': { kind: 'non-delivery', recipient, ...failureOf('unknown-mailbox', issuer.name) },
    'non-delivery-virus': { kind: 'non-delivery', recipient, error: 'virus', ...virus },
    'time-limit-12': { kind: 'time-limit', recipient, hours: 12 },
    'time-limit-24': { kind: 'time-limit', recipient, hours: 24 },
  }
  const messages = new Map<string, SignedMessage>()
  messages.set('transport', await composeTransportEnvelope({ message, original, moment }, issuer, namesOf('transport')))
  const anomaly = {
    received: fromBuffer(submitted),
    moment,
    sender: 'ugo@gestore.test',
    recipients: original.to,
    faults: ['il messaggio non è firmato digitalmente'],
  }
  messages.set('anomaly', await composeAnomalyEnvelope(anomaly, issuer, namesOf('anomaly')))
  for (const [name, occurrence] of Object.entries(occurrences)) {
    messages.set(name, await composeNotification({ message, moment, occurrence }, issuer, namesOf(name)))
  }
  return { message, messages }
}

/** A message up to its signature, which differs from run to run. */
export async function beforeSignature({ message }: SignedMessage): Promise<Buffer> {
  const bytes = await readAll(message)
  return bytes.subarray(0, bytes.lastIndexOf('\r\nContent-Type: application/pkcs7-signature'))
}
