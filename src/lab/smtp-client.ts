/** A scripted SMTP client on a raw socket: sends exactly what it is told and gives back every reply. */
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { stuff, Wire, WireError } from './wire.js'

export interface Reply {
  readonly code: number
  /** Text of each line, after the code. */
  readonly lines: readonly string[]
}

export interface ClientOptions {
  readonly port: number
  /** TLS from the first byte. The server's certificate is checked only against `ca`, if given. */
  readonly implicitTls?: boolean
  /** PEM. */
  readonly ca?: string
  /** What the client shows of itself, PEM. */
  readonly identity?: { readonly key: string; readonly cert: string }
  /** Bound of the wait for each reply; 30 s by default. */
  readonly patienceMs?: number
}

export interface Envelope {
  readonly from: string
  readonly to: readonly string[]
}

/** What a server said to one message. Stages that were not reached are missing. */
export interface Transcript {
  readonly mail: Reply
  /** In the order of the recipients. */
  readonly rcpt: readonly Reply[]
  readonly data?: Reply
  readonly dot?: Reply
}

/** Connects to 127.0.0.1 and reads the greeting. Rejects if there is no server, or if TLS fails. */
export async function connectClient(options: ClientOptions): Promise<SmtpClient> {
  const socket = options.implicitTls === true ? connectTls(tlsOptions(options)) : connectPlain(options.port, '127.0.0.1')
  const patienceMs = options.patienceMs ?? 30_000
  const wire = new Wire(socket, patienceMs)
  await opened(socket, options.implicitTls === true ? 'secureConnect' : 'connect', patienceMs)
  const client = new SmtpClient(options, wire)
  await client.read()
  return client
}

/** Rejects, too, if the server hangs up in the middle of the handshake, or leaves it there. */
function opened(socket: Socket, event: 'connect' | 'secureConnect', patienceMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    const timer = setTimeout(() => fail(new WireError(`no connection after ${patienceMs} ms`)), patienceMs)
    socket.once('error', fail)
    socket.once('close', () => fail(new WireError('the other end closed the connection')))
    socket.once(event, () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

export class SmtpClient {
  /** Every reply so far, the greeting first. */
  readonly replies: Reply[] = []
  private readonly options: ClientOptions
  private wire: Wire

  constructor(options: ClientOptions, wire: Wire) {
    this.options = options
    this.wire = wire
  }

  /** Waits for the next reply. Rejects with WireError if the server closes the connection or is silent for too long. */
  async read(): Promise<Reply> {
    const lines: string[] = []
    for (;;) {
      const line = await this.wire.readLine()
      lines.push(line.slice(4))
      if (line[3] === '-') continue
      const reply = { code: Number(line.slice(0, 3)), lines }
      this.replies.push(reply)
      return reply
    }
  }

  /** Writes bytes as they are. */
  write(bytes: Buffer | string): void {
    this.wire.write(bytes)
  }

  /** Sends one command line and waits for its reply. */
  command(line: string): Promise<Reply> {
    this.wire.write(`${line}\r\n`)
    return this.read()
  }

  ehlo(name = 'client.test'): Promise<Reply> {
    return this.command(`EHLO ${name}`)
  }

  /** STARTTLS and the handshake; a new EHLO is the caller's. */
  async startTls(): Promise<Reply> {
    const reply = await this.command('STARTTLS')
    if (reply.code !== 220) return reply
    const socket = connectTls({ ...tlsOptions(this.options), socket: this.wire.detach() })
    this.wire = new Wire(socket, this.options.patienceMs ?? 30_000)
    await once(socket, 'secureConnect')
    return reply
  }

  authPlain(user: string, password: string): Promise<Reply> {
    return this.command(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`)
  }

  /** Resolves to the reply that ended the exchange. */
  async authLogin(user: string, password: string): Promise<Reply> {
    const steps = ['AUTH LOGIN', base64(user), base64(password)]
    let reply = await this.command(steps[0] ?? '')
    for (const step of steps.slice(1)) {
      if (reply.code !== 334) return reply
      reply = await this.command(step)
    }
    return reply
  }

  /** One message, command by command, as far as the server goes along with it. */
  async send(envelope: Envelope, message: Buffer): Promise<Transcript> {
    const mail = await this.command(`MAIL FROM:<${envelope.from}>`)
    if (mail.code !== 250) return { mail, rcpt: [] }
    const rcpt: Reply[] = []
    for (const address of envelope.to) rcpt.push(await this.command(`RCPT TO:<${address}>`))
    if (!rcpt.some((reply) => reply.code === 250)) return { mail, rcpt }
    const data = await this.command('DATA')
    if (data.code !== 354) return { mail, rcpt, data }
    return { mail, rcpt, data, dot: await this.sendData(stuff(message)) }
  }

  /** Sends message data that is stuffed and ended already; resolves to the reply to its final dot. */
  sendData(stuffed: Buffer): Promise<Reply> {
    this.wire.write(stuffed)
    return this.read()
  }

  async quit(): Promise<void> {
    await this.command('QUIT')
    this.wire.end()
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.wire.destroy()
  }
}

function tlsOptions({ port, ca, identity }: ClientOptions): ConnectionOptions {
  const checked = ca === undefined ? {} : { ca }
  return { port, host: '127.0.0.1', ...checked, ...identity, rejectUnauthorized: ca !== undefined }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
