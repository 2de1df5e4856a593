/** Mail addresses and lists of them. RFC 5322 §3.4, RFC 5321 §4.1.2 */
import { decodeWords, encodePhrase, withoutControls } from './encoded-word.js'

export interface Address {
  /** The display name, else of a bare address the comment after it, decoded; empty if there is none. */
  readonly name: string
  /** The addr-spec, without comments and white space; empty if what stands there is no address. */
  readonly address: string
}

/** A word, quoted string or domain literal; `apart` if white space or a comment stands before it. */
interface Token {
  readonly text: string
  readonly quoted: boolean
  readonly apart: boolean
}

const ATOM_END: ReadonlySet<string> = new Set([' ', '\t', '\r', '\n', '(', ')', '"', '[', ']', ',', ';', ':', '<', '>'])
const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const QUOTED_LOCAL_PART = /^"(?:[ !#-[\]-~]|\\[ -~])*"$/
const DOMAIN = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/
const ADDRESS_LITERAL = /^\[(?:IPv6:)?[0-9A-Fa-f:.]{2,45}\]$/
const MAX_LOCAL_PART = 64
const MAX_ADDRESS = 254
// Longer names may hold words that no line has room for; encoded words can be folded anywhere.
const MAX_QUOTED_NAME = 400

/**
 * The addresses of a list as it stands in To, Cc or From (unfolded): groups are opened, encoded words in names decoded. Never throws; an entry that holds no valid address has address ''. Time and memory are linear in the value.
 */
export function parseAddresses(value: string): Address[] {
  return new ListParser(value).run()
}

/** Whether this is a mailbox as SMTP knows it: ASCII, local part of at most 64 characters, 254 in all. RFC 5321 §4.1.2, §4.5.3.1 */
export function isAddress(text: string): boolean {
  if (text.length > MAX_ADDRESS) return false
  const at = text.lastIndexOf('@')
  const localPart = text.slice(0, Math.max(at, 0))
  const domain = text.slice(at + 1)
  return (
    localPart.length <= MAX_LOCAL_PART &&
    (DOT_ATOM.test(localPart) || QUOTED_LOCAL_PART.test(localPart)) &&
    (DOMAIN.test(domain) || ADDRESS_LITERAL.test(domain))
  )
}

/** What follows the last @, in lower case; empty if there is no @. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@')
  return at === -1 ? '' : address.slice(at + 1).toLowerCase()
}

/** Whether two addresses are the same mailbox; case does not count, in the local part either. */
export function sameAddress(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/**
 * A mailbox for a header: the address alone if the name is empty, else the name quoted (or as encoded words if it is not ASCII)
 * and the address in angle brackets. What could end the field or the brackets is left out of the address.
 */
export function formatAddress(name: string, address: string): string {
  const text = withoutControls(name)
  const clean = withoutControls(address)
  // Only a quoted local part of a valid address holds brackets that end nothing.
  const spec = isAddress(clean) ? clean : clean.replace(/[<>]/g, '').trim()
  if (text.trim() === '') return spec
  const quotable = /^[ -~]*$/.test(text) && !text.includes('=?') && text.length <= MAX_QUOTED_NAME
  return `${quotable ? quoted(text) : encodePhrase(text)} <${spec}>`
}

/** One walk over the characters of a list; the fields between reset() calls are those of the entry being read. */
class ListParser {
  private readonly value: string
  private at = 0
  private readonly found: Address[] = []
  private inGroup = false

  private words: Token[] = []
  private comment = ''
  private angle: Token[] | undefined
  private inAngle = false
  private broken = false
  private apart = false

  constructor(value: string) {
    this.value = value
  }

  run(): Address[] {
    while (this.at < this.value.length) this.step(this.value.charAt(this.at))
    this.endEntry()
    return this.found
  }

  private step(character: string): void {
    switch (character) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        this.at += 1
        this.apart = true
        return
      case '(':
        this.skipComment()
        this.apart = true
        return
      case '"':
        this.add(this.readQuoted(), true)
        return
      case '[':
        this.readLiteral()
        return
      case ')':
      case ']':
        this.broken = true
        break
      case '<':
        this.openAngle()
        break
      case '>':
        if (!this.inAngle) this.broken = true
        this.inAngle = false
        break
      case ':':
        this.colon()
        break
      case ',':
        // A comma in angle brackets belongs to an obsolete route or to an entry that never closes them. RFC 5322 §4.4
        if (!this.inRoute()) this.endEntry()
        break
      case ';':
        this.endEntry()
        this.inGroup = false
        break
      default:
        this.readAtom()
        return
    }
    this.at += 1
  }

  private add(text: string, quoted: boolean): void {
    const token = { text, quoted, apart: this.apart }
    if (this.inAngle) this.angle?.push(token)
    else if (this.angle !== undefined) this.broken = true
    else this.words.push(token)
    this.apart = false
  }

  private openAngle(): void {
    if (this.angle !== undefined) this.broken = true
    this.angle = []
    this.inAngle = true
  }

  private inRoute(): boolean {
    return this.inAngle && this.angle?.[0]?.text.startsWith('@') === true
  }

  private colon(): void {
    if (this.inRoute()) {
      this.angle = []
    } else if (this.inAngle || this.angle !== undefined || this.inGroup) {
      this.broken = true
    } else {
      this.inGroup = true
      this.words = []
    }
  }

  private endEntry(): void {
    if (this.angle !== undefined) {
      this.found.push({ name: phraseOf(this.words), address: this.broken || this.inAngle ? '' : specOf(this.angle) })
    } else if (this.words.length > 0 || this.broken) {
      const address = this.broken ? '' : specOf(this.words)
      this.found.push({ name: address === '' ? phraseOf(this.words) : decodeWords(this.comment).trim(), address })
    }
    this.words = []
    this.comment = ''
    this.angle = undefined
    this.inAngle = false
    this.broken = false
    this.apart = false
  }

  private readAtom(): void {
    const start = this.at
    while (this.at < this.value.length && !ATOM_END.has(this.value.charAt(this.at))) this.at += 1
    this.add(this.value.slice(start, this.at), false)
  }

  private readQuoted(): string {
    let text = ''
    this.at += 1
    let start = this.at
    while (this.at < this.value.length && this.value.charAt(this.at) !== '"') {
      if (this.value.charAt(this.at) === '\\') {
        text += this.value.slice(start, this.at)
        this.at += 1
        start = this.at
      }
      this.at += 1
    }
    text += this.value.slice(start, this.at)
    if (this.at >= this.value.length) this.broken = true
    this.at += 1
    return text
  }

  private readLiteral(): void {
    const end = this.value.indexOf(']', this.at)
    const next = end === -1 ? this.value.length : end + 1
    this.add(this.value.slice(this.at, next), false)
    this.at = next
  }

  private skipComment(): void {
    const start = this.at + 1
    let depth = 0
    for (; this.at < this.value.length; this.at += 1) {
      const character = this.value.charAt(this.at)
      if (character === '\\') this.at += 1
      else if (character === '(') depth += 1
      else if (character === ')') depth -= 1
      if (depth === 0) break
    }
    if (depth > 0) this.broken = true
    this.comment = this.value.slice(start, this.at).replace(/\\([^])/g, '$1')
    this.at += 1
  }
}

function phraseOf(tokens: readonly Token[]): string {
  let phrase = ''
  for (const token of tokens) phrase += token.apart && phrase !== '' ? ` ${token.text}` : token.text
  return decodeWords(phrase).trim()
}

/** The address that these tokens spell, or '': white space may stand only around dots and the @. RFC 5322 §4.4 */
function specOf(tokens: readonly Token[]): string {
  let spec = ''
  for (const token of tokens) {
    if (token.apart && spec !== '' && !/[.@]$/.test(spec) && !/^[.@]/.test(token.text)) return ''
    // Only a token that could be part of a valid address can make the string grow.
    if (spec.length + token.text.length > MAX_ADDRESS) return ''
    spec += token.quoted ? quotedLocalPart(token.text) : token.text
  }
  return isAddress(spec) ? spec : ''
}

function quotedLocalPart(text: string): string {
  return DOT_ATOM.test(text) ? text : quoted(text)
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
