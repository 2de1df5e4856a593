/** The dots of SMTP (RFC 5321 §4.5.2): a line of the message that begins with one gets another on the wire and in queue files. */

const LF = 0x0a
const DOT = Buffer.from('.')
const LINE_WITH_DOT = Buffer.from('\n.')

/** The same bytes with the wire's dots. */
export async function* dotStuffed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let lineBegins = true
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    if (lineBegins && chunk[0] === DOT[0]) yield DOT
    let from = 0
    for (let at = chunk.indexOf(LINE_WITH_DOT); at !== -1; at = chunk.indexOf(LINE_WITH_DOT, at + 1)) {
      yield chunk.subarray(from, at + 1)
      yield DOT
      from = at + 1
    }
    yield from === 0 ? chunk : chunk.subarray(from)
    lineBegins = chunk[chunk.length - 1] === LF
  }
}

/** The same bytes without the wire's dots. */
export async function* dotUnstuffed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let lineBegins = true
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    let from = lineBegins && chunk[0] === DOT[0] ? 1 : 0
    for (let at = chunk.indexOf(LINE_WITH_DOT); at !== -1; at = chunk.indexOf(LINE_WITH_DOT, at + 1)) {
      yield chunk.subarray(from, at + 1)
      from = at + 2
    }
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from)
    lineBegins = chunk[chunk.length - 1] === LF
  }
}
