/** The mail program of a user: nodemailer, with a password, over TLS that it verifies. */
import { createTransport, type SendMailOptions } from 'nodemailer'
import MailComposer from 'nodemailer/lib/mail-composer'
import type { Authority } from './authority.js'
import type { DemoProvider } from './provider.js'
import { PASSWORD } from './stage.js'

export interface Sent {
  /** The message as it went over the wire. */
  readonly message: Buffer
  /** With angle brackets. */
  readonly messageId: string
  /** What the provider answered. */
  readonly response: string
  readonly acceptedAt: Date
}

/** A message as a mail program writes it. */
export interface Written {
  readonly message: Buffer
  /** With angle brackets. */
  readonly messageId: string
  readonly envelope: { readonly from: string | false; readonly to: readonly string[] }
}

const PATIENCE = 20_000

/** Writes a message; its envelope is that of the header, unless `mail` has another. */
export async function write(user: string, mail: SendMailOptions): Promise<Written> {
  const composer = new MailComposer({ ...mail, from: mail.from ?? user, newline: 'windows' }).compile()
  return { message: await composer.build(), messageId: composer.messageId(), envelope: composer.getEnvelope() }
}

/** Sends a message through its sender's provider. Rejects if the provider does not take it for every recipient. */
export async function send(user: string, mail: SendMailOptions, provider: DemoProvider, authority: Authority): Promise<Sent> {
  const { message, messageId, envelope } = await write(user, mail)
  const transport = createTransport({
    host: '127.0.0.1',
    port: provider.plan.ports.submission,
    secure: true,
    auth: { user, pass: PASSWORD },
    tls: { ca: authority.certificate },
    ...{ connectionTimeout: PATIENCE, greetingTimeout: PATIENCE, socketTimeout: PATIENCE },
  })
  try {
    const { response, rejected } = await transport.sendMail({ envelope: { ...envelope, to: [...envelope.to] }, raw: message })
    if (rejected.length > 0) throw new Error(`${provider.plan.name} refused recipients: ${JSON.stringify(rejected)}`)
    return { message, messageId, response, acceptedAt: new Date() }
  } finally {
    transport.close()
  }
}
