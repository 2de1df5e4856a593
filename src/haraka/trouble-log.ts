/** Failures and recoveries of the parts, as lines of Haraka's log. */
import type { Listener } from '../watch/listeners.js'
import type { Logger } from './types.js'

export function logTroubles(log: Logger): Listener {
  return (occurrence) => {
    if (occurrence.kind === 'failure') {
      const { part, code, reason, since, count } = occurrence
      const times = count === 1 ? '' : ` ${count} failures since ${since.toISOString()}`
      log.logcrit(`${part} does not work (${code}): ${reason}${times}`)
    } else if (occurrence.kind === 'recovery') {
      const { part, since, count } = occurrence
      log.lognotice(`${part} works again, after ${count} failures since ${since.toISOString()}`)
    }
  }
}
