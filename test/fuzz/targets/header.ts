/** Header sections, and the fields that we write of what we read. */
import assert from 'node:assert/strict'
import { decodeWords } from '../../../src/mail/encoded-word.js'
import { allValues, fieldValue, formatField, headerBytes, parseHeader, withoutFields } from '../../../src/mail/header.js'
import { areSevenBitLines } from '../../../src/mail/line.js'
import { oneLine } from '../../../src/pec/one-line.js'
import { wellFormed, type Target } from '../target.js'
import { HEADERS, HEADER_WORDS } from '../texts.js'

export function headerTarget(): Target {
  return { name: 'header', corpus: HEADERS, words: HEADER_WORDS, run }
}

function run(input: Buffer): void {
  const header = parseHeader(input)
  assert.deepEqual(headerBytes(header), input)
  for (const name of ['From', 'subject', 'X-Trasporto', '__proto__', '']) {
    allValues(header, name)
    assert.deepEqual(allValues(withoutFields(header, name), name), [])
  }
  for (const field of header.fields.slice(0, 50)) {
    const value = fieldValue(field)
    assertOneField(formatField('Subject', value), value)
    assertOneField(formatField('Subject', decodeWords(value)), decodeWords(value))
  }
}

/** What we write is one field, however hostile its value, and says what was to be said. */
function assertOneField(written: Buffer, value: string): void {
  assert.ok(areSevenBitLines(written))
  const { fields } = parseHeader(written)
  assert.equal(fields.length, 1)
  const [field] = fields
  assert.ok(field)
  assert.equal(field.name, 'Subject')
  assert.doesNotMatch(
    written
      .toString('latin1')
      .replace(/\r\n[ ]/g, '')
      .slice(0, -2),
    /[\0-\x1f\x7f]/,
  )
  // What looks like an encoded word is taken for one: who means the letters must encode them.
  if (!value.includes('=?')) assert.equal(spaced(decodeWords(fieldValue(field))), spaced(value))
}

function spaced(text: string): string {
  return oneLine(wellFormed(text))
}
