/**
 * LDIF content records, read and written. RFC 2849
 *
 * Values are bytes; whoever knows the attribute's syntax turns them into text. Change records and values by URL are refused: an
 * index is data, and reading it must fetch nothing.
 */
import { PecError } from '../errors.js'

export interface LdifAttribute {
  /** As written, with its options: `providerCertificate;binary`. */
  readonly description: string
  readonly value: Buffer
}

export interface LdifEntry {
  readonly dn: string
  readonly attributes: readonly LdifAttribute[]
}

export interface LdifLimits {
  /** Bytes of the whole file. */
  readonly size: number
  readonly entries: number
  /** Characters of one value with its folding removed. */
  readonly line: number
}

export const LDIF_LIMITS: LdifLimits = { size: 128 * 1024 * 1024, entries: 50_000, line: 1024 * 1024 }

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
const DESCRIPTION = /^[A-Za-z0-9][A-Za-z0-9.-]*(?:;[A-Za-z0-9-]+)*$/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
/** RFC 2849 SAFE-STRING, and no space at the end, where it would be lost to the eye. */
const SAFE = /^(?![ :<])[^\x00\n\r\x80-\xff]*(?<! )$/
const FOLD_AT = 76

/** The values of an attribute, found by its type without case, whatever its options. */
export function valuesOf(entry: LdifEntry, type: string): Buffer[] {
  const wanted = type.toLowerCase()
  return entry.attributes.filter(({ description }) => typeOf(description) === wanted).map(({ value }) => value)
}

/** As `valuesOf`, as UTF-8 text without white space around it. */
export function textsOf(entry: LdifEntry, type: string): string[] {
  return valuesOf(entry, type).map((value) => value.toString('utf8').trim())
}

/**
 * Reads a whole LDIF file; the version line may be missing, and line ends may be CRLF or LF.
 *
 * Throws PecError 'malformed' with the line's number: an index is taken whole or not at all.
 */
export function parseLdif(bytes: Buffer, limits: LdifLimits = LDIF_LIMITS): LdifEntry[] {
  if (bytes.length > limits.size) throw malformed(`${bytes.length} bytes of LDIF are more than ${limits.size}`)
  const entries: LdifEntry[] = []
  let dn: string | undefined
  let attributes: LdifAttribute[] = []
  const close = () => {
    if (dn !== undefined) entries.push({ dn, attributes })
    if (entries.length > limits.entries) throw malformed(`more than ${limits.entries} LDIF entries`)
    dn = undefined
    attributes = []
  }
  let first = true
  for (const { text, number } of logicalLines(bytes, limits.line)) {
    if (text === '') {
      close()
      continue
    }
    const { description, value } = parseLine(text, number)
    const type = description.toLowerCase()
    if (type === 'version' && first) {
      if (value.toString('latin1').trim() !== '1') throw malformed(`line ${number}: LDIF of a version other than 1`)
    } else if (type === 'dn') {
      // QUIRK: the examples of RFC 6109 §4.5.10 lack blank lines between records, so a dn ends the record before it.
      close()
      dn = textOfDn(value, number)
    } else if (dn === undefined) {
      throw malformed(`line ${number}: ${description} stands outside any entry`)
    } else if (type === 'changetype' || type === 'control') {
      throw malformed(`line ${number}: change records are not read`)
    } else {
      attributes.push({ description, value })
    }
    first = false
  }
  close()
  return entries
}

/** Writes entries as an LDIF file: version line, LF line ends, folded, base64 where RFC 2849 asks for it. */
export function writeLdif(entries: readonly LdifEntry[]): Buffer {
  const lines: string[] = ['version: 1']
  for (const { dn, attributes } of entries) {
    lines.push('', ...formatLine('dn', Buffer.from(dn, 'utf8')))
    for (const { description, value } of attributes) lines.push(...formatLine(description, value))
  }
  return Buffer.from(`${lines.join('\n')}\n`, 'latin1')
}

interface LogicalLine {
  /** Each character is one byte. */
  readonly text: string
  readonly number: number
}

/** The lines with their folding removed and without comments; an empty one where a record ends. */
function* logicalLines(bytes: Buffer, limit: number): Generator<LogicalLine> {
  let at = bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0
  let pieces: string[] = []
  let length = 0
  let start = 0
  let number = 0
  while (at < bytes.length) {
    const feed = bytes.indexOf(0x0a, at)
    const next = feed === -1 ? bytes.length : feed + 1
    const end = feed === -1 ? bytes.length : feed > at && bytes[feed - 1] === 0x0d ? feed - 1 : feed
    const line = bytes.toString('latin1', at, end)
    at = next
    number += 1
    if (line.startsWith(' ')) {
      if (pieces.length === 0) throw malformed(`line ${number} continues nothing`)
      pieces.push(line.slice(1))
    } else {
      if (pieces.length > 0) yield* contentLine(pieces, start)
      pieces = line === '' ? [] : [line]
      length = 0
      start = number
      if (line === '') yield { text: '', number }
    }
    length += line.length
    if (length > limit) throw malformed(`line ${start} is longer than ${limit}`)
  }
  if (pieces.length > 0) yield* contentLine(pieces, start)
}

/** A comment is folded like any other line, so it is known only when whole. */
function* contentLine(pieces: readonly string[], number: number): Generator<LogicalLine> {
  const text = pieces.join('')
  if (!text.startsWith('#')) yield { text, number }
}

function parseLine(text: string, number: number): LdifAttribute {
  const colon = text.indexOf(':')
  const description = text.slice(0, Math.max(colon, 0))
  if (!DESCRIPTION.test(description)) throw malformed(`line ${number} is not "attribute: value"`)
  const mark = text[colon + 1]
  if (mark === '<') throw malformed(`line ${number}: a value by URL is not fetched`)
  if (mark === ':') return { description, value: fromBase64(text.slice(colon + 2).trim(), number) }
  const value = text.slice(colon + 1).replace(/^ +/, '')
  if (/[\x00\r]/.test(value)) throw malformed(`line ${number} holds a character that only base64 may carry`)
  return { description, value: Buffer.from(value, 'latin1') }
}

function fromBase64(text: string, number: number): Buffer {
  if (text.length % 4 !== 0 || !BASE64.test(text)) throw malformed(`line ${number}: not base64`)
  return Buffer.from(text, 'base64')
}

function textOfDn(value: Buffer, number: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
  } catch (error) {
    throw malformed(`line ${number}: the dn is not UTF-8`, error)
  }
}

function formatLine(description: string, value: Buffer): string[] {
  if (!DESCRIPTION.test(description)) throw malformed(`${JSON.stringify(description)} is no attribute description`)
  const text = value.toString('latin1')
  const binary = description.toLowerCase().split(';').includes('binary')
  return fold(!binary && SAFE.test(text) ? `${description}: ${text}` : `${description}:: ${value.toString('base64')}`)
}

function fold(line: string): string[] {
  const lines = [line.slice(0, FOLD_AT)]
  for (let at = FOLD_AT; at < line.length; at += FOLD_AT - 1) lines.push(` ${line.slice(at, at + FOLD_AT - 1)}`)
  return lines
}

function typeOf(description: string): string {
  return (description.split(';', 1)[0] ?? '').toLowerCase()
}

function malformed(message: string, cause?: unknown): PecError {
  return new PecError('malformed', message, { cause })
}
