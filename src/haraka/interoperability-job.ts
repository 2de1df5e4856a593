/**
 * Checks by itself, on one node at a time, how other providers answer test messages: each mailbox once its last check is as long ago as
 * [interoperability] says. The register knows when that was, whoever made it.
 */
import { PecError, reasonOf } from '../errors.js'
import type { Exchange } from '../interoperability/check.js'
import { describeExchange, passed, roundMeans, runRound } from '../interoperability/round.js'
import { oneAtATime } from '../one-at-a-time.js'
import type { Clock } from '../points/ports.js'
import type { Watched } from '../watch/watched.js'
import type { Job } from './deadline-job.js'
import type { Gateway } from './gateway.js'
import { leaseOn, type LeaseTerms } from './lease.js'
import type { Logger } from './types.js'

/** More often than that only where a trial has an interval of seconds. */
const EVERY_MS = 60_000
const LEASE_MS = 5 * 60_000

export interface InteroperabilityWork {
  readonly mailboxes: readonly string[]
  /** Seconds between two checks of a mailbox. */
  readonly interval: number
  /** Whether a mailbox was checked since a time. */
  readonly isCheckedSince: (mailbox: string, since: Date) => Promise<boolean>
  readonly check: (mailboxes: readonly string[], stopped: AbortSignal) => Promise<readonly Exchange[]>
  readonly lease: LeaseTerms['ask']
  readonly clock: Clock
}

/** Undefined where the settings say that nothing is checked by itself. */
export function startInteroperability(
  { config, provider, house, watching }: Gateway,
  holder: string,
  log: Logger,
): Job | undefined {
  const { interoperability: settings } = config
  if (settings?.interval === undefined) return undefined
  const { to: mailboxes, interval } = settings
  const { ledger: register, index } = provider
  const parts = { register, ledger: house.ledger, index, clock: house.clock }
  const work: InteroperabilityWork = {
    ...{ mailboxes, interval, clock: house.clock },
    isCheckedSince: async (recipient, from) =>
      (await register.search({ type: 'interoperability', recipient, from }, 1)).events.length > 0,
    check: (which, stopped) => runRound(which, roundMeans(config, settings, parts, stopped)),
    lease: (...which) => register.lease(...which),
  }
  return runInteroperability(work, holder, watching, log)
}

/** Looks every minute, for the first time a minute after the start. `holder` names this node. */
export function runInteroperability(work: InteroperabilityWork, holder: string, watched: Watched, log: Logger): Job {
  const { clock } = work
  const { watch, health } = watched
  /** The mailboxes whose last check failed, with what was wrong. */
  const failed = new Map<string, string>()
  const ending = new AbortController()
  const { isOurs, during } = leaseOn({ job: 'interoperability', holder, duration: LEASE_MS, clock, ask: work.lease })
  const tell = (exchange: Exchange): void => {
    const { mailbox, seconds, faults } = exchange
    const line = `interoperability with ${mailbox}: ${describeExchange(exchange)}`
    watch.tell({ kind: 'interoperability', at: clock(), mailbox, passed: passed(exchange), seconds })
    if (passed(exchange)) {
      failed.delete(mailbox)
      log.lognotice(line)
    } else {
      failed.set(mailbox, `${mailbox}: ${faults.join('; ')}`)
      log.logwarn(line)
    }
  }
  const checkDue = async (): Promise<void> => {
    if (!(await isOurs())) {
      // Whoever has the work now tells of it.
      failed.clear()
      health.works('interoperability')
      return
    }
    const due = await dueAmong(work)
    if (due.length === 0) return
    const exchanges = await during(() => work.check(due, ending.signal))
    exchanges.forEach(tell)
    if (failed.size === 0) health.works('interoperability')
    else
      health.failed('interoperability', new PecError('interoperability', [...failed.values()].join(' | '), { temporary: true }))
  }
  const look = async (): Promise<void> => {
    try {
      await checkDue()
    } catch (error) {
      if (!ending.signal.aborted) log.logerror(`other providers could not be checked: ${reasonOf(error)}`)
    }
  }
  const run = oneAtATime(look)
  const timer = setInterval(() => void run(), Math.min(EVERY_MS, work.interval * 1000)).unref()
  return {
    run,
    stop() {
      clearInterval(timer)
      ending.abort()
    },
  }
}

async function dueAmong({ mailboxes, interval, isCheckedSince, clock }: InteroperabilityWork): Promise<readonly string[]> {
  const since = new Date(clock().getTime() - interval * 1000)
  const checked = await Promise.all(mailboxes.map((mailbox) => isCheckedSince(mailbox, since)))
  return mailboxes.filter((_, position) => checked[position] === false)
}
