// Every regular expression of src, read from the sources, against strings made to hold it up: beginnings of what it matches, a
// piece of that over and over, and an end that it does not expect. None may take more than linear time: hostile mail reaches most
// of them. Those that cannot (they see the operator's files or our own tables) are held to the same.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import ts from 'typescript'
import { createContext, Script } from 'node:vm'

const ROOT = join(__dirname, '..')

interface Found {
  readonly place: string
  readonly source: string
  readonly flags: string
}

function regularExpressions(): { readonly literals: readonly Found[]; readonly built: readonly string[] } {
  const literals: Found[] = []
  const built: string[] = []
  for (const folder of ['src', 'plugins']) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue
      const file = ts.createSourceFile(name, readFileSync(join(ROOT, folder, name), 'utf8'), ts.ScriptTarget.Latest, true)
      const visit = (node: ts.Node): void => {
        const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
        if (node.kind === ts.SyntaxKind.RegularExpressionLiteral) {
          const [, source = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(node.getText(file)) ?? []
          literals.push({ place: `${folder}/${name}:${line + 1}`, source, flags })
        }
        if (ts.isNewExpression(node) && node.expression.getText(file) === 'RegExp') built.push(`${folder}/${name}`)
        ts.forEachChild(node, visit)
      }
      visit(file)
    }
  }
  return { literals, built }
}

const LENGTH = 100_000
/** Milliseconds for a string of that length. */
const LIMIT = 100
const SUSPICIOUS = 3
const PATIENCE = 1000
const SAMPLES = 4
const PLACES = 14
const ENDS = ['', '\0']

/** Strings of `length` characters, or nearly. */
function* attacks({ source, flags }: Found, length: number): Generator<string> {
  for (const sample of samples(source, flags)) {
    for (let at = 0; at < Math.min(sample.length, PLACES); at++) {
      for (const size of [1, 2, sample.length - at]) {
        const pump = sample.slice(at, at + size)
        if (pump === '') continue
        const body = sample.slice(0, at) + pump.repeat(Math.ceil(length / pump.length))
        for (const end of ENDS) yield body + end
      }
    }
  }
}

/** What it matches, as far as fast-check can tell, and without it the characters that it is written with. */
function samples(source: string, flags: string): readonly string[] {
  const characters = [...new Set(` ${source.replace(/\\[a-zA-Z]/g, ' \ta0')}aA0 \t`)].join('')
  try {
    // fast-check looks for ever for what no printable character can be.
    const positive = source.replace(/\[\^(?:\\.|[^\]\\])*\]|\\[SDW]/g, '[ a0;]').replace(/\\p\{[^}]*\}/gi, 'a')
    const matching = fc.stringMatching(new RegExp(positive, flags.replace(/[gimy]/g, '')), { size: 'small' })
    return [characters, ...fc.sample(matching, { numRuns: SAMPLES, seed: 1 })]
  } catch {
    return [characters]
  }
}

const sandbox: { text: string; regex: RegExp } = { text: '', regex: /x/ }
const context = createContext(sandbox)
const script = new Script('text.replace(regex, "")')

/** Milliseconds of the processor; Infinity if it had not ended in a second of the wall. */
function time({ source, flags }: Found, text: string): number {
  sandbox.text = text
  sandbox.regex = new RegExp(source, flags)
  const begun = process.cpuUsage()
  try {
    script.runInContext(context, { timeout: PATIENCE })
  } catch {
    return Infinity
  }
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000
}

/** The first attack that holds it up; undefined if none does. */
function heldUpBy(found: Found): string | undefined {
  for (const length of [25, 3000]) {
    for (const text of attacks(found, length)) {
      // Millions of steps for three thousand characters: billions for a hundred thousand.
      const taken = time(found, text)
      if (taken < SUSPICIOUS) continue
      if (taken === Infinity) return text
      const longest = length === 25 ? text : text + text.slice(-100, -1).repeat(Math.ceil(LENGTH / 99)) + text.slice(-1)
      if (time(found, longest) > LIMIT && time(found, longest) > LIMIT) return longest
    }
  }
  return undefined
}

describe('regular expressions take linear time', () => {
  const { literals, built } = regularExpressions()

  test('all of them are found', () => {
    assert.ok(literals.length > 100, `${literals.length}`)
    assert.ok(literals.some(({ place }) => place.startsWith('src/mail/encoded-word.ts')))
  })

  test('none is put together from what comes in', () => {
    // Made of constants, of words and of numbers of our own.
    assert.deepEqual([...new Set(built)].toSorted(), ['src/lab/instance.ts', 'src/lab/processes.ts', 'src/providers/record.ts'])
  })

  test('the search for attacks finds a quadratic and an exponential one', () => {
    for (const source of [' *[^ ]+$', '^(?:a|a)*b', '^x: .*,.*,.*;$'])
      assert.ok(heldUpBy({ place: '', source, flags: '' }), source)
    assert.equal(heldUpBy({ place: '', source: '^x: [^,]*,[^;]*;$', flags: '' }), undefined)
  })

  for (const found of literals) {
    test(`${found.place} /${found.source}/${found.flags}`, () => {
      const attack = heldUpBy(found)
      assert.equal(attack?.slice(0, 80), undefined)
    })
  }
})
