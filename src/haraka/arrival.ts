/**
 * The bytes of a message as they come in. It takes the place of Haraka's message stream in a transaction, because that one gives
 * back parsed headers for the received ones and keeps the wire's dots; this one keeps exactly what the client sent, in memory up
 * to a bound and in a private file beyond it.
 */
import { createWriteStream, rmSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { PecError } from '../errors.js'
import { fromBuffer, fromFile, slice, type Source } from '../mail/source.js'
import { dotStuffed } from './dots.js'
import type { MessageStream } from './types.js'

const DOT = 0x2e

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
  private lines: Buffer[] = []
  private held = 0
  private size = 0
  private file: WriteStream | undefined
  private failure: Error | undefined
  private gone = false

  constructor(uuid: string, settings: ArrivalSettings) {
    this.settings = settings
    this.path = join(settings.directory, `${uuid.replace(/[^\w.-]/g, '_')}.eml`)
  }

  /** A line as it came over the wire, with its CRLF. RFC 5321 §4.5.2: a leading dot is the wire's. */
  add_line(line: Buffer | string): void {
    const bytes = typeof line === 'string' ? Buffer.from(line) : line
    const plain = bytes[0] === DOT ? bytes.subarray(1) : bytes
    this.lines.push(plain)
    this.held += plain.length
    this.size += plain.length
    if (this.held > this.settings.memory || (this.file !== undefined && this.held > 65_536)) this.spill()
  }

  add_line_end(done?: () => void): void {
    if (this.file === undefined) {
      done?.()
      return
    }
    this.spill()
    this.file.end(() => done?.())
    this.file.once('error', () => done?.())
  }

  /**
   * What has come in, `bytes` of it if given: Haraka appends lines of its own to a message without a body.
   * Rejects with PecError 'queue', temporary, if the file could not be written.
   */
  async source(bytes = this.size): Promise<Source> {
    if (this.failure !== undefined)
      throw new PecError('queue', 'the spool cannot be written', { temporary: true, cause: this.failure })
    if (this.file !== undefined) return slice(await fromFile(this.path), 0, Math.min(bytes, this.size))
    const whole = this.lines.length === 1 && this.lines[0] !== undefined ? this.lines[0] : Buffer.concat(this.lines)
    this.lines = [whole]
    return fromBuffer(whole.subarray(0, bytes))
  }

  /** For other plugins: the bytes without the wire's dots, unless told to leave them. */
  pipe(destination: Writable, options: Readonly<Record<string, unknown>> = {}): Writable {
    const stuffed = options['dot_stuffed'] === false || options['ending_dot'] === true
    const read = async function* (this: Arrival): AsyncGenerator<Buffer> {
      const source = await this.source()
      yield* stuffed ? dotStuffed(source.chunks()) : source.chunks()
      if (options['ending_dot'] === true) yield Buffer.from('.\r\n')
    }
    return Readable.from(read.call(this)).pipe(destination)
  }

  get_data(options: unknown, done?: (bytes: Buffer) => void): void {
    const callback = done ?? (options as (bytes: Buffer) => void)
    void this.source()
      .then((source) => source.read(0, source.size))
      .then(callback)
  }

  /** Haraka calls this when the transaction is over. */
  destroy(): void {
    if (this.gone) return
    this.gone = true
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
    this.file.write(Buffer.concat(this.lines))
    this.lines = []
    this.held = 0
  }
}
