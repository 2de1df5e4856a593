/** Replies of an LMTP server, read off a socket. RFC 5321 §4.2 */

export interface Reply {
  readonly code: number
  /** All lines, without the code, on one; an enhanced status code stands on the first only. */
  readonly text: string
}

/** Bytes of a reply that are read; a server that says more is not listened to. */
const MAX_REPLY = 65_536
const MAX_LINES = 1000
const LINE = /^(\d{3})([ -]?)(.*)$/
/** RFC 2034 §4: every line of a reply repeats it. */
const STATUS = /^[245]\.\d{1,3}\.\d{1,3} /

/** Puts pieces of bytes together into replies. Throws a plain Error for what is no reply. */
export class ReplyReader {
  private held = ''
  private lines: string[] = []

  /** The replies that these bytes complete. */
  read(bytes: Buffer): Reply[] {
    this.held += bytes.toString('latin1')
    if (this.held.length > MAX_REPLY) throw new Error('a reply without end')
    const replies: Reply[] = []
    for (let end = this.held.indexOf('\n'); end !== -1; end = this.held.indexOf('\n')) {
      const line = this.held.slice(0, end).replace(/\r$/, '')
      this.held = this.held.slice(end + 1)
      const [, code, more, text] = LINE.exec(line) ?? []
      if (code === undefined) throw new Error('a line that is no reply')
      this.lines.push(this.lines.length === 0 ? (text ?? '') : (text ?? '').replace(STATUS, ''))
      if (this.lines.length > MAX_LINES) throw new Error('a reply without end')
      if (more === '-') continue
      replies.push({ code: Number(code), text: this.lines.join(' ') })
      this.lines = []
    }
    return replies
  }
}
