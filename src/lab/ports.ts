/** Loopback TCP ports for servers that are about to start. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Below Linux's ephemeral range, so that no outgoing connection can take one between the check and its use.
const LOWEST = 20_000
const HIGHEST = 32_000

/** As many distinct ports on 127.0.0.1 as asked for, none of them in use now. Throws if it finds too few. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt > 100 * count) throw new Error(`fewer than ${count} free ports on loopback`)
    const port = randomInt(LOWEST, HIGHEST)
    if (await isFree(port)) found.add(port)
  }
  return [...found]
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error('no free port on loopback')
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
