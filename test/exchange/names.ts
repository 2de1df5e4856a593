/** The DNS that a gateway sees: a server of the test's own, on loopback, that knows of no name at all. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Laboratory } from '../harness/laboratory.js'

/** Codes of a response. RFC 1035 §4.1.1 */
export const SERVFAIL = 2
export const NXDOMAIN = 3

/** A response, recursion available. */
const FLAGS = 0x8180
const FLAGS_AT = 2

/** Starts it; resolves with the environment that makes a process ask it. `code` is what it answers now, undefined: nothing. */
export async function startNames(
  lab: Laboratory,
  code: () => number | undefined = () => NXDOMAIN,
): Promise<Record<string, string>> {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const now = code()
    if (now === undefined) return
    const answer = Buffer.from(query)
    answer.writeUInt16BE(FLAGS | now, FLAGS_AT)
    socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  lab.atClose(() => socket.close())
  const preload = join(await lab.directory(), 'names.cjs')
  await writeFile(preload, preloadFor(`127.0.0.1:${socket.address().port}`))
  return { NODE_OPTIONS: `--require ${preload}` }
}

/** Every resolver of the process, those that are made later included, asks this server. */
function preloadFor(server: string): string {
  return `const dns = require('node:dns')
const servers = ['${server}']
dns.setServers(servers)
dns.promises.setServers(servers)
for (const module of [dns, dns.promises]) {
  const { Resolver } = module
  module.Resolver = class extends Resolver {
    constructor(options) {
      super(options)
      this.setServers(servers)
    }
  }
}
`
}
