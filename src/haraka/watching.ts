/** Those who are told what happens in this process, from before anything is opened until it ends. */
import type { Config } from '../config/config.js'
import { reasonOf } from '../errors.js'
import { FlatLogs } from '../journal/flat-logs.js'
import { Health } from '../watch/health.js'
import { Listeners } from '../watch/listeners.js'
import type { Watched } from '../watch/watched.js'
import { logTroubles } from './trouble-log.js'
import type { Logger } from './types.js'

export interface Watching extends Watched {
  /** Who wants to know what happens here listens to it. */
  readonly watch: Listeners
  /** The process was told to end: what is told from now on still goes to those who listen. */
  rest(): void
}

export function startWatching(config: Config, log: Logger): Watching {
  const clock = (): Date => new Date()
  const watch = new Listeners((error) => log.logerror(`what happened could not be told: ${reasonOf(error)}`))
  const health = new Health(watch, clock)
  watch.listen(logTroubles(log))
  watch.listen(new FlatLogs(config.log, health, clock).listener)
  return { watch, health, clock, rest: () => watch.tell({ kind: 'ending', at: clock() }) }
}
