/** Settings that a running instance cannot change: what is under way was begun with them. */
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.js'

/** Names each that differs. Messages in the queue are known to one ledger, and lie on one file system with the spool. */
export function fixedChanges(now: Config, next: Config): string[] {
  const fixed: readonly [string, (config: Config) => unknown][] = [
    ['[provider] domain', ({ provider }) => provider.domain],
    ['[ledger] engine, file, host, port, socket and database', ({ ledger }) => placeOf(ledger)],
    ['[files] spool', ({ files }) => files.spool],
    ['[store] embedded and, with it, lmtp', ({ store }) => (store.embedded ? store.lmtp : undefined)],
  ]
  return fixed
    .filter(([, read]) => !isDeepStrictEqual(read(now), read(next)))
    .map(([name]) => `${name} cannot change while it runs: stop it, wait for the queue to be empty, and start it again`)
}

function placeOf(ledger: Config['ledger']): unknown {
  return ledger.engine === 'sqlite' ? ledger.file : [ledger.at, ledger.database]
}
