/**
 * Keeps a node's copy of the index of providers as fresh as [index] says. Each node fetches its own: what one node has fetched would
 * be of no use to another that cannot reach it.
 */
import { isPecError, reasonOf } from '../errors.js'
import { oneAtATime } from '../one-at-a-time.js'
import { describeChange, describeOwnDifference } from '../providers/index-changes.js'
import type { Synchronised, Synchroniser } from '../providers/synchronise.js'
import { openSynchroniser } from '../synchroniser.js'
import type { Watched } from '../watch/watched.js'
import type { Gateway } from './gateway.js'
import type { Logger } from './types.js'

export interface IndexJob {
  /** One synchronisation, or the one under way. Never rejects. */
  run(): Promise<void>
  stop(): void
}

/** Between a failure and the next attempt: this at first, then twice as much each time. */
const FIRST_DELAY_MS = 60_000
const LONGEST_DELAY_MS = 3_600_000

/** Undefined where [index] names no source. Rejects with PecError 'configuration' if it cannot be used. */
export async function openIndexJob({ config, provider, house, watching }: Gateway, log: Logger): Promise<IndexJob | undefined> {
  const { ledger, crls, ocsp, issuer } = provider
  const parts = { ledger, crls, ocsp, clock: house.clock, certificate: () => issuer.signer.certificate }
  const synchroniser = await openSynchroniser(config, parts)
  const { source } = config.index
  if (synchroniser === undefined || source === undefined) return undefined
  return startIndexJob(synchroniser, source.interval, watching, log)
}

/** At once, if the last synchronisation is long enough ago, and then every `interval` seconds. */
export function startIndexJob(
  synchroniser: Pick<Synchroniser, 'run' | 'lastAt' | 'url'>,
  interval: number,
  watched: Watched,
  log: Logger,
): IndexJob {
  const { watch, health, clock } = watched
  let failures = 0
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const age = async (): Promise<number> => clock().getTime() - ((await synchroniser.lastAt())?.getTime() ?? -Infinity)
  const next = (delay: number): void => {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(() => void run(), delay).unref()
  }
  const attempt = async (): Promise<void> => {
    try {
      tell(await synchroniser.run(), synchroniser.url, watched, log)
      failures = 0
      health.works('index-source')
    } catch (error) {
      failures++
      watch.tell({ kind: 'index-refused', at: clock(), reason: reasonOf(error), age: await age() })
      log.logwarn(`the index of providers was not synchronised: ${reasonOf(error)}`)
      // A centre that is away is nothing to wake somebody for until our copy is old; one that sends something wrong is.
      if (!isPecError(error) || !error.temporary) health.failed('index-source', error)
    }
    next(failures === 0 ? interval * 1000 : Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS, interval * 1000))
  }
  const run = oneAtATime(attempt)
  void age().then((since) => next(Math.max(0, interval * 1000 - since)))
  return {
    run,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function tell(
  { records, domains, changes, ownDifferences, faults }: Synchronised,
  source: string,
  watched: Watched,
  log: Logger,
) {
  log.lognotice(`the index of providers was synchronised: ${records} records with ${domains} domains, ${changes.length} changed`)
  for (const change of changes) {
    const line = describeChange(change)
    watched.watch.tell({ kind: 'index-changed', at: watched.clock(), source, change: line })
    log.lognotice(`the index of providers has changed: ${line}`)
  }
  for (const each of ownDifferences) log.logwarn(describeOwnDifference(each))
  for (const { dn, fault } of faults) log.logwarn(`the index of providers, ${dn}: ${fault}`)
}
