/** Content-Type and Content-Disposition, and the parameters that we write. */
import assert from 'node:assert/strict'
import { withoutControls } from '../../../src/mail/encoded-word.js'
import { formatParameter, parseParameterized } from '../../../src/mail/content-type.js'
import { fieldValue, formatField, parseHeader } from '../../../src/mail/header.js'
import { areSevenBitLines } from '../../../src/mail/line.js'
import { wellFormed, type Target } from '../target.js'
import { CONTENT_TYPES, CONTENT_WORDS } from '../texts.js'

// A thousand pieces of sixty characters are read, and a character may take nine.
const LONGEST = 6000

export function contentTypeTarget(): Target {
  return { name: 'content-type', corpus: CONTENT_TYPES, words: CONTENT_WORDS, run }
}

function run(input: Buffer): void {
  const text = input.toString('utf8')
  const { value, params } = parseParameterized(text)
  assert.equal(value, value.trim().toLowerCase())
  for (const [name, content] of params) {
    assert.equal(name, name.toLowerCase())
    assert.doesNotMatch(content, /[\p{Cc}]/u)
  }
  for (const name of [text, ...[...params.values()].slice(0, 20)]) assertSame(name.slice(0, LONGEST))
}

function assertSame(fileName: string): void {
  const parameter = formatParameter('filename', fileName)
  assert.match(parameter, /^[ -~]*$/)
  const field = formatField('Content-Disposition', `attachment; ${parameter}`)
  assert.ok(areSevenBitLines(field))
  const { fields } = parseHeader(field)
  assert.equal(fields.length, 1)
  const [only] = fields
  assert.ok(only)
  const read = parseParameterized(fieldValue(only))
  assert.equal(read.value, 'attachment')
  assert.deepEqual([...read.params], [['filename', wellFormed(withoutControls(fileName))]])
}
