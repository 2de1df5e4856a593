/** A raw LMTP client: sends exactly the bytes it is given, in the pieces it is given, and reads replies line by line. */
import { connect, type Socket } from 'node:net'

export class LmtpClient {
  private readonly socket: Socket
  private readonly lines: string[] = []
  private wake: () => void = () => undefined
  private ended = false

  private constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setNoDelay(true)
    let rest = ''
    this.socket.on('data', (bytes) => {
      const pieces = (rest + bytes.toString('latin1')).split('\r\n')
      rest = pieces.pop() ?? ''
      this.lines.push(...pieces)
      this.wake()
    })
    const end = () => {
      this.ended = true
      this.wake()
    }
    this.socket.on('close', end).on('error', end)
  }

  /** Connected, greeted, and past LHLO. */
  static async open(port: number): Promise<LmtpClient> {
    const client = new LmtpClient(port)
    await client.reply()
    await client.command('LHLO client')
    return client
  }

  /** The last line of the next reply. */
  async reply(): Promise<string> {
    for (;;) {
      const line = this.lines.shift()
      if (line === undefined) {
        if (this.ended) throw new Error('the connection was closed')
        await new Promise<void>((resolve) => (this.wake = resolve))
      } else if (line[3] !== '-') return line
    }
  }

  async replies(count: number): Promise<string[]> {
    const replies: string[] = []
    while (replies.length < count) replies.push(await this.reply())
    return replies
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  async command(line: string): Promise<string> {
    this.write(`${line}\r\n`)
    return this.reply()
  }

  /** MAIL, RCPT of each, DATA and the bytes as they go over the wire; the replies to RCPT and to the message. */
  async send(to: readonly string[], wire: string | Buffer): Promise<{ readonly rcpt: string[]; readonly data: string[] }> {
    await this.command('MAIL FROM:<>')
    const rcpt: string[] = []
    for (const address of to) rcpt.push(await this.command(`RCPT TO:<${address}>`))
    const accepted = rcpt.filter((reply) => reply.startsWith('250')).length
    if (accepted === 0) return { rcpt, data: [] }
    await this.command('DATA')
    this.write(wire)
    return { rcpt, data: await this.replies(accepted) }
  }

  close(): void {
    this.socket.destroy()
  }
}
