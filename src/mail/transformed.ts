/** A Source whose bytes are made while they are read: a transfer encoding put on or taken off. */
import type { Source } from './source.js'
import type { Transform } from './transfer.js'

/** Where the transform can be taken up again. */
interface Mark {
  readonly input: number
  readonly output: number
  readonly carry: Buffer
}

const NOTHING = Buffer.alloc(0)

class TransformedSource implements Source {
  readonly size: number
  private readonly source: Source
  private readonly transform: Transform
  private readonly marks: readonly Mark[]

  constructor(source: Source, transform: Transform, marks: readonly Mark[], size: number) {
    this.source = source
    this.transform = transform
    this.marks = marks
    this.size = size
  }

  async read(start: number, end: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const chunk of this.chunks(start, end)) pieces.push(chunk)
    return Buffer.concat(pieces)
  }

  async *chunks(start = 0, end = this.size): AsyncGenerator<Buffer> {
    const mark = this.marks.findLast((candidate) => candidate.output <= start)
    if (mark === undefined || start >= end) return
    let at = mark.output
    for await (const output of transformedFrom(this.source, this.transform, mark)) {
      const from = Math.max(start - at, 0)
      const to = Math.min(end - at, output.length)
      if (from < to) yield output.subarray(from, to)
      at += output.length
      if (at >= end) return
    }
  }
}

/**
 * The bytes that `transform` makes of `source`, in pieces. Memory is bounded by a piece; the size is not known before the end.
 */
export async function* transformedChunks(source: Source, transform: Transform): AsyncGenerator<Buffer> {
  yield* transformedFrom(source, transform, { input: 0, output: 0, carry: NOTHING })
}

/** The same as a Source: reads the bytes once to learn the size, and transforms them anew at each reading. */
export async function transformed(source: Source, transform: Transform): Promise<Source> {
  const marks: Mark[] = [{ input: 0, output: 0, carry: NOTHING }]
  let carry: Buffer = NOTHING
  let input = 0
  let output = 0
  for await (const chunk of source.chunks()) {
    const step = transform(carry, chunk, false)
    carry = step.carry
    input += chunk.length
    output += step.output.length
    marks.push({ input, output, carry })
  }
  output += transform(carry, NOTHING, true).output.length
  return new TransformedSource(source, transform, marks, output)
}

async function* transformedFrom(source: Source, transform: Transform, mark: Mark): AsyncGenerator<Buffer> {
  let carry = mark.carry
  for await (const chunk of source.chunks(mark.input)) {
    const step = transform(carry, chunk, false)
    carry = step.carry
    yield step.output
  }
  yield transform(carry, NOTHING, true).output
}
