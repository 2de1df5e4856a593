/**
 * Bytes that can be read again and again, wherever they are: in memory, in a file, or put together from both. A message is a
 * Source from socket to queue, so that no point of the system needs the whole body in memory.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

export interface Source {
  /** Bytes in all. */
  readonly size: number
  /** The bytes from start (included) to end (excluded), in one piece: for ranges known to be small. */
  read(start: number, end: number): Promise<Buffer>
  /** The bytes from start to end in order, in pieces of bounded size. */
  chunks(start?: number, end?: number): AsyncIterable<Buffer>
}

const CHUNK = 256 * 1024

class MemorySource implements Source {
  readonly size: number
  private readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.size = bytes.length
  }

  read(start: number, end: number): Promise<Buffer> {
    return Promise.resolve(this.bytes.subarray(start, end))
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface is for sources that do wait
  async *chunks(start = 0, end = this.size): AsyncGenerator<Buffer> {
    const last = Math.min(end, this.size)
    for (let at = start; at < last; at += CHUNK) yield this.bytes.subarray(at, Math.min(at + CHUNK, last))
  }
}

class FileSource implements Source {
  readonly size: number
  private readonly path: string
  private readonly offset: number

  constructor(path: string, offset: number, size: number) {
    this.path = path
    this.offset = offset
    this.size = size
  }

  async read(start: number, end: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const chunk of this.chunks(start, end)) pieces.push(chunk)
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }

  async *chunks(start = 0, end = this.size): AsyncGenerator<Buffer> {
    const last = Math.min(end, this.size)
    if (start >= last) return
    const file = await open(this.path, 'r')
    try {
      for (let at = start; at < last;) {
        const wanted = Math.min(CHUNK, last - at)
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, this.offset + at)
        if (bytesRead === 0) throw new Error(`${this.path} is shorter than when it was opened`)
        at += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await file.close()
    }
  }
}

class SliceSource implements Source {
  readonly size: number
  private readonly whole: Source
  private readonly offset: number

  constructor(whole: Source, offset: number, size: number) {
    this.whole = whole
    this.offset = offset
    this.size = size
  }

  read(start: number, end: number): Promise<Buffer> {
    return this.whole.read(this.offset + start, this.offset + Math.min(end, this.size))
  }

  chunks(start = 0, end = this.size): AsyncIterable<Buffer> {
    return this.whole.chunks(this.offset + start, this.offset + Math.min(end, this.size))
  }
}

class JoinedSource implements Source {
  readonly size: number
  private readonly parts: readonly Source[]

  constructor(parts: readonly Source[]) {
    this.parts = parts
    this.size = parts.reduce((sum, part) => sum + part.size, 0)
  }

  async read(start: number, end: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const chunk of this.chunks(start, end)) pieces.push(chunk)
    return Buffer.concat(pieces)
  }

  async *chunks(start = 0, end = this.size): AsyncGenerator<Buffer> {
    let offset = 0
    for (const part of this.parts) {
      const from = Math.max(start - offset, 0)
      const to = Math.min(end - offset, part.size)
      if (from < to) yield* part.chunks(from, to)
      offset += part.size
    }
  }
}

/** The bytes of a Buffer, which must not change afterwards. */
export function fromBuffer(bytes: Buffer): Source {
  return new MemorySource(bytes)
}

/** The bytes of a file from start to end (its size if left out). The file must stay as it is while the Source is in use. */
export async function fromFile(path: string, start = 0, end?: number): Promise<Source> {
  if (end !== undefined) return new FileSource(path, start, end - start)
  const file = await open(path, 'r')
  try {
    return new FileSource(path, start, (await file.stat()).size - start)
  } finally {
    await file.close()
  }
}

/** The bytes of `whole` from start to end, not copied. */
export function slice(whole: Source, start: number, end: number): Source {
  return new SliceSource(whole, start, Math.max(0, Math.min(end, whole.size) - start))
}

/** These bytes one after the other, not copied. */
export function concatenate(parts: readonly (Buffer | Source)[]): Source {
  return new JoinedSource(parts.map((part) => (Buffer.isBuffer(part) ? fromBuffer(part) : part)))
}

/** The whole of a Source that is known to be small. */
export function readAll(source: Source): Promise<Buffer> {
  return source.read(0, source.size)
}

/** Where `needle` first stands between from and to, or -1. Reads in pieces. */
export async function indexOf(source: Source, needle: Buffer, from = 0, to = source.size): Promise<number> {
  const overlap = needle.length - 1
  let tail = Buffer.alloc(0)
  let at = from
  for await (const chunk of source.chunks(from, to)) {
    // A match across two pieces lies within the last bytes of one and the first of the next.
    const seam = Buffer.concat([tail, chunk.subarray(0, overlap)])
    const across = seam.indexOf(needle)
    if (across !== -1) return at - tail.length + across
    const inside = chunk.indexOf(needle)
    if (inside !== -1) return at + inside
    const kept = chunk.length >= overlap ? chunk : Buffer.concat([tail, chunk])
    tail = Buffer.from(kept.subarray(Math.max(0, kept.length - overlap)))
    at += chunk.length
  }
  return -1
}

/** The digest of all the bytes. */
export async function digest(source: Source, algorithm: 'sha1' | 'sha256' | 'sha384' | 'sha512'): Promise<Buffer> {
  const hash = createHash(algorithm)
  for await (const chunk of source.chunks()) hash.update(chunk)
  return hash.digest()
}
