/**
 * A connection to the mailbox store, kept for many messages. LMTP answers for each recipient by itself, in the order in which they
 * were accepted. RFC 2033 §4.2
 */
import { connect, type Socket } from 'node:net'
import { PecError, reasonOf } from '../errors.js'
import { dotStuffed } from '../mail/dots.js'
import type { Source } from '../mail/source.js'
import { ReplyReader, type Reply } from './replies.js'

export type StoreAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/** Milliseconds that the store may take for a reply; for the last one it may have to sync a large message. RFC 5321 §4.5.3.2 */
const REPLY_MS = 60_000
const FINAL_REPLY_MS = 600_000
const NAME = 'localhost'
const END = Buffer.from('.\r\n')
const LINE_END = Buffer.from('\r\n')

interface Waiting {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

export class LmtpConnection {
  private readonly socket: Socket
  private readonly reader = new ReplyReader()
  private readonly arrived: Reply[] = []
  private waiting: Waiting | undefined
  private failure: Error | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => this.take(bytes))
    socket.on('timeout', () => this.fail(new Error('the store does not answer')))
    socket.on('error', (error) => this.fail(error))
    socket.on('close', () => this.fail(new Error('the store closed the connection')))
  }

  /** Rejects with PecError 'store', temporary, if the store does not answer as it should. */
  static async open(address: StoreAddress): Promise<LmtpConnection> {
    const connection = new LmtpConnection(connect({ ...address }))
    try {
      await connection.expect(220, REPLY_MS)
      connection.send(`LHLO ${NAME}`)
      await connection.expect(250, REPLY_MS)
      return connection
    } catch (error) {
      connection.close()
      throw new PecError('store', `the mailbox store cannot be reached: ${reasonOf(error)}`, { temporary: true, cause: error })
    }
  }

  /** Whether it can be used for another message. */
  get usable(): boolean {
    return this.failure === undefined
  }

  /**
   * Delivers to one recipient; resolves with the reply that decided. Rejects with PecError 'store', temporary, if the connection
   * fails first: whether the store has the message is then unknown.
   */
  async deliver(from: string, to: string, message: Source): Promise<Reply> {
    try {
      this.send(`MAIL FROM:<${from}>\r\nRCPT TO:<${to}>\r\nDATA`)
      const mail = await this.next(REPLY_MS)
      const rcpt = await this.next(REPLY_MS)
      const data = await this.next(REPLY_MS)
      const refused = [mail, rcpt, data].find(({ code }) => code >= 400)
      if (data.code !== 354) {
        // Neither taken nor refused: nothing has been sent that it could have taken.
        if (refused === undefined) throw new Error(`the store answered ${data.code} to DATA`)
        this.send('RSET')
        await this.expect(250, REPLY_MS)
        return refused
      }
      // A store that wants the data of a message it has refused is out of step with us.
      if (refused !== undefined) throw new Error('the store goes on after a refusal')
      await this.write(message)
      return await this.next(FINAL_REPLY_MS)
    } catch (error) {
      this.close()
      throw new PecError('store', `the mailbox store failed: ${reasonOf(error)}`, { temporary: true, cause: error })
    }
  }

  close(): void {
    this.failure ??= new Error('the connection is closed')
    this.socket.destroy()
  }

  /** Ends it when nothing is under way. */
  quit(): void {
    this.failure ??= new Error('the connection is closed')
    this.socket.end('QUIT\r\n')
  }

  private send(line: string): void {
    this.socket.write(`${line}\r\n`, 'latin1')
  }

  /** The message in pieces, as fast as the store takes them. */
  private async write(message: Source): Promise<void> {
    this.socket.cork()
    let last: Buffer = LINE_END
    for await (const chunk of dotStuffed(message.chunks())) {
      last = chunk
      if (!this.socket.write(chunk)) {
        this.socket.uncork()
        await this.drained()
        this.socket.cork()
      }
    }
    this.socket.write(last.subarray(-2).equals(LINE_END) ? END : Buffer.concat([LINE_END, END]))
    this.socket.uncork()
  }

  private drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.socket.off('drain', settle)
        this.socket.off('close', settle)
        if (this.failure === undefined) resolve()
        else reject(this.failure)
      }
      this.socket.once('drain', settle)
      this.socket.once('close', settle)
    })
  }

  private async expect(code: number, milliseconds: number): Promise<void> {
    const reply = await this.next(milliseconds)
    if (reply.code !== code) throw new Error(`the store answered ${reply.code} ${reply.text}`)
  }

  private next(milliseconds: number): Promise<Reply> {
    const reply = this.arrived.shift()
    if (reply !== undefined) return Promise.resolve(reply)
    if (this.failure !== undefined) return Promise.reject(this.failure)
    this.socket.setTimeout(milliseconds)
    return new Promise((resolve, reject) => (this.waiting = { resolve, reject }))
  }

  private take(bytes: Buffer): void {
    try {
      this.arrived.push(...this.reader.read(bytes))
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(reasonOf(error)))
      return
    }
    const { waiting } = this
    const [reply] = this.arrived
    if (waiting === undefined || reply === undefined) return
    this.arrived.shift()
    this.waiting = undefined
    this.socket.setTimeout(0)
    waiting.resolve(reply)
  }

  private fail(error: Error): void {
    this.failure ??= error
    this.socket.destroy()
    this.waiting?.reject(this.failure)
    this.waiting = undefined
  }
}
