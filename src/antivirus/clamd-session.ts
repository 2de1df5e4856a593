/**
 * One message over one connection to clamd: the `clamscan` package frames it (zINSTREAM) and reads the answer; what the package
 * leaves open in 2.4.0 is closed here.
 *
 * - `init` starts the programs clamscan and clamdscan to see whether they are there, and by default goes on with them where the
 *   socket fails; it says PING, so that no object can be had while clamd is away. All of it is turned off: nothing but the socket.
 * - Its time limit ends its own side of an idle connection only: against a clamd that hangs, the promise stays open for ever. The
 *   connection is ours therefore (`_initSocket` is overridden), and is cut at the end of the time for the whole scan.
 * - It writes to the socket as fast as it can read, so that a large message would pile up in memory: the stream that it is given
 *   waits for the socket instead. It must hold no empty chunk either: on the wire that ends the message.
 * - It takes whatever ends in `: OK` for clean. What counts here is clamd's answer, read by the one who asked (clamd-answer.ts).
 */
import NodeClam from 'clamscan'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Endpoint } from '../config/endpoint.js'
import { reasonOf } from '../errors.js'
import type { Source } from '../mail/source.js'

/** Bytes written at a time. */
const PIECE = 65_536
/** clamd answers in one line: what is longer is no answer. */
const LONGEST_ANSWER = 4096

/** The clamscan package on a connection that is there. */
class Scanner extends NodeClam {
  private readonly socket: Socket

  constructor(socket: Socket) {
    super()
    this.socket = socket
  }

  protected override _initSocket(): Promise<Socket> {
    return Promise.resolve(this.socket)
  }
}

/** Without programs, without PING. The address is only there to say that there is a socket. */
const SOCKET_ONLY = {
  preference: 'clamdscan',
  clamscan: { path: null, active: false },
  clamdscan: { path: null, active: true, localFallback: false, bypassTest: true, host: 'clamd', port: 1 },
}

/**
 * Sends the message, which must not be empty, and resolves with clamd's answer as it came. Rejects if there is none within
 * `timeoutMs`, connection and all.
 */
export async function askClamd(endpoint: Endpoint, message: Source, timeoutMs: number): Promise<string> {
  const socket = 'path' in endpoint ? connect(endpoint.path) : connect(endpoint.port, endpoint.host)
  const over = new AbortController()
  const stream = Readable.from(piecesOf(message, socket, over.signal), { objectMode: false })
  const heard: Buffer[] = []
  let timer: NodeJS.Timeout | undefined
  const failed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    socket.on('error', reject)
    // The package reads too, but keeps to itself what it heard before a connection broke, and would keep any amount of it.
    socket.on('data', (chunk) => {
      heard.push(chunk)
      if (heard.reduce((sum, { length }) => sum + length, 0) > LONGEST_ANSWER) reject(new Error('the answer has no end'))
    })
  })
  try {
    return await Promise.race([failed, exchange(socket, stream)])
  } catch (error) {
    const said = Buffer.concat(heard).toString('latin1').slice(0, 200)
    throw new Error(said === '' ? whyOf(error) : `it said ${JSON.stringify(said)}`, { cause: error })
  } finally {
    clearTimeout(timer)
    over.abort()
    stream.destroy()
    socket.destroy()
  }
}

/** Where a name has several addresses, and none of them answers, Node.js has a code and no words. */
function whyOf(error: unknown): string {
  const words = reasonOf(error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  // clamd says why it breaks off, but what it said is lost if we were still writing.
  if (code === 'EPIPE' || code === 'ECONNRESET') return `${words}: is it beyond StreamMaxLength of clamd.conf?`
  return words === '' ? code : words
}

async function exchange(socket: Socket, stream: Readable): Promise<string> {
  if (socket.connecting) await once(socket, 'connect')
  const scanner = await new Scanner(socket).init({ ...SOCKET_ONLY })
  return (await scanner.scanStream(stream)).resultString
}

/** The message in pieces, each once the socket has room for it. */
async function* piecesOf(message: Source, socket: Socket, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const chunk of message.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      if (socket.writableNeedDrain) await once(socket, 'drain', { signal })
      yield chunk.subarray(at, at + PIECE)
    }
  }
}
