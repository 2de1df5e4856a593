/** Mail of the provider's own, from a mailbox of its: through the access point, like that of any user. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, type TLSSocket } from 'node:tls'
import { createTransport, type SendMailOptions } from 'nodemailer'
import { PecError, reasonOf } from './errors.js'

/** From which mailbox it is sent, and by which way. */
export interface ServiceMailbox {
  readonly mailbox: string
  readonly passwordFile: string
  /** Of the access point, TLS from the first byte. */
  readonly submission: { readonly host: string; readonly port: number }
  /** The certificate that it shows there, PEM. */
  readonly certificate: string
}

const PATIENCE_MS = 60_000

/** Resolves with what the gateway answered once it has taken the message. Rejects with PecError 'configuration' or 'queue'. */
export async function sendFrom(service: ServiceMailbox, mail: Omit<SendMailOptions, 'from'>): Promise<string> {
  const { mailbox, passwordFile } = service
  const password = (await named(passwordFile)).toString('utf8').trim()
  const socket = await connectTo(service)
  const transport = createTransport({
    ...{ connection: socket, secure: true, secured: true, auth: { user: mailbox, pass: password } },
    ...{ greetingTimeout: PATIENCE_MS, socketTimeout: PATIENCE_MS },
  })
  try {
    const { response } = await transport.sendMail({ ...mail, from: mailbox })
    return response
  } catch (cause) {
    throw new PecError('queue', `the gateway did not take the message: ${reasonOf(cause)}`, { cause })
  } finally {
    transport.close()
    socket.destroy()
  }
}

/** It is the gateway that shows its own certificate, whoever issued that; nobody else gets the password. */
async function connectTo({ submission, certificate }: ServiceMailbox): Promise<TLSSocket> {
  const own = new X509Certificate(await named(certificate))
  const socket = connect({ ...submission, rejectUnauthorized: false })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer in time')))
  const where = `the gateway at ${submission.host}:${submission.port}`
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', (cause) => reject(new PecError('queue', `${where} is not reached: ${reasonOf(cause)}`, { cause })))
  })
  if (socket.getPeerX509Certificate()?.raw.equals(own.raw) === true) return socket
  socket.destroy()
  throw new PecError('configuration', `${where} shows another certificate than ${certificate}`)
}

async function named(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new PecError('configuration', `${path} cannot be read: ${reasonOf(cause)}`, { cause })
  })
}
