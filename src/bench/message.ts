/** Messages of a given size as clients send them: a text and an attachment. */
import { randomBytes } from 'node:crypto'

export interface MessageMaker {
  /** Bytes of each message, near enough. */
  readonly size: number
  /** Message data with its final dot; only the Message-ID differs from one to the next. */
  make(id: string): Buffer
}

/** A maker of messages of `size` bytes from and to these addresses, all of which To names: certified mail has no blind copies. */
export function messageMaker(size: number, from: string, to: readonly string[]): MessageMaker {
  const head = [
    `From: "Bench Sender" <${from}>`,
    `To: ${to.join(',\r\n ')}`,
    'Subject: Bench',
    'Date: Thu, 1 Jan 2026 10:00:00 +0100',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="bench-boundary"',
    '',
    '--bench-boundary',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'The attachment makes the size.',
    '--bench-boundary',
    'Content-Type: application/octet-stream; name="data.bin"',
    'Content-Disposition: attachment; filename="data.bin"',
    'Content-Transfer-Encoding: base64',
    '',
    '',
  ].join('\r\n')
  // 57 bytes make a line of 76 characters and its line end.
  const lines = Math.max(1, Math.round((size - head.length - 100) / 78))
  const data = randomBytes(lines * 57).toString('base64')
  const body = Buffer.from(`${head}${data.replace(/.{76}/g, '$&\r\n')}--bench-boundary--\r\n.\r\n`)
  return { size, make: (id) => Buffer.concat([Buffer.from(`Message-ID: ${id}\r\n`), body]) }
}
