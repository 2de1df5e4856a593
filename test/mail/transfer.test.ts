import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { concatenate, fromBuffer, readAll, slice, type Source } from '../../src/mail/source.js'
import {
  decodeBase64,
  decodeQuotedPrintable,
  encodeBase64,
  encodeQuotedPrintable,
  type Transform,
} from '../../src/mail/transfer.js'
import { transformed, transformedChunks } from '../../src/mail/transformed.js'

const NOTHING = Buffer.alloc(0)
const transforms = { decodeBase64, decodeQuotedPrintable, encodeBase64, encodeQuotedPrintable }

function apply(transform: Transform, input: string | Buffer): Buffer {
  return transform(NOTHING, Buffer.isBuffer(input) ? input : Buffer.from(input, 'latin1'), true).output
}

/** A source that gives its bytes in pieces of these sizes, in turn. */
function inPieces(bytes: Buffer, sizes: readonly number[]): Source {
  return {
    size: bytes.length,
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
    // eslint-disable-next-line @typescript-eslint/require-await -- the interface is for sources that do wait
    async *chunks(start = 0, end = bytes.length) {
      for (let at = start, turn = 0; at < end; turn += 1) {
        const next = Math.min(end, at + (sizes[turn % sizes.length] ?? 1))
        yield bytes.subarray(at, next)
        at = next
      }
    },
  }
}

const bytesOfMail = fc
  .array(
    fc.constantFrom(
      'a',
      'è',
      '\r\n',
      '\r',
      '\n',
      ' ',
      '\t',
      '=',
      '=\r\n',
      '=3D',
      '=e',
      '.',
      '--',
      'From ',
      '\0',
      '\xff',
      'x'.repeat(80),
      ' '.repeat(1100),
      'YWJj',
    ),
    {
      maxLength: 40,
    },
  )
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  bytesOfMail,
)

suite('quoted-printable', () => {
  const decoded: [string, string, string][] = [
    ['decodes escapes in any case', 'perch=E9=e9', 'perch\xe9\xe9'],
    ['drops soft line breaks', 'a=\r\nb= \t\r\nc=\nd', 'abcd'],
    ['drops white space at line ends', 'a \t\r\nb \nc \t', 'a\r\nb\nc'],
    ['keeps other white space', ' a b', ' a b'],
    ['keeps bad escapes', 'a=zz=4', 'a=zz=4'],
    ['drops a soft break at the end', 'a=', 'a'],
  ]
  for (const [behaviour, encoded, bytes] of decoded) {
    test(behaviour, () => assert.equal(apply(decodeQuotedPrintable, encoded).toString('latin1'), bytes))
  }

  const encoded: [string, string, string][] = [
    ['keeps plain text and line ends', 'a b\r\nc', 'a b\r\nc'],
    ['escapes 8-bit, NUL and =', '\xe8\0=', '=E8=00=3D'],
    ['escapes lone CR and LF', 'a\rb\nc\r', 'a=0Db=0Ac=0D'],
    ['escapes white space at line ends', 'a \r\nb\t', 'a=20\r\nb=09'],
    ['escapes what carriers change at the start of a line', 'From a\r\n.\r\nFrom', '=46rom a\r\n=2E\r\nFrom'],
    ['breaks long lines', 'a'.repeat(77), `${'a'.repeat(75)}=\r\naa`],
    ['makes no delimiter by breaking a line', `${'a'.repeat(75)}--b\r\n`, `${'a'.repeat(75)}=\r\n=2D-b\r\n`],
  ]
  for (const [behaviour, bytes, text] of encoded) {
    test(behaviour, () => assert.equal(apply(encodeQuotedPrintable, bytes).toString('latin1'), text))
  }

  test('decodes to what was encoded, from printable lines of at most 76 characters', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const text = apply(encodeQuotedPrintable, bytes)
        assert.match(text.toString('latin1'), /^(?:[\t -~]{0,76}\r\n)*[\t -~]{0,76}$/)
        assert.ok(!text.toString('latin1').includes('\n--'))
        assert.deepEqual(apply(decodeQuotedPrintable, text), bytes)
      }),
    )
  })
})

suite('base64', () => {
  const decoded: [string, string, string][] = [
    ['passes over foreign characters', 'Y W\r\nJ*j', 'abc'],
    ['ends at the padding', 'YQ==YWJj', 'a'],
    ['takes what is left without padding', 'YWI', 'ab'],
    ['passes over a lone last character', 'YWJjY', 'abc'],
  ]
  for (const [behaviour, text, bytes] of decoded) {
    test(behaviour, () => assert.equal(apply(decodeBase64, text).toString('latin1'), bytes))
  }

  test('decodes to what was encoded, from lines of at most 76 characters', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const text = apply(encodeBase64, bytes)
        assert.match(text.toString('latin1'), /^(?:[A-Za-z0-9+/=]{1,76}\r\n)*$/)
        assert.deepEqual(apply(decodeBase64, text), bytes)
      }),
    )
  })
})

suite('a transformed source', () => {
  for (const [name, transform] of Object.entries(transforms)) {
    test(`${name} gives the same however its input comes in pieces, and from any place`, async () => {
      await fc.assert(
        fc.asyncProperty(
          anyBytes,
          fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 }),
          fc.nat(400),
          fc.nat(400),
          async (bytes, sizes, a, b) => {
            const whole = apply(transform, bytes)
            const source = await transformed(inPieces(bytes, sizes), transform)
            assert.equal(source.size, whole.length)
            assert.deepEqual(await readAll(source), whole)
            const [start, end] = [Math.min(a, b), Math.max(a, b)]
            assert.deepEqual(await source.read(start, end), whole.subarray(start, end))
            const pieces: Buffer[] = []
            for await (const piece of transformedChunks(inPieces(bytes, [...sizes].reverse()), transform)) pieces.push(piece)
            assert.deepEqual(Buffer.concat(pieces), whole)
          },
        ),
      )
    })
  }

  test('can be stacked, sliced and joined when large', async () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 700_001 }, (_, index) => Math.imul(index, 2_654_435_761) >>> 13))
    const encoded = await transformed(fromBuffer(bytes), encodeBase64)
    const again = await transformed(await transformed(encoded, decodeBase64), encodeQuotedPrintable)
    const joined = concatenate([Buffer.from('<'), slice(again, 0, again.size), Buffer.from('>')])
    const text = await readAll(joined)
    assert.deepEqual(apply(decodeQuotedPrintable, text.subarray(1, -1)), bytes)
    for (const start of [0, 1, 500_000, 1_200_000]) {
      assert.deepEqual(await joined.read(start, start + 300_000), text.subarray(start, start + 300_000))
    }
  })

  test('takes time in proportion to nasty bodies', async () => {
    for (const nasty of [' ', '=', '= ', '=\r', '\r', '\n', '*', '=4', '\xe8', '=\t\t', `${' '.repeat(999)}a`]) {
      const body = fromBuffer(Buffer.from(nasty.repeat(2_000_000 / nasty.length), 'latin1'))
      for (const [name, transform] of Object.entries(transforms)) {
        const started = performance.now()
        await transformed(body, transform)
        assert.ok(performance.now() - started < 3000, `${name} of ${JSON.stringify(nasty)}`)
      }
    }
  })
})
