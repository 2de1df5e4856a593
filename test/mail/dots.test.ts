import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { dotStuffed, dotUnstuffed } from '../../src/mail/dots.js'

type Filter = (chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>

// eslint-disable-next-line @typescript-eslint/require-await -- what is filtered comes from files as a rule
async function* piecesOf(chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk, 'latin1')
}

async function through(filter: Filter, chunks: readonly string[]): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of filter(piecesOf(chunks))) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

/** A message that is all about dots and line ends, cut anywhere. */
const dottedChunks = fc.array(
  fc.array(fc.constantFrom('.', '\r\n', '\r', '\n', 'a', '\xff'), { maxLength: 6 }).map((words) => words.join('')),
)

describe('the dots of SMTP', () => {
  for (const [plain, wire] of [
    ['', ''],
    ['.', '..'],
    ['a.b\r\n', 'a.b\r\n'],
    ['.\r\n', '..\r\n'],
    ['..\r\n.a\r\n', '...\r\n..a\r\n'],
    ['\r\n.\r\n.\r\n', '\r\n..\r\n..\r\n'],
    ['a\r\n.', 'a\r\n..'],
  ] as const) {
    test(`${JSON.stringify(plain)} is ${JSON.stringify(wire)} on the wire`, async () => {
      assert.equal(await through(dotStuffed, [plain]), wire)
      assert.equal(await through(dotUnstuffed, [wire]), plain)
    })
  }

  test('do not depend on how the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(dottedChunks, async (chunks) => {
        const whole = [chunks.join('')]
        assert.equal(await through(dotStuffed, chunks), await through(dotStuffed, whole))
        assert.equal(await through(dotUnstuffed, chunks), await through(dotUnstuffed, whole))
      }),
    )
  })

  test('taken away again leave the bytes as they were', async () => {
    await fc.assert(
      fc.asyncProperty(dottedChunks, async (chunks) => {
        const wire = dotStuffed(piecesOf(chunks))
        const pieces: Buffer[] = []
        for await (const piece of dotUnstuffed(wire)) pieces.push(piece)
        assert.equal(Buffer.concat(pieces).toString('latin1'), chunks.join(''))
      }),
    )
  })

  test('leave no line on the wire that ends a message', async () => {
    await fc.assert(
      fc.asyncProperty(dottedChunks, async (chunks) => {
        const wire = await through(dotStuffed, chunks)
        assert.ok(!`\r\n${wire}`.includes('\r\n.\r\n'), JSON.stringify(wire))
      }),
    )
  })
})
