/**
 * One flat log (L2): lines go into a buffer and from there, some time later, into a file that changes every day and at a size. What
 * cannot be written now waits in the buffer and is tried again; beyond its bound lines are dropped and counted. Mail never waits.
 */
import { mkdir, open, stat, type FileHandle } from 'node:fs/promises'
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { PecError, hasCode, reasonOf } from '../errors.js'
import type { Clock } from '../points/ports.js'
import { dayOf, flatLogName, type FlatLogName } from './flat-log-name.js'

export interface FlatLogOptions extends Omit<FlatLogName, 'begun'> {
  /** Made if it is missing; what it is in must be there. */
  readonly directory: string
  /** Bytes of a file. */
  readonly maxBytes: number
  /** Characters that may wait. */
  readonly buffer: number
  readonly clock: Clock
  /** Hears of every attempt to write that failed, and of those that did not. */
  readonly onFailure: (error: unknown) => void
  readonly onSuccess: () => void
  /** A line that says how many were dropped, once there is room again. */
  readonly droppedLine: (count: number) => string
}

interface OpenFile {
  readonly handle: FileHandle
  readonly path: string
  readonly day: string
  readonly inode: number
  size: number
}

/** Lines go to the disk this much later, in one piece. */
const DELAY_MS = 250
/** Characters that are written in one piece. */
const PIECE = 262_144
/** Files that one process may begin in an hour. */
const MAX_FILES = 10_000

export class FlatLog {
  private readonly options: FlatLogOptions
  private waiting: string[] = []
  private waitingLength = 0
  /** Taken from what waits, and written up to `written`. */
  private chunk = Buffer.alloc(0)
  private written = 0
  private dropped = 0
  private file: OpenFile | undefined
  private running: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(options: FlatLogOptions) {
    this.options = options
  }

  /** Takes a line with its line end. Never throws, never waits. */
  write(line: string): void {
    const { buffer, droppedLine } = this.options
    if (this.waitingLength + this.chunk.length + line.length > buffer) {
      this.dropped++
      return
    }
    if (this.dropped > 0) this.add(droppedLine(this.dropped))
    this.dropped = 0
    this.add(line)
    this.timer ??= setTimeout(() => void this.flush(), DELAY_MS)
  }

  /** Writes what waits, and lets go of a file whose day is over. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    return (this.running ??= this.writeOut().finally(() => (this.running = undefined)))
  }

  /** Writes what waits and lets go of the file. */
  async close(): Promise<void> {
    await this.flush()
    await this.leaveFile()
  }

  /** For a process that ends now: what waits goes into the open file at once. */
  flushNow(): void {
    const rest = this.waiting.join('')
    this.waiting = []
    if (rest === '' || this.file === undefined || this.running !== undefined) return
    writeSync(this.file.handle.fd, rest)
  }

  private add(line: string): void {
    this.waiting.push(line)
    this.waitingLength += line.length
  }

  private async writeOut(): Promise<void> {
    try {
      await this.leaveFileOfAnotherDay()
      while (this.chunk.length > 0 || this.waiting.length > 0) {
        if (this.chunk.length === 0) this.takeChunk()
        await this.writeChunk()
      }
      this.options.onSuccess()
    } catch (error) {
      const { directory } = this.options
      const failure = new PecError('log', `a flat log in ${directory} cannot be written: ${reasonOf(error)}`, {
        temporary: true,
        cause: error,
      })
      this.options.onFailure(failure)
      this.timer ??= setTimeout(() => void this.flush(), 4 * DELAY_MS).unref()
    }
  }

  private takeChunk(): void {
    let length = 0
    const isFull = (line: string): boolean => (length += line.length) >= PIECE
    const last = this.waiting.findIndex(isFull)
    const lines = this.waiting.splice(0, last === -1 ? this.waiting.length : last + 1)
    this.waitingLength -= length
    this.chunk = Buffer.from(lines.join(''))
    this.written = 0
  }

  private async writeChunk(): Promise<void> {
    const file = await this.fileFor(this.chunk.length - this.written)
    while (this.written < this.chunk.length) {
      const { bytesWritten } = await file.handle.write(this.chunk, this.written)
      this.written += bytesWritten
      file.size += bytesWritten
    }
    this.chunk = Buffer.alloc(0)
  }

  /** The file in which there is room; another one where it is full, or somebody has taken it away. */
  private async fileFor(bytes: number): Promise<OpenFile> {
    const { file } = this
    const isFull = file !== undefined && file.size > 0 && file.size + bytes > this.options.maxBytes
    if (file !== undefined && !isFull && (await isStillThere(file))) return file
    await this.leaveFile()
    // A line that was torn is not continued in another file.
    if (this.written > 0 && this.chunk[this.written - 1] !== 0x0a) this.written = this.chunk.indexOf('\n', this.written) + 1
    return (this.file = await this.newFile())
  }

  /** Never one that is there already: what was closed does not change. */
  private async newFile(): Promise<OpenFile> {
    const { directory, clock, instance, ...name } = this.options
    const begun = clock()
    await mkdir(directory, { mode: 0o700 }).catch(unlessThere)
    for (let number = 0; number < MAX_FILES; number++) {
      const ofMany = number === 0 ? instance : `${instance}-${number}`
      const path = join(directory, flatLogName({ ...name, begun, instance: ofMany }))
      const handle = await open(path, 'ax', 0o600).catch(unlessThere)
      if (handle !== undefined) return { handle, path, day: dayOf(begun), inode: (await handle.stat()).ino, size: 0 }
    }
    throw new Error(`more than ${MAX_FILES} files in an hour`)
  }

  private async leaveFileOfAnotherDay(): Promise<void> {
    if (this.file !== undefined && this.file.day !== dayOf(this.options.clock())) await this.leaveFile()
  }

  private async leaveFile(): Promise<void> {
    const { file } = this
    this.file = undefined
    await file?.handle.close()
  }
}

async function isStillThere({ path, inode }: OpenFile): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.ino === inode
}

function unlessThere(error: unknown): undefined {
  if (hasCode(error, 'EEXIST')) return
  throw error
}
