import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import {
  concatenate,
  digest,
  fromBuffer,
  fromFile,
  indexOf,
  readAll,
  Scratch,
  slice,
  type Source,
} from '../../src/mail/source.js'

// More than one chunk, and bytes that tell their place.
const bytes = Buffer.concat(
  Array.from({ length: 21_876 }, (_, block) => createHash('sha256').update(String(block)).digest()),
).subarray(0, 700_001)

async function inChunks(source: Source, start?: number, end?: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of source.chunks(start, end)) {
    assert.ok(piece.length > 0)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

suite('a source', () => {
  let folder = ''
  const sources: [string, () => Promise<Source>][] = [
    ['in memory', () => Promise.resolve(fromBuffer(bytes))],
    ['in a file', () => fromFile(join(folder, 'whole'))],
    ['in the middle of a file', () => fromFile(join(folder, 'padded'), 3, 3 + bytes.length)],
    ['sliced from a larger one', async () => slice(await fromFile(join(folder, 'padded')), 3, 3 + bytes.length)],
    ['sliced from a slice', async () => slice(slice(await fromFile(join(folder, 'padded')), 1, 1e9), 2, 2 + bytes.length)],
    [
      'joined from memory and a file',
      async () => {
        const file = await fromFile(join(folder, 'whole'))
        return concatenate([
          bytes.subarray(0, 10),
          bytes.subarray(10, 300_000),
          slice(file, 300_000, 300_001),
          slice(file, 300_001, 1e9),
        ])
      },
    ],
    [
      'joined from joined ones',
      async () => {
        const file = await fromFile(join(folder, 'whole'))
        const head = concatenate([slice(file, 0, 5), Buffer.alloc(0), bytes.subarray(5, 70_000)])
        return concatenate([head, concatenate([slice(file, 70_000, 80_000), bytes.subarray(80_000)])])
      },
    ],
  ]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'source-'))
    await writeFile(join(folder, 'whole'), bytes)
    await writeFile(join(folder, 'padded'), Buffer.concat([Buffer.from('abc'), bytes, Buffer.from('xyz')]))
  })
  after(() => rm(folder, { recursive: true }))

  for (const [place, open] of sources) {
    test(`${place} gives any range, at once or in chunks`, async () => {
      const source = await open()
      assert.equal(source.size, bytes.length)
      assert.ok((await readAll(source)).equals(bytes))
      assert.ok((await inChunks(source)).equals(bytes))
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [9, 11],
        [4, 6],
        [299_999, 300_002],
        [262_143, 262_145],
        [5, 600_000],
        [700_000, 700_001],
        [699_000, 900_000],
      ] as const) {
        assert.ok((await source.read(start, end)).equals(bytes.subarray(start, end)), `${start}..${end} read`)
        assert.ok((await inChunks(source, start, end)).equals(bytes.subarray(start, end)), `${start}..${end} in chunks`)
        assert.ok((await readAll(slice(source, start, end))).equals(bytes.subarray(start, end)), `${start}..${end} sliced`)
      }
    })

    test(`${place} gives the same bytes where its pieces lie in the same room`, async () => {
      const scratch = new Scratch()
      const source = await open()
      const hash = createHash('sha256')
      for await (const piece of source.chunks(5, bytes.length - 5, scratch)) hash.update(piece)
      assert.deepEqual(hash.digest(), createHash('sha256').update(bytes.subarray(5, -5)).digest())
    })

    test(`${place} finds bytes, across chunks too`, async () => {
      const source = await open()
      for (const at of [0, 262_100, 262_143, 524_287, 699_961]) {
        assert.equal(await indexOf(source, bytes.subarray(at, at + 40)), at)
      }
      const needle = bytes.subarray(262_120, 262_160)
      assert.equal(await indexOf(source, needle, 262_121), -1)
      assert.equal(await indexOf(source, needle, 0, 262_159), -1)
      assert.equal(await indexOf(source, needle, 262_120, 262_160), 262_120)
      assert.equal(await indexOf(source, bytes.subarray(500_000, 500_001), 500_000), 500_000)
      assert.equal(await indexOf(source, Buffer.from('no such bytes are there')), -1)
    })

    test(`${place} has the digest of its bytes`, async () => {
      const source = await open()
      for (const algorithm of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
        assert.deepEqual(await digest(source, algorithm), createHash(algorithm).update(bytes).digest())
      }
    })
  }

  test('in a file is read into one and the same room if there is one', async () => {
    const scratch = new Scratch()
    const file = await fromFile(join(folder, 'whole'))
    for await (const piece of file.chunks(0, file.size, scratch)) assert.equal(piece.buffer, scratch.take(1).buffer)
  })

  test('in a file that became shorter is an error, not an end', async () => {
    const path = join(folder, 'short')
    await writeFile(path, 'abcdef')
    const source = await fromFile(path)
    await writeFile(path, 'abc')
    await assert.rejects(readAll(source), /shorter/)
  })

  test('joined from pieces equals the pieces joined, in every range', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 9 })), fc.nat(40), fc.nat(40), async (arrays, a, b) => {
        const pieces = arrays.map((array) => Buffer.from(array))
        const joined = concatenate(pieces.map((piece, index) => (index % 2 === 0 ? piece : concatenate([fromBuffer(piece)]))))
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        assert.deepEqual(await readAll(slice(joined, start, end)), Buffer.concat(pieces).subarray(start, end))
      }),
    )
  })
})
