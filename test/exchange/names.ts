/** The DNS that a gateway sees: a server of the test's own, on loopback, that knows of no name at all. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Laboratory } from '../harness/laboratory.js'

/** A response, recursion available, with the code NXDOMAIN. RFC 1035 §4.1.1 */
const FLAGS = 0x8183
const FLAGS_AT = 2

/** Starts it; resolves with the environment that makes a process ask it. */
export async function startNames(lab: Laboratory): Promise<Record<string, string>> {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const answer = Buffer.from(query)
    answer.writeUInt16BE(FLAGS, FLAGS_AT)
    socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  lab.atClose(() => socket.close())
  const preload = join(await lab.directory(), 'names.cjs')
  const servers = JSON.stringify([`127.0.0.1:${socket.address().port}`])
  await writeFile(preload, `const dns = require('node:dns')\ndns.setServers(${servers})\ndns.promises.setServers(${servers})\n`)
  return { NODE_OPTIONS: `--require ${preload}` }
}
