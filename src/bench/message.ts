/** Messages of a given size as clients send them: a text and an attachment. */
import { randomBytes } from 'node:crypto'

// 78 bytes of UTF-8 with its line end.
const ACCENTED = `${'perché così '.repeat(5)}e più\r\n`

export interface MessageMaker {
  readonly from: string
  readonly to: readonly string[]
  /** Message data with its final dot; only the Message-ID differs from one to the next. */
  readonly make: (id: string) => Buffer
}

export interface MessageForm {
  /** The attachment is text in eight bits, which the gateway has to encode anew. */
  readonly eightBit?: boolean
  /** Asks for a brief delivery receipt. */
  readonly brief?: boolean
}

/** A maker of messages of `size` bytes from and to these addresses, all of which To names: certified mail has no blind copies. */
export function messageMaker(size: number, from: string, to: readonly string[], form: MessageForm = {}): MessageMaker {
  const [type, encoding] = form.eightBit === true ? ['text/plain; charset=utf-8', '8bit'] : ['application/octet-stream', 'base64']
  const head = [
    ...(form.brief === true ? ['X-TipoRicevuta: breve'] : []),
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
    `Content-Type: ${type}; name="data.bin"`,
    'Content-Disposition: attachment; filename="data.bin"',
    `Content-Transfer-Encoding: ${encoding}`,
    '',
    '',
  ].join('\r\n')
  // 57 bytes make a line of 76 characters and its line end.
  const lines = Math.max(1, Math.round((size - head.length - 100) / 78))
  const data =
    form.eightBit === true
      ? ACCENTED.repeat(lines)
      : randomBytes(lines * 57)
          .toString('base64')
          .replace(/.{76}/g, '$&\r\n')
  const body = Buffer.from(`${head}${data}--bench-boundary--\r\n.\r\n`)
  return { from, to, make: (id) => Buffer.concat([Buffer.from(`Message-ID: ${id}\r\n`), body]) }
}
