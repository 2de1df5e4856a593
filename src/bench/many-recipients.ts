/** One message to many recipients of one domain elsewhere: how many envelopes are made of it, and at what price. */
import { createHash } from 'node:crypto'
import { startSink } from '../lab/sink.js'
import { gatewayWithRoutes } from './gateway.js'
import { submitOne } from './load.js'
import { withRig } from './rig.js'
import { within } from '../lab/within.js'

export interface ManyRecipientsFigures {
  readonly recipients: number
  /** Distinct envelopes that came to the recipients' host: one, signed once. */
  readonly envelopes: number
  /** From the start to the last recipient's copy: CPU of the gateway and time passed. */
  readonly cpuMs: number
  readonly elapsedMs: number
}

const SIZE = 20 * 1024

export async function measureManyRecipients(recipients: number): Promise<ManyRecipientsFigures> {
  const domain = 'ordinary.test'
  const host = await startSink({ protocol: 'smtp' })
  const to = Array.from({ length: recipients }, (_, number) => `user${number}@${domain}`)
  const system = { ...gatewayWithRoutes({ [domain]: host.port }), milestones: ['accepted', 'acceptance'] as const }
  try {
    return await withRig(system, { workers: 1, sessions: 1 }, async (rig) => {
      await submitOne(rig.load(SIZE, [`warm-up@${domain}`]))
      await host.waitFor(1)
      const before = rig.instance.consumption().cpuMs
      const start = performance.now()
      await submitOne(rig.load(SIZE, to))
      const reached = () => host.messages.slice(1).flatMap((message) => message.accepted).length
      await within(60_000, 'copies are missing', () => reached() >= recipients)
      const elapsedMs = performance.now() - start
      const envelopes = new Set(host.messages.slice(1).map(({ bytes }) => createHash('sha256').update(bytes).digest('hex')))
      return { recipients, envelopes: envelopes.size, cpuMs: rig.instance.consumption().cpuMs - before, elapsedMs }
    })
  } finally {
    await host.close()
  }
}
