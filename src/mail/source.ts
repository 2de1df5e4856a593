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
  /**
   * The bytes from start to end in order, in pieces of bounded size. With `scratch`, pieces read from files lie in it, and each is
   * valid only until the next is asked for: for readers that keep none, a large message then leaves no garbage.
   */
  chunks(start?: number, end?: number, scratch?: Scratch): AsyncIterable<Buffer>
}

const CHUNK = 256 * 1024

/** Room for one piece, made when it is first needed. */
export class Scratch {
  private room: Buffer | undefined

  /** So many bytes, or as many as there is room for. */
  take(size: number): Buffer {
    this.room ??= Buffer.allocUnsafeSlow(CHUNK)
    return this.room.subarray(0, size)
  }
}
const SMALL = 64 * 1024

class MemorySource implements Source {
  readonly size: number
  readonly bytes: Buffer

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

  async *chunks(start = 0, end = this.size, scratch?: Scratch): AsyncGenerator<Buffer> {
    const last = Math.min(end, this.size)
    if (start >= last) return
    const file = await open(this.path, 'r')
    try {
      for (let at = start; at < last;) {
        const wanted = Math.min(CHUNK, last - at)
        const { bytesRead, buffer } = await file.read(
          scratch?.take(wanted) ?? Buffer.allocUnsafe(wanted),
          0,
          wanted,
          this.offset + at,
        )
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
  readonly whole: Source
  readonly offset: number

  constructor(whole: Source, offset: number, size: number) {
    this.whole = whole
    this.offset = offset
    this.size = size
  }

  read(start: number, end: number): Promise<Buffer> {
    return this.whole.read(this.offset + start, this.offset + Math.min(end, this.size))
  }

  chunks(start = 0, end = this.size, scratch?: Scratch): AsyncIterable<Buffer> {
    return this.whole.chunks(this.offset + start, this.offset + Math.min(end, this.size), scratch)
  }
}

class JoinedSource implements Source {
  readonly size: number
  readonly parts: readonly Source[]

  constructor(parts: readonly Source[]) {
    this.parts = parts
    this.size = parts.reduce((sum, part) => sum + part.size, 0)
  }

  async read(start: number, end: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    for (const { part, from, to } of this.ranges(start, end)) pieces.push(await part.read(from, to))
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }

  async *chunks(start = 0, end = this.size, scratch?: Scratch): AsyncGenerator<Buffer> {
    for (const { part, from, to } of this.ranges(start, end)) yield* part.chunks(from, to, scratch)
  }

  /** The parts that these bytes lie in, and where in them. */
  ranges(start: number, end: number): { part: Source; from: number; to: number }[] {
    const found: { part: Source; from: number; to: number }[] = []
    let offset = 0
    for (const part of this.parts) {
      const from = Math.max(start - offset, 0)
      const to = Math.min(end - offset, part.size)
      if (from < to) found.push({ part, from, to })
      offset += part.size
      if (offset >= end) break
    }
    return found
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
  const last = Math.min(end, whole.size)
  if (start >= last) return fromBuffer(Buffer.alloc(0))
  if (whole instanceof MemorySource) return fromBuffer(whole.bytes.subarray(start, last))
  if (whole instanceof SliceSource) return new SliceSource(whole.whole, whole.offset + start, last - start)
  if (whole instanceof JoinedSource)
    return concatenate(whole.ranges(start, last).map(({ part, from, to }) => slice(part, from, to)))
  return start === 0 && last === whole.size ? whole : new SliceSource(whole, start, last - start)
}

/** These bytes one after the other. Large ones are not copied; small ones in memory become one piece, which is faster to read. */
export function concatenate(parts: readonly (Buffer | Source)[]): Source {
  const joined: Source[] = []
  let small: Buffer[] = []
  let size = 0
  const flush = (): void => {
    if (size > 0) joined.push(fromBuffer(small.length === 1 && small[0] !== undefined ? small[0] : Buffer.concat(small)))
    small = []
    size = 0
  }
  for (const part of parts.flatMap((whole): readonly (Buffer | Source)[] =>
    whole instanceof JoinedSource ? whole.parts : [whole],
  )) {
    const bytes = Buffer.isBuffer(part) ? part : part instanceof MemorySource ? part.bytes : undefined
    if (bytes === undefined || bytes.length > SMALL || size > CHUNK) flush()
    if (bytes === undefined || bytes.length > SMALL) {
      joined.push(Buffer.isBuffer(part) ? fromBuffer(part) : part)
    } else {
      small.push(bytes)
      size += bytes.length
    }
  }
  flush()
  return joined.length === 1 && joined[0] !== undefined ? joined[0] : new JoinedSource(joined)
}

/** The whole of a Source that is known to be small. */
export function readAll(source: Source): Promise<Buffer> {
  return source.read(0, source.size)
}

/** Where `needle` first stands between from and to, or -1. Reads in pieces. */
export async function indexOf(source: Source, needle: Buffer, from = 0, to = source.size): Promise<number> {
  if (source instanceof MemorySource) {
    const found = source.bytes.subarray(from, to).indexOf(needle)
    return found === -1 ? -1 : from + found
  }
  const overlap = needle.length - 1
  let tail = Buffer.alloc(0)
  let at = from
  for await (const chunk of source.chunks(from, to, new Scratch())) {
    // A match across two pieces lies within the last bytes of one and the first of the next.
    const seam = Buffer.concat([tail, chunk.subarray(0, overlap)])
    const across = tail.length === 0 ? -1 : seam.indexOf(needle)
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
  for await (const chunk of source.chunks(0, source.size, new Scratch())) hash.update(chunk)
  return hash.digest()
}
