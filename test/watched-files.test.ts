import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stampsOf, watchFiles } from '../src/watched-files.js'

/** Two files that must say the same. */
async function pair(t: { after(fn: () => unknown): void }) {
  const directory = await mkdtemp(join(tmpdir(), 'pec-watched-'))
  t.after(() => rm(directory, { recursive: true }))
  const paths = ['a', 'b'].map((name) => join(directory, name))
  const lines: string[] = []
  const pieces = { used: 'one', takes: 0 }
  const write = async (...texts: readonly string[]): Promise<void> => {
    for (const [at, text] of texts.entries()) await writeFile(paths[at] ?? '', text)
  }
  const take = async (): Promise<string> => {
    pieces.takes++
    const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
    if (texts[0] !== texts[1]) throw new Error('they differ')
    pieces.used = texts[0] ?? ''
    return `saying ${pieces.used}`
  }
  await write('one', 'one')
  const seen = await stampsOf(paths)
  const watch = watchFiles({ what: 'the pair', paths, seen, take }, 3_600_000, (line) => lines.push(line))
  t.after(() => watch.stop())
  return { paths, lines, pieces, write, watch }
}

test('files are taken over when they have changed, and not otherwise', async (t) => {
  const { lines, pieces, write, watch } = await pair(t)
  await watch.look()
  assert.deepEqual([pieces.takes, lines], [0, []])
  await write('second', 'second')
  await watch.look()
  await watch.look()
  assert.deepEqual([pieces.used, pieces.takes, lines], ['second', 1, ['the pair: taken over, saying second']])
})

test('files that do not fit are told of once, from the second look on, and the old ones go on', async (t) => {
  const { lines, pieces, write, watch } = await pair(t)
  await write('second')
  await watch.look()
  assert.deepEqual(lines, [])
  for (let look = 0; look < 3; look++) await watch.look()
  assert.deepEqual([pieces.used, lines], ['one', ['the pair: NOT taken over, the old one goes on: they differ']])
  await write('second', 'second')
  await watch.look()
  assert.equal(pieces.used, 'second')
})

test('files replaced one after the other are told of as taken over only', async (t) => {
  const { lines, write, watch } = await pair(t)
  await write('second')
  await watch.look()
  await write('second', 'second')
  await watch.look()
  assert.deepEqual(lines, ['the pair: taken over, saying second'])
})

test('a file that has gone is a fault, and its return is none', async (t) => {
  const { paths, lines, pieces, write, watch } = await pair(t)
  await rm(paths[0] ?? '')
  await watch.look()
  await watch.look()
  assert.match(lines.join(), /^the pair: NOT taken over, the old one goes on: ENOENT/)
  await write('one', 'one')
  await watch.look()
  assert.equal(pieces.used, 'one')
  assert.equal(lines.length, 2)
})
