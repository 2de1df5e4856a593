/**
 * A third provider that is in everybody's index, takes every message and never answers: for the time limits. What it sends is not
 * as it should be: for the anomalies.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startSink, type Sink } from '../lab/sink.js'
import { formatAddress } from '../mail/address.js'
import { formatField } from '../mail/header.js'
import { fromBuffer, readAll } from '../mail/source.js'
import { composeTransportEnvelope, prepareOriginal } from '../pec/envelope.js'
import { newIdentifier, newNames } from '../pec/identifier.js'
import { FIELD, KINDS, ON_BEHALF_OF, SERVICE_LOCAL_PART } from '../pec/kinds.js'
import { momentOf } from '../pec/moment.js'
import { signEnvelope, type Issuer } from '../pec/signed-message.js'
import { ownRecordLdif } from '../providers/own-record.js'
import { openFileSigner } from '../smime/signer.js'
import type { Authority } from './authority.js'
import { sinkInbox, type Inbox } from './letter.js'
import { write } from './mail-client.js'

const NAME = 'Provider C'
export const SILENT_DOMAIN = 'pec-c.test'

/** What one of its users writes. */
export interface Draft {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
}

export class SilentProvider {
  readonly name = NAME
  /** Its record for the index, an LDIF file. */
  readonly record: string
  private readonly issuer: Issuer
  private readonly host: Sink

  private constructor(record: string, issuer: Issuer, host: Sink) {
    this.record = record
    this.issuer = issuer
    this.host = host
  }

  /** Listens when it resolves; keeps its record in `directory`. */
  static async open(directory: string, authority: Authority): Promise<SilentProvider> {
    const { signing, tls } = await authority.accredit(NAME, SILENT_DOMAIN)
    const signer = await openFileSigner(signing)
    const record = join(directory, `${SILENT_DOMAIN}.ldif`)
    const receipts = `ricevute@${SILENT_DOMAIN}`
    const own = { name: NAME, certificates: [signer.certificate], mailReceipt: receipts, domains: [SILENT_DOMAIN] }
    await writeFile(record, ownRecordLdif(own))
    const issuer = { name: NAME, address: `${SERVICE_LOCAL_PART}@${SILENT_DOMAIN}`, domain: SILENT_DOMAIN, signer }
    const pair = { key: await readFile(tls.key, 'utf8'), cert: await readFile(tls.certificate, 'utf8') }
    return new SilentProvider(record, issuer, await startSink({ protocol: 'smtp', tls: pair }))
  }

  get port(): number {
    return this.host.port
  }

  inbox(address: string): Inbox {
    return sinkInbox(this.host, address)
  }

  /** A transport envelope that is right in every respect. */
  async envelope(draft: Draft): Promise<Buffer> {
    const { moment, original } = await this.prepare(draft)
    const { identifier, clientMessageId, subject, replyTo } = original
    const recipients = [{ address: draft.to, type: 'certified' }] as const
    const message = { identifier, clientMessageId, sender: draft.from, recipients, replyTo, subject }
    return readAll((await composeTransportEnvelope({ message, original, moment }, this.issuer)).message)
  }

  /** One that it has signed, but that has no certification data. */
  async envelopeWithoutData(draft: Draft): Promise<Buffer> {
    const { moment, original } = await this.prepare(draft)
    const names = newNames(moment, this.issuer.domain)
    const fields = Buffer.concat([
      formatField('Subject', KINDS.transport.subject + draft.subject),
      formatField('Date', moment.rfc5322),
      formatField('From', formatAddress(ON_BEHALF_OF + draft.from, this.issuer.address)),
      formatField('To', draft.to),
      formatField(FIELD.transport, KINDS.transport.value),
      formatField('Message-ID', `<${original.identifier}>`),
    ])
    const text = 'Messaggio di posta certificata\r\n'
    const contents = { fields, text, daticert: undefined, original: original.source, moment }
    return readAll((await signEnvelope(contents, this.issuer, names)).message)
  }

  async close(): Promise<void> {
    await this.host.close()
  }

  private async prepare({ from, ...mail }: Draft) {
    const moment = momentOf(new Date())
    const { message } = await write(from, mail)
    return { moment, original: await prepareOriginal(fromBuffer(message), newIdentifier(moment, this.issuer.domain)) }
  }
}
