/** An extract on its way to whoever asked for it: by certified mail, through our own access point like any other message. */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { createTransport } from 'nodemailer'
import { PecError, reasonOf } from '../errors.js'
import { domainOf, isAddress } from '../mail/address.js'
import type { ProviderIndex } from '../points/ports.js'

/** From which mailbox extracts are sent, and by which way. */
export interface SendingSettings {
  readonly mailbox: string
  readonly passwordFile: string
  /** Of the access point, TLS from the first byte. */
  readonly submission: { readonly host: string; readonly port: number }
  /** The certificate that it shows there, PEM. */
  readonly certificate: string
}

const PATIENCE_MS = 60_000

/** Throws PecError 'configuration' unless the address is of a provider that the index lists: extracts go by PEC only (L5). */
export function checkCertified(address: string, index: Pick<ProviderIndex, 'byDomain'>): void {
  if (!isAddress(address)) throw new PecError('configuration', `${address} is no mail address`)
  if (index.byDomain(domainOf(address)) === undefined)
    throw new PecError(
      'configuration',
      `${address} is no certified mail by the index of providers: extracts are sent by PEC only, and this one was not`,
    )
}

/** Resolves with what the gateway answered once it has accepted the message. Rejects with PecError 'configuration' or 'queue'. */
export async function sendExtract(path: string, to: string, settings: SendingSettings): Promise<string> {
  const { mailbox, passwordFile } = settings
  const password = (await named(passwordFile)).toString('utf8').trim()
  const socket = await connectTo(settings)
  const transport = createTransport({
    ...{ connection: socket, secure: true, secured: true, auth: { user: mailbox, pass: password } },
    ...{ greetingTimeout: PATIENCE_MS, socketTimeout: PATIENCE_MS },
  })
  try {
    const { response } = await transport.sendMail({
      from: mailbox,
      to,
      subject: 'Estratto del registro dei messaggi di posta elettronica certificata',
      text: "In allegato l'estratto del registro che è stato richiesto. Si inizi da riepilogo.pdf o da riepilogo.txt.\n",
      attachments: [{ filename: basename(path), path, contentType: 'application/zip' }],
    })
    return response
  } catch (cause) {
    throw new PecError('queue', `the gateway did not take the extract: ${reasonOf(cause)}`, { cause })
  } finally {
    transport.close()
    socket.destroy()
  }
}

/** It is the gateway that shows its own certificate, whoever issued that; nobody else gets the password. */
async function connectTo({ submission, certificate }: SendingSettings): Promise<TLSSocket> {
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
