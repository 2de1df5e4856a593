/**
 * A stand-in for ClamAV's daemon on loopback: it speaks the one command that the gateway uses (zINSTREAM), knows one virus, the
 * EICAR test string where it stands in plain text, and says of the gateway's probe what a clamd with AlertExceedsMax says.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { probe } from '../antivirus/probe.js'
import { digest } from '../mail/source.js'

/** Put together here, so that no file of ours holds it. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')
/** What it is called. */
export const EICAR_NAME = 'Eicar-Test-Signature'

export interface ScriptedClamd {
  readonly port: number
  /** Stops listening and cuts every connection. */
  close(): Promise<void>
}

const COMMAND = Buffer.from('zINSTREAM\0')
const MARKER = Buffer.from(EICAR)
const LONGEST_CHUNK = 1024 * 1024

/** Resolves when it listens on 127.0.0.1, on any free port by default. */
export async function startScriptedClamd(port = 0): Promise<ScriptedClamd> {
  const probeHash = await digest(probe(), 'sha256')
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A client that goes away gets no answer.
    scan(socket, probeHash).then(
      (answer) => socket.end(`${answer}\0`),
      () => socket.destroy(),
    )
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Reads one message, chunk by chunk, each with its length before it in four bytes; one of length 0 ends it. */
async function scan(socket: Socket, probeHash: Buffer): Promise<string> {
  const take = takerOf(socket)
  if (!(await take(COMMAND.length)).equals(COMMAND)) return 'UNKNOWN COMMAND'
  const hash = createHash('sha256')
  let seam = Buffer.alloc(0)
  let found = false
  for (;;) {
    const length = (await take(4)).readUInt32BE()
    if (length === 0) break
    if (length > LONGEST_CHUNK) return 'INSTREAM size limit exceeded. ERROR'
    const chunk = await take(length)
    hash.update(chunk)
    const seen = Buffer.concat([seam, chunk])
    found ||= seen.includes(MARKER)
    seam = seen.subarray(-(MARKER.length - 1))
  }
  if (hash.digest().equals(probeHash)) return 'stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND'
  return found ? `stream: ${EICAR_NAME} FOUND` : 'stream: OK'
}

type Take = (size: number) => Promise<Buffer>

/** Gives the next bytes, so many of them; rejects when the client has no more. */
function takerOf(socket: Socket): Take {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>
  let held = Buffer.alloc(0)
  return async (size) => {
    while (held.length < size) {
      const { value } = await chunks.next()
      if (value === undefined) throw new Error('the message has no end')
      held = Buffer.concat([held, value])
    }
    const bytes = held.subarray(0, size)
    held = held.subarray(size)
    return bytes
  }
}
