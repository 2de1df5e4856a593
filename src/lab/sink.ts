/** A scripted SMTP or LMTP server on loopback: takes what it is sent, answers as it is told, keeps what it got. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { converse } from './sink-session.js'
import { within } from './within.js'
import { Wire } from './wire.js'

/** Where in a session an answer is due. `dot` is asked once per message in SMTP, once per accepted recipient in LMTP. */
export type Stage = 'greeting' | 'hello' | 'starttls' | 'mail' | 'rcpt' | 'data' | 'dot' | 'rset' | 'quit'

export interface Occasion {
  readonly stage: Stage
  /** Of what the client sent: the address without brackets, or the host it says it is; '' elsewhere. */
  readonly argument: string
  /** Counts the connections from 1. */
  readonly session: number
  /** How often this stage came up before, over all sessions. */
  readonly earlier: number
}

/** A reply such as `250 2.1.5 ok` (several lines: separated by \n), `drop` to cut the connection, or either after a delay. */
export type Answer = string | { readonly reply: string; readonly afterMs: number }

/** What to answer at each stage: always the same, or decided on the occasion. Undefined means the usual positive reply. */
export type Script = { readonly [S in Stage]?: Answer | ((occasion: Occasion) => Answer | undefined) }

export interface SinkMessage {
  readonly session: number
  readonly hello: string
  /** '' for the null sender. */
  readonly from: string
  /** Parameters of MAIL as they came, e.g. `BODY=8BITMIME`. */
  readonly mailParameters: string
  /** Recipients whose RCPT was answered 2xx. */
  readonly to: readonly string[]
  /** Those whom the final answer accepted. */
  readonly accepted: readonly string[]
  /** Unstuffed; cut after `keepBytes`. */
  readonly bytes: Buffer
  readonly wireSize: number
  /** performance.now() when the final dot had come. */
  readonly receivedAt: number
  readonly secured: boolean
}

export interface SinkOptions {
  readonly protocol: 'smtp' | 'lmtp'
  readonly script?: Script
  /** A fixed port instead of any free one. */
  readonly port?: number
  /** PEM; offers STARTTLS. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Bytes kept of each message; all by default. */
  readonly keepBytes?: number
  /** Called with each message before the final dot is answered; the sink then keeps none itself. */
  readonly onMessage?: (message: SinkMessage) => void
}

/** Resolves when it listens on 127.0.0.1. */
export async function startSink(options: SinkOptions): Promise<Sink> {
  const sink = new Sink(options)
  await sink.listen(options.port ?? 0)
  return sink
}

export class Sink {
  readonly options: SinkOptions
  readonly secureContext: SecureContext | undefined
  /** Every message whose final dot came, whatever was answered to it. */
  readonly messages: SinkMessage[] = []
  /** Every command line that came, over all sessions. */
  readonly commands: string[] = []
  private readonly server: Server
  private readonly sockets = new Set<Socket>()
  private readonly counts = new Map<Stage, number>()
  private sessions = 0

  constructor(options: SinkOptions) {
    this.options = options
    this.secureContext = options.tls && createSecureContext(options.tls)
    this.server = createServer((socket) => this.serve(socket))
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(port, '127.0.0.1', resolve)
    })
  }

  /** What the script has for this occasion. */
  answer(stage: Stage, argument: string, session: number): Answer | undefined {
    const earlier = this.counts.get(stage) ?? 0
    this.counts.set(stage, earlier + 1)
    const scripted = this.options.script?.[stage]
    return typeof scripted === 'function' ? scripted({ stage, argument, session, earlier }) : scripted
  }

  keep(message: SinkMessage): void {
    if (this.options.onMessage === undefined) this.messages.push(message)
    else this.options.onMessage(message)
  }

  /** The messages, once there are that many. Rejects after `waitMs`. */
  async waitFor(count: number, waitMs = 30_000): Promise<readonly SinkMessage[]> {
    await within(waitMs, `fewer than ${count} messages in the sink`, () => this.messages.length >= count)
    return this.messages
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    const session = ++this.sessions
    // A session ends when its connection does, however that came about; what was kept by then tells.
    converse(this, session, new Wire(socket, 0)).catch(() => socket.destroy())
  }
}
