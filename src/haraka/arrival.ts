/**
 * The bytes of a message as they come in. It takes the place of Haraka's message stream in a transaction, because that one gives
 * back parsed headers for the received ones and keeps the wire's dots; this one keeps exactly what the client sent, in memory up
 * to a bound and in a private file beyond it.
 */
import { createWriteStream, rmSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished, Readable, type Writable } from 'node:stream'
import { PecError } from '../errors.js'
import { fromBuffer, fromFile, slice, type Source } from '../mail/source.js'
import { dotStuffed } from '../mail/dots.js'
import type { MessageStream } from './types.js'

const DOT = 0x2e
/** Bytes that go into the file in one piece. */
const PIECE = 65_536
/** Lines kept as they came: a Buffer costs more than a short line has bytes. */
const LINES = 1024

export interface ArrivalSettings {
  /** Private directory for what does not stay in memory. */
  readonly directory: string
  /** Bytes kept in memory at the most. */
  readonly memory: number
}

export class Arrival implements MessageStream {
  /** Haraka sets its parsed headers here; they are never given out. */
  headers: string[] = []
  private readonly settings: ArrivalSettings
  private readonly path: string
  private pieces: Buffer[] = []
  private lines: Buffer[] = []
  private held = 0
  private size = 0
  private isComplete = false
  private file: WriteStream | undefined
  private failure: Error | undefined
  private gone = false
  private reading: Readable | undefined

  constructor(uuid: string, settings: ArrivalSettings) {
    this.settings = settings
    this.path = join(settings.directory, `${uuid.replace(/[^\w.-]/g, '_')}.eml`)
  }

  /** Whether it was too much for the memory. */
  get isInFile(): boolean {
    return this.file !== undefined
  }

  /** A line as it came over the wire, with its CRLF. RFC 5321 §4.5.2: a leading dot is the wire's. */
  add_line(line: Buffer | string): void {
    if (this.isComplete || this.gone) return
    const bytes = typeof line === 'string' ? Buffer.from(line) : line
    const plain = bytes[0] === DOT ? bytes.subarray(1) : bytes
    this.lines.push(plain)
    this.held += plain.length
    this.size += plain.length
    if (this.held > this.settings.memory || (this.file !== undefined && this.held > PIECE)) this.spill()
    else if (this.lines.length === LINES) this.joinLines()
  }

  /** The client has sent everything: lines that still come are Haraka's own, for a message without a body. */
  complete(): void {
    this.isComplete = true
  }

  add_line_end(done?: () => void): void {
    if (this.file === undefined || this.gone) {
      done?.()
      return
    }
    this.spill()
    this.file.end()
    finished(this.file, () => done?.())
  }

  /** What has come in. Rejects with PecError 'queue', temporary, if the file could not be written. */
  async source(): Promise<Source> {
    if (this.failure !== undefined)
      throw new PecError('queue', 'the spool cannot be written', { temporary: true, cause: this.failure })
    if (this.file !== undefined) return slice(await fromFile(this.path), 0, this.size)
    this.joinLines()
    if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)]
    return fromBuffer(this.pieces[0] ?? Buffer.alloc(0))
  }

  /** For other plugins: the bytes as they are, or with the wire's dots where that is asked for. */
  pipe(destination: Writable, options: Readonly<Record<string, unknown>> = {}): Writable {
    const stuffed = options['dot_stuffed'] === false || options['ending_dot'] === true
    const read = async function* (this: Arrival): AsyncGenerator<Buffer> {
      const source = await this.source()
      yield* stuffed ? dotStuffed(source.chunks()) : source.chunks()
      if (options['ending_dot'] === true) yield Buffer.from('.\r\n')
    }
    const readable = Readable.from(read.call(this))
    readable.once('error', (error) => destination.destroy(error))
    this.reading = readable
    return readable.pipe(destination)
  }

  /** For other plugins: ends the last reading where it is. */
  unpipe(): void {
    this.reading?.unpipe()
    this.reading?.destroy()
    this.reading = undefined
  }

  /** Haraka calls this when the transaction is over. */
  destroy(): void {
    if (this.gone) return
    this.gone = true
    this.pieces = []
    this.lines = []
    if (this.file === undefined) return
    this.file.destroy()
    rmSync(this.path, { force: true })
  }

  private spill(): void {
    if (this.file === undefined) {
      this.file = createWriteStream(this.path, { flags: 'wx', mode: 0o600 })
      this.file.on('error', (error) => (this.failure = error))
    }
    this.file.write(Buffer.concat([...this.pieces, ...this.lines]))
    this.pieces = []
    this.lines = []
    this.held = 0
  }

  private joinLines(): void {
    if (this.lines.length > 0) this.pieces.push(Buffer.concat(this.lines))
    this.lines = []
  }
}
