import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SECTIONS } from '../../src/config/config.js'
import { INI_FILES, REFERENCE, referenceOf } from '../../src/config/reference.js'

const ROOT = join(__dirname, '..', '..')
const reference = readFileSync(join(ROOT, REFERENCE), 'utf8')

test('the reference of settings says what the files say', () => {
  const files = new Map(INI_FILES.map((name) => [name, readFileSync(join(ROOT, 'config', name), 'utf8')]))
  assert.equal(reference, referenceOf(files), 'make it again: npm run build && npm run reference')
})

test('every setting of the gateway is in the reference, with what it means', () => {
  const [, chapter = ''] = /\n## pec\.ini\n(.*?)\n## /s.exec(reference) ?? []
  const sections = new Map(chapter.split('\n### ').map((text) => [text.slice(0, text.indexOf('\n')), text] as const))
  for (const { name, keys } of Object.values(SECTIONS))
    if (keys !== 'free') for (const key of keys) assert.ok(sections.get(name)?.includes(`\n- **${key}**`), `[${name}] ${key}`)
})

test('a key takes the comment above it, one that is only an example too', () => {
  const text =
    '; Of the file.\n\n[a]\n; What it is:\n; two lines.\nkey = 1\nbare =\n; shown = x\n\n; A sentence with x = y. More.\n'
  const made = referenceOf(new Map([['x.ini', text]]))
  assert.match(made, /### a\n\n- \*\*key\*\* = `1`: What it is: two lines\.\n- \*\*bare\*\*\n- \*\*shown\*\* = `x`\n/)
  assert.doesNotMatch(made, /sentence|Of the file/)
})
