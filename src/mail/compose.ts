/** The bytes of MIME parts. Boundaries come from the caller, who makes them so that no content can hold them. RFC 2045, RFC 2046 */
import { formatParameter } from './content-type.js'
import { withoutControls } from './encoded-word.js'
import { formatField } from './header.js'
import { concatenate, type Source } from './source.js'
import { encodeBase64, encodeQuotedPrintable } from './transfer.js'

export type Disposition = 'inline' | 'attachment'

/** A part in one or several pieces, header and body, without the CRLF that belongs to the next delimiter. */
export type Part = readonly (Buffer | Source)[]

const NOTHING = Buffer.alloc(0)
const CRLF = Buffer.from('\r\n')

/**
 * A text part in ISO-8859-1 and quoted-printable, whatever the line ends of the text. A character that ISO-8859-1 lacks becomes
 * '?', a control character a space. RFC 6109 §4.3.1
 */
export function textPart(text: string, subtype: 'plain' | 'html' = 'plain'): Buffer {
  const lines = text.normalize('NFC').split(/\r\n|\r|\n/)
  const latin1 = Buffer.from(lines.map((line) => withoutControls(line).replace(/[^\0-\xff]/gu, '?')).join('\r\n'), 'latin1')
  return Buffer.concat([
    formatField('Content-Type', `text/${subtype}; charset=iso-8859-1`),
    formatField('Content-Transfer-Encoding', 'quoted-printable'),
    CRLF,
    encodeQuotedPrintable(NOTHING, latin1, true).output,
  ])
}

/** A part with a file name, its bytes in base64. `contentType` is the bare type, with parameters of its own if need be. */
export function base64Part(contentType: string, name: string, data: Buffer, disposition: Disposition): Buffer {
  const lines = encodeBase64(NOTHING, data, true).output
  return Buffer.concat([
    namedPartHeader(contentType, 'base64', name, disposition),
    CRLF,
    lines.subarray(0, Math.max(0, lines.length - CRLF.length)),
  ])
}

/** A message as a message/rfc822 part; it must be 7-bit (see seven-bit.ts) and goes in byte for byte. */
export function messagePart(name: string, message: Source, disposition: Disposition = 'inline'): (Buffer | Source)[] {
  return [Buffer.concat([namedPartHeader('message/rfc822', '7bit', name, disposition), CRLF]), message]
}

/**
 * A whole multipart: its Content-Type field, blank line, parts between delimiters, closing delimiter with CRLF. Other header fields
 * can be put before it. `subtypeAndParams` is such as `mixed` or `signed; micalg=sha-256`. Throws a plain Error for a bad boundary.
 */
export function multipart(subtypeAndParams: string, boundary: string, parts: readonly Part[], preamble?: string): Source {
  if (!/^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/.test(boundary)) throw new Error('not a boundary')
  const delimiter = `--${boundary}`
  const pieces: (Buffer | Source)[] = [
    formatField('Content-Type', `multipart/${subtypeAndParams}; ${formatParameter('boundary', boundary)}`),
    CRLF,
  ]
  if (preamble !== undefined) pieces.push(Buffer.from(`${preambleLines(preamble)}\r\n`, 'latin1'))
  parts.forEach((part, index) => {
    pieces.push(Buffer.from(`${index === 0 ? '' : '\r\n'}${delimiter}\r\n`, 'latin1'), ...part)
  })
  pieces.push(Buffer.from(`\r\n${delimiter}--\r\n`, 'latin1'))
  return concatenate(pieces)
}

function namedPartHeader(contentType: string, encoding: string, name: string, disposition: Disposition): Buffer {
  return Buffer.concat([
    formatField('Content-Type', `${contentType}; ${formatParameter('name', name)}`),
    formatField('Content-Transfer-Encoding', encoding),
    formatField('Content-Disposition', `${disposition}; ${formatParameter('filename', name)}`),
  ])
}

/** ASCII lines; what reads MIME never shows them. */
function preambleLines(preamble: string): string {
  const lines = preamble.split(/\r\n|\r|\n/)
  return lines.map((line) => withoutControls(line).replace(/[^ -~]/gu, '?')).join('\r\n')
}
