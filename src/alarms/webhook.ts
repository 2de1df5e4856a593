/** Alarms for other programs: JSON by POST. */
import { PecError } from '../errors.js'
import { CHANNEL_TIMEOUT_MS, type Channel } from './channel.js'

/** `node` is this server's name. The log gets no more of `url` than its host: the rest may be a secret. */
export function webhookChannel(url: string, node: string): Channel {
  return {
    name: `webhook at ${new URL(url).host}`,
    async send({ state, part, code, reason, since, at }) {
      const body = JSON.stringify({ node, state, part, code, reason, since, at })
      const signal = AbortSignal.timeout(CHANNEL_TIMEOUT_MS)
      const headers = { 'Content-Type': 'application/json' }
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'error', signal })
      await response.body?.cancel()
      if (!response.ok) throw new PecError('alarm', `it answers ${response.status}`, { temporary: true })
    },
  }
}
