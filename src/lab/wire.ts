/** One end of an SMTP or LMTP conversation: lines and message data out of a socket, in order, as bytes. */
import type { Socket } from 'node:net'

const END_OF_DATA = Buffer.from('\r\n.\r\n')
const LINE_AND_DOT = Buffer.from('\r\n.')

/** The other end closed the connection, or said nothing for longer than we wait. */
export class WireError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WireError'
  }
}

/** What came before the final dot. */
export interface WireData {
  /** Unstuffed; the first `keep` bytes of it, or a few more. */
  readonly bytes: Buffer
  /** Bytes on the wire before the final dot: stuffing included. */
  readonly size: number
}

export class Wire {
  private readonly chunks: Buffer[] = []
  private fault: WireError | undefined
  private wake: (() => void) | undefined
  private readonly socket: Socket
  private readonly patienceMs: number

  /** Waits at most `patienceMs` for each piece of input; 0 waits until the connection closes. */
  constructor(socket: Socket, patienceMs: number) {
    this.socket = socket
    this.patienceMs = patienceMs
    socket.setNoDelay(true)
    socket.on('data', this.take)
    socket.on('error', this.fail)
    socket.on('close', this.close)
  }

  /** The next line without its line end, one character per byte. Rejects with WireError. */
  async readLine(): Promise<string> {
    let held = await this.nextChunk()
    for (;;) {
      const end = held.indexOf(10)
      if (end >= 0) {
        this.putBack(held.subarray(end + 1))
        return held.toString('latin1', 0, held[end - 1] === 13 ? end - 1 : end)
      }
      held = Buffer.concat([held, await this.nextChunk()])
    }
  }

  /** Reads message data up to the final dot. Rejects with WireError. */
  async readData(keep = Infinity): Promise<WireData> {
    const kept: Buffer[] = []
    let size = -2
    // As if DATA's own line end were part of it: a lone dot ends an empty message, a leading one is unstuffed.
    let seam: Buffer = END_OF_DATA.subarray(0, 2)
    for (;;) {
      const held = Buffer.concat([seam, await this.nextChunk()])
      const end = held.indexOf(END_OF_DATA)
      const whole = end >= 0 ? end + 2 : Math.max(0, held.length - 4)
      if (size < keep) kept.push(held.subarray(0, whole))
      size += whole
      if (end >= 0) {
        this.putBack(held.subarray(end + END_OF_DATA.length))
        return { bytes: unstuff(Buffer.concat(kept)).subarray(2), size }
      }
      seam = held.subarray(whole)
    }
  }

  write(bytes: Buffer | string): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  /** Takes the socket out, for TLS to be laid over it. What was received and not read is lost, as STARTTLS demands. */
  detach(): Socket {
    this.socket.off('data', this.take)
    this.socket.off('close', this.close)
    this.chunks.length = 0
    return this.socket
  }

  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  private readonly take = (chunk: Buffer): void => {
    this.chunks.push(chunk)
    this.wake?.()
  }

  private readonly fail = (error: Error): void => {
    this.fault ??= new WireError(error.message)
    this.wake?.()
  }

  private readonly close = (): void => {
    this.fault ??= new WireError('the other end closed the connection')
    this.wake?.()
  }

  private putBack(rest: Buffer): void {
    if (rest.length > 0) this.chunks.unshift(rest)
  }

  private async nextChunk(): Promise<Buffer> {
    for (;;) {
      const chunk = this.chunks.shift()
      if (chunk !== undefined) return chunk
      if (this.fault !== undefined) throw this.fault
      await this.arrival()
    }
  }

  private arrival(): Promise<void> {
    return new Promise((resolve, reject) => {
      const silence = new WireError(`nothing received for ${this.patienceMs} ms`)
      const timer = this.patienceMs === 0 ? undefined : setTimeout(() => reject(silence), this.patienceMs)
      this.wake = () => {
        clearTimeout(timer)
        this.wake = undefined
        resolve()
      }
    })
  }
}

/** Message bytes as DATA carries them: dots stuffed, a last line end added if there is none, the final dot. RFC 5321 §4.5.2 */
export function stuff(message: Buffer): Buffer {
  const pieces: Buffer[] = message[0] === 0x2e ? [Buffer.from('.')] : []
  let from = 0
  for (let at = message.indexOf(LINE_AND_DOT); at >= 0; at = message.indexOf(LINE_AND_DOT, at + 3)) {
    pieces.push(message.subarray(from, at + 3))
    from = at + 2
  }
  pieces.push(message.subarray(from))
  const ended = message.length === 0 || message.subarray(-2).equals(LINE_AND_DOT.subarray(0, 2))
  return Buffer.concat([...pieces, Buffer.from(ended ? '.\r\n' : '\r\n.\r\n')])
}

/** Takes away the first dot of every line that begins with one; `data` begins with the line end that precedes it. */
function unstuff(data: Buffer): Buffer {
  const pieces: Buffer[] = []
  let from = 0
  for (let at = data.indexOf(LINE_AND_DOT); at >= 0; at = data.indexOf(LINE_AND_DOT, at + 3)) {
    pieces.push(data.subarray(from, at + 2))
    from = at + 3
  }
  return from === 0 ? data : Buffer.concat([...pieces, data.subarray(from)])
}
