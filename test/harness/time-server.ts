/** An NTP server on loopback whose time is what the test says, or that says nothing. RFC 5905 §7.3 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Seconds from 1900 to 1970. */
const NTP_EPOCH = 2_208_988_800

export interface TestTimeServer {
  readonly port: number
  /** Milliseconds by which it is ahead; undefined: it is silent. */
  ahead: number | undefined
}

export async function startTimeServer(test: { after(end: () => void): void }): Promise<TestTimeServer> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  test.after(() => socket.close())
  const server: TestTimeServer = { port: socket.address().port, ahead: 0 }
  socket.on('message', (request, { port, address }) => {
    if (server.ahead !== undefined) socket.send(answerTo(request, Date.now() + server.ahead), port, address)
  })
  return server
}

function answerTo(request: Buffer, now: number): Buffer {
  const answer = Buffer.alloc(48)
  answer[0] = 0x24 // no leap second, version 4, server
  answer[1] = 1 // primary server
  answer[2] = request[2] ?? 0
  answer[3] = 0xec // about a microsecond
  answer.writeUInt32BE(16, 8) // root dispersion, almost none
  answer.write('GPS', 12, 'latin1')
  writeTime(answer, 16, now - 10_000)
  request.copy(answer, 24, 40, 48)
  writeTime(answer, 32, now)
  writeTime(answer, 40, now)
  return answer
}

function writeTime(answer: Buffer, at: number, milliseconds: number): void {
  answer.writeUInt32BE(Math.floor(milliseconds / 1000) + NTP_EPOCH, at)
  answer.writeUInt32BE(Math.floor(((milliseconds % 1000) / 1000) * 2 ** 32), at + 4)
}
