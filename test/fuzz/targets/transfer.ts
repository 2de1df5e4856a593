/** Transfer encodings, line ends and the dots of SMTP: streams, so that where the pieces end must not matter. */
import assert from 'node:assert/strict'
import { dotStuffed, dotUnstuffed } from '../../../src/mail/dots.js'
import { completeLineEnds } from '../../../src/mail/line-ends.js'
import { areSevenBitLines, scrubLines } from '../../../src/mail/line.js'
import {
  decodeBase64,
  decodeQuotedPrintable,
  encodeBase64,
  encodeQuotedPrintable,
  type Transform,
} from '../../../src/mail/transfer.js'
import type { Target } from '../target.js'
import { MESSAGES } from '../letters.js'

const TRANSFORMS: readonly Transform[] = [
  ...[decodeBase64, decodeQuotedPrintable, encodeBase64, encodeQuotedPrintable, completeLineEnds, scrubLines],
]
const CARRY_LIMIT = 4096

export function transferTarget(): Target {
  return {
    name: 'transfer',
    cases: 1500,
    corpus: MESSAGES,
    words: ['=\r\n', '=0D=0A', '=3', '\r\n.\r\n', '\n.', '\r\n..', '=====', '--', 'From '],
    run,
  }
}

async function run(whole: Buffer): Promise<void> {
  // What is quadratic shows in far less than this; each piece costs a step.
  const input = whole.subarray(0, 65_536)
  const piece = 1 + ((input[0] ?? 0) % 61)
  for (const transform of TRANSFORMS) {
    const once = transform(Buffer.alloc(0), input, true)
    assert.ok(piecewise(transform, input, piece).equals(once.output))
  }
  const quoted = encodeQuotedPrintable(Buffer.alloc(0), input, true).output
  assert.ok(areSevenBitLines(quoted))
  assert.ok(decodeQuotedPrintable(Buffer.alloc(0), quoted, true).output.equals(input))
  assert.ok(decodeBase64(Buffer.alloc(0), encodeBase64(Buffer.alloc(0), input, true).output, true).output.equals(input))
  assert.ok(areSevenBitLines(scrubLines(Buffer.alloc(0), input, true).output))

  const wire = await joined(dotStuffed(pieces(input, piece)))
  assert.doesNotMatch(wire.toString('latin1'), /(?:^|\n)\.(?!\.)/)
  assert.ok((await joined(dotUnstuffed(pieces(wire, piece + 1)))).equals(input))
}

function piecewise(transform: Transform, input: Buffer, size: number): Buffer {
  const output: Buffer[] = []
  let carry: Buffer = Buffer.alloc(0)
  for (let at = 0; at < input.length; at += size) {
    const step = transform(carry, input.subarray(at, at + size), false)
    assert.ok(step.carry.length <= CARRY_LIMIT)
    output.push(step.output)
    carry = step.carry
  }
  return Buffer.concat([...output, transform(carry, Buffer.alloc(0), true).output])
}

// eslint-disable-next-line @typescript-eslint/require-await -- the interface is for what does wait
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function joined(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const found: Buffer[] = []
  for await (const chunk of chunks) found.push(chunk)
  return Buffer.concat(found)
}
