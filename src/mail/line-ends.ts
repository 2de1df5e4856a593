/**
 * Line ends: whether a message has others than CRLF (RFC 5322 §2.3), and messages as mail programs save them, whose lines end in LF
 * and which an mbox file separates by lines of its own (RFC 4155).
 */
import { concatenate, indexOf, Scratch, slice, type Source } from './source.js'
import type { Step } from './transfer.js'

const CR = 0x0d
const LF = 0x0a
const MBOX = Buffer.from('From ')
const LINE_FEED = Buffer.of(LF)
// Longer ones are not a separator but something else.
const MAX_SEPARATOR = 1000
const BLANK_LINE = Buffer.from('\r\n\r\n')
const MAX_HEAD = 1024 * 1024

/** Whether there is a CR without an LF after it, or an LF without a CR before it. */
export async function hasBareLineEnd(source: Source): Promise<boolean> {
  let last: number | undefined
  for await (const chunk of source.chunks(0, source.size, new Scratch())) {
    if (chunk.length === 0) continue
    if ((last === CR) !== (chunk[0] === LF) || hasBareWithin(chunk)) return true
    last = chunk[chunk.length - 1]
  }
  return last === CR
}

/** Its first byte and its last are for others to look at. */
function hasBareWithin(bytes: Buffer): boolean {
  for (let feed = bytes.indexOf(LF, 1); feed !== -1; feed = bytes.indexOf(LF, feed + 1)) if (bytes[feed - 1] !== CR) return true
  const end = bytes.length - 1
  for (let at = bytes.indexOf(CR); at !== -1 && at < end; at = bytes.indexOf(CR, at + 1)) if (bytes[at + 1] !== LF) return true
  return false
}

/** A transform that writes CRLF for each LF without a CR before it, and leaves all else as it is. */
export function completeLineEnds(carry: Buffer, data: Buffer, last: boolean): Step {
  const bytes = carry.length === 0 ? data : Buffer.concat([carry, data])
  // The LF that belongs to a CR at the very end is yet to come.
  const held = !last && bytes[bytes.length - 1] === CR ? 1 : 0
  const whole = bytes.subarray(0, bytes.length - held)
  return { output: completed(whole), carry: Buffer.from(bytes.subarray(whole.length)) }
}

function completed(bytes: Buffer): Buffer {
  const lone = countLone(bytes)
  if (lone === 0) return bytes
  const output = Buffer.allocUnsafe(bytes.length + lone)
  let length = 0
  let start = 0
  for (let feed = bytes.indexOf(LF); feed !== -1; feed = bytes.indexOf(LF, feed + 1)) {
    if (bytes[feed - 1] === CR) continue
    length += bytes.copy(output, length, start, feed)
    output[length++] = CR
    start = feed
  }
  bytes.copy(output, length, start)
  return output
}

function countLone(bytes: Buffer): number {
  let lone = 0
  for (let feed = bytes.indexOf(LF); feed !== -1; feed = bytes.indexOf(LF, feed + 1)) if (bytes[feed - 1] !== CR) lone += 1
  return lone
}

/** The message without the `From ` line of an mbox file, if it begins with one. */
export async function withoutMboxLine(source: Source): Promise<Source> {
  if (!(await source.read(0, Math.min(MBOX.length, source.size))).equals(MBOX)) return source
  const feed = await indexOf(source, LINE_FEED, 0, Math.min(MAX_SEPARATOR, source.size))
  return feed === -1 ? source : slice(source, feed + 1, source.size)
}

/** The message with the line ends of its header completed: a mail store may have put fields with LF above lines with CRLF. */
export async function withCompleteHead(source: Source): Promise<Source> {
  const end = await indexOf(source, BLANK_LINE, 0, Math.min(MAX_HEAD, source.size))
  if (end === -1) return source
  const head = await source.read(0, end)
  const complete = completed(head)
  return complete === head ? source : concatenate([complete, slice(source, end, source.size)])
}
