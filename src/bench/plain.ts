/** The baseline: plain Haraka, SMTP in, its queue, LMTP out. */
import { startPlainHaraka } from '../lab/plain-haraka.js'
import { freePort } from '../lab/ports.js'
import { connectClient } from '../lab/smtp-client.js'
import { LOG_INI, type Running, type System } from './system.js'

export const plain: System = { name: 'plain', milestones: ['accepted', 'message'], start }

async function start(directory: string, workers: number, lmtpPort: number): Promise<Running> {
  const port = await freePort()
  const instance = await startPlainHaraka(directory, {
    session: 'shared',
    port,
    nodes: workers,
    relayTo: { port: lmtpPort, protocol: 'lmtp' },
    config: { 'log.ini': LOG_INI },
  })
  const connect = async () => {
    const client = await connectClient({ port })
    await client.ehlo()
    return client
  }
  return { instance, from: 'sender@pec-a.test', to: 'recipient@pec-a.test', connect }
}
