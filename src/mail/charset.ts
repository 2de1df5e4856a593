/** Character sets: from the bytes of a message to text. */
import { isAscii, isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'

const LABEL = /^[a-z0-9][a-z0-9_.:()-]{0,39}$/

// Names that iconv-lite understands and that are no character sets.
const NOT_CHARSETS: ReadonlySet<string> = new Set(['base64', 'hex', 'binary', 'constructor', 'internal'])

/** Text of bytes whose character set nobody named, or named wrongly: UTF-8 if they are that, else ISO-8859-1. */
export function decodeUnlabelled(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1')
}

/** Text of bytes in the character set of this name (any case), undefined if we do not know it. */
export function decodeCharset(bytes: Buffer, label: string): string | undefined {
  const name = label.trim().toLowerCase()
  if (name === 'utf-8' || name === 'utf8') return bytes.toString('utf8')
  if (name === 'us-ascii' || name === 'ascii') return isAscii(bytes) ? bytes.toString('latin1') : decodeUnlabelled(bytes)
  if (name === 'iso-8859-1' || name === 'latin1') return bytes.toString('latin1')
  if (!LABEL.test(name) || NOT_CHARSETS.has(name)) return undefined
  try {
    return iconv.encodingExists(name) ? iconv.decode(bytes, name, { stripBOM: false }) : undefined
  } catch {
    return undefined
  }
}
