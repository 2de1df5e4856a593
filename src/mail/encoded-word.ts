/** Encoded words: how text outside ASCII stands in a header. RFC 2047 */
import { decodeCharset } from './charset.js'

interface WordRun {
  readonly charset: string
  readonly pieces: Buffer[]
}

// Charset, language (RFC 2231), encoding, text. Spaces in the text are not allowed but are common.
const WORD = /=\?([^\s?*]{1,40})(?:\*[^\s?]{0,40})?\?([bq])\?([^?\r\n]*)\?=/gi

const CONTROLS = /[\p{Cc}]/gu
// So that "Subject: " and the first word stay within 76 characters of a line.
const MAX_WORD_LENGTH = 64
const WORD_START_Q = '=?UTF-8?Q?'
const WORD_START_B = '=?UTF-8?B?'
const WORD_ROOM = MAX_WORD_LENGTH - WORD_START_Q.length - '?='.length
const B_ROOM = Math.floor(WORD_ROOM / 4) * 3
// A longer word could not be folded within the 998 octets of a line.
const MAX_PLAIN_WORD = 900

/** Text with every control character (NUL, CR, LF, tab, C1 ...) turned into a space: nothing can end a header line early. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, ' ')
}

/**
 * Text of an unfolded header value, its encoded words decoded and adjacent words joined. RFC 2047 §6.2
 * A word we cannot decode stays as it is written; control characters become spaces.
 */
export function decodeWords(value: string): string {
  if (!value.includes('=?')) return withoutControls(value)
  let text = ''
  let run: WordRun | undefined
  let at = 0
  for (const match of value.matchAll(WORD)) {
    const [word, charset = '', encoding = '', content = ''] = match
    const bytes = wordBytes(encoding, content)
    if (bytes === undefined || decodeCharset(bytes, charset) === undefined) continue
    const gap = value.slice(at, match.index)
    at = match.index + word.length
    if (run === undefined || !isBlank(gap)) {
      text += runText(run) + gap
      run = { charset: charset.toLowerCase(), pieces: [bytes] }
    } else if (run.charset === charset.toLowerCase()) {
      // QUIRK: many clients cut a character in two between words, which RFC 2047 §5 forbids.
      run.pieces.push(bytes)
    } else {
      text += runText(run)
      run = { charset: charset.toLowerCase(), pieces: [bytes] }
    }
  }
  return withoutControls(text + runText(run) + value.slice(at))
}

/**
 * The text as encoded words (UTF-8) from the first to the last of its words that need it; ASCII around them stays. RFC 2047
 * The result is ASCII, without control characters, and has spaces to fold at.
 */
export function encodeWords(text: string): string {
  const plain = withoutControls(text)
  let first = -1
  let last = 0
  let end = 0
  for (const { 0: word, index } of plain.matchAll(/[^ ]+/g)) {
    const spaces = index - end
    end = index + word.length
    // A word and the spaces before it stand on one line.
    if (spaces + word.length <= MAX_PLAIN_WORD && !needsEncoding(word)) continue
    // Spaces that no line has room for are text as well; one stays, for encoded words stand apart.
    if (first === -1) first = spaces > MAX_PLAIN_WORD ? index - spaces + 1 : index
    last = end
  }
  return first === -1 ? plain : plain.slice(0, first) + encodePhrase(plain.slice(first, last)) + plain.slice(last)
}

/** The whole text as encoded words that may also stand for a display name. RFC 2047 §5 (3) */
export function encodePhrase(text: string): string {
  const plain = withoutControls(text)
  const safe = plain.match(/[A-Za-z0-9!*+/ -]/g)?.length ?? 0
  const bytes = Buffer.byteLength(plain)
  return safe + (bytes - safe) * 3 <= Math.ceil(bytes / 3) * 4 ? encodeQ(plain) : encodeB(plain)
}

function needsEncoding(word: string): boolean {
  return word.includes('=?') || !isPrintable(word)
}

function isPrintable(text: string): boolean {
  return /^[ -~]*$/.test(text)
}

function encodeQ(text: string): string {
  const words: string[] = []
  let word = ''
  for (const character of text) {
    const encoded = /^[A-Za-z0-9!*+/-]$/.test(character) ? character : character === ' ' ? '_' : hexBytes(character)
    if (word.length + encoded.length > WORD_ROOM) {
      words.push(word)
      word = ''
    }
    word += encoded
  }
  words.push(word)
  return words.map((content) => `${WORD_START_Q}${content}?=`).join(' ')
}

function encodeB(text: string): string {
  const words: string[] = []
  let word = ''
  let room = B_ROOM
  for (const character of text) {
    const length = Buffer.byteLength(character)
    if (length > room) {
      words.push(word)
      word = ''
      room = B_ROOM
    }
    word += character
    room -= length
  }
  words.push(word)
  return words.map((content) => `${WORD_START_B}${Buffer.from(content).toString('base64')}?=`).join(' ')
}

function hexBytes(character: string): string {
  let hex = ''
  for (const byte of Buffer.from(character)) hex += `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return hex
}

function wordBytes(encoding: string, content: string): Buffer | undefined {
  if (!isPrintable(content)) return undefined
  if (encoding === 'B' || encoding === 'b')
    return /^[A-Za-z0-9+/]*={0,3}$/.test(content) ? Buffer.from(content, 'base64') : undefined
  const text = content.replace(/_/g, ' ').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(text, 'latin1')
}

function runText(run: WordRun | undefined): string {
  return run === undefined ? '' : (decodeCharset(Buffer.concat(run.pieces), run.charset) ?? '')
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text)
}
