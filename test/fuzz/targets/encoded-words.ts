/** Encoded words, decoded and encoded. */
import assert from 'node:assert/strict'
import { decodeWords, encodePhrase, encodeWords, withoutControls } from '../../../src/mail/encoded-word.js'
import { wellFormed, type Target } from '../target.js'
import { HEADER_WORDS, SUBJECTS } from '../texts.js'

export function encodedWordTarget(): Target {
  return { name: 'encoded-words', corpus: SUBJECTS, words: HEADER_WORDS, cases: 1500, run }
}

function run(input: Buffer): void {
  for (const text of [input.toString('latin1'), input.toString('utf8'), input.toString('utf16le')]) {
    const decoded = decodeWords(text)
    assert.doesNotMatch(decoded, /[\p{Cc}]/u)
    // A word of sixteen characters may stand for eight bytes of a character set whose characters decompose into no more than this.
    assert.ok(decoded.length <= 4 * text.length + 16)
    const clean = wellFormed(withoutControls(text))
    for (const encoded of [encodeWords(text), encodePhrase(text)]) {
      assert.match(encoded, /^[ -~]*$/)
      assert.equal(decodeWords(encoded), clean)
      for (const [word] of encoded.matchAll(/=\?UTF-8\?[QB]\?[^ ]*/g)) assert.ok(word.length <= 75, word)
    }
  }
}
