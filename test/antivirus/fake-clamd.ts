/** Something that listens where clamd should, reads its protocol and answers as it is told. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Endpoint } from '../../src/config/endpoint.js'
import { probe } from '../../src/antivirus/probe.js'
import { readAll } from '../../src/mail/source.js'

export const LIMIT = 'stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0'

export interface Script {
  /** What to say once the whole message has come; it closes then. Undefined: nothing, ever. */
  readonly answer?: (message: Buffer) => string | undefined
  /** What to say to the probe: as a clamd with AlertExceedsMax, if left out. */
  readonly toProbe?: string | undefined
  /** Called with the connection once this many bytes of a message have come; the probe has less than 10,000. */
  readonly interrupt?: { readonly after: number; readonly how: (socket: Socket) => void }
}

export interface FakeClamd {
  readonly endpoint: Endpoint
  /** Every whole message that came, without the probes. */
  readonly messages: readonly Buffer[]
  readonly probes: () => number
  readonly connections: () => number
  close(): Promise<void>
}

export async function startFakeClamd(test: TestContext, script: Script = {}, onUnixSocket = false): Promise<FakeClamd> {
  const messages: Buffer[] = []
  const open = new Set<Socket>()
  const expected = await readAll(probe())
  let connections = 0
  let probes = 0
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
    read(socket, script.interrupt, (message) => {
      const isProbe = message.equals(expected)
      if (isProbe) probes++
      else messages.push(message)
      const said = isProbe ? (script.toProbe ?? LIMIT) : script.answer?.(message)
      if (said !== undefined) socket.end(Buffer.from(said, 'latin1'))
    })
  })
  const folder = await mkdtemp(join(tmpdir(), 'pec-clamd-'))
  const path = join(folder, 'clamd.ctl')
  await new Promise<void>((listening) => {
    if (onUnixSocket) server.listen(path, listening)
    else server.listen(0, '127.0.0.1', listening)
  })
  const endpoint = onUnixSocket ? { path } : { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy()
    await new Promise((closed) => server.close(closed))
  }
  test.after(async () => {
    await close()
    await rm(folder, { recursive: true, force: true })
  })
  return { endpoint, messages, probes: () => probes, connections: () => connections, close }
}

/** INSTREAM: chunks, each with its length before it in four bytes; one of length 0 ends the message. */
function read(socket: Socket, interrupt: Script['interrupt'], onMessage: (message: Buffer) => void): void {
  const command = Buffer.from('zINSTREAM\0')
  const chunks: Buffer[] = []
  let held = Buffer.alloc(0)
  let begun = false
  let size = 0
  socket.on('data', (data) => {
    held = Buffer.concat([held, data])
    if (!begun) {
      if (held.length < command.length) return
      if (!held.subarray(0, command.length).equals(command)) {
        socket.end('UNKNOWN COMMAND\0')
        return
      }
      begun = true
      held = held.subarray(command.length)
    }
    while (held.length >= 4) {
      const length = held.readUInt32BE()
      if (length === 0) {
        onMessage(Buffer.concat(chunks))
        return
      }
      if (held.length < 4 + length) break
      chunks.push(held.subarray(4, 4 + length))
      held = held.subarray(4 + length)
      size += length
      if (interrupt !== undefined && size >= interrupt.after) {
        interrupt.how(socket)
        return
      }
    }
  })
}
