/**
 * Checks by itself, on one node at a time, how other providers answer test messages: each mailbox once its last check is as long ago as
 * [interoperability] says. The register knows when that was and what came of it, whoever made it: each node tells of that.
 */
import { PecError, reasonOf } from '../errors.js'
import type { Exchange, Times } from '../interoperability/check.js'
import { describeExchange, faultsIn, passed, roundMeans, runRound } from '../interoperability/round.js'
import type { SqlLedger } from '../ledger/ledger.js'
import type { Position } from '../ledger/search.js'
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
/** Events read at a time. */
const PAGE = 100

export interface InteroperabilityWork {
  readonly mailboxes: readonly string[]
  /** Seconds between two checks of a mailbox. */
  readonly interval: number
  /** The last check of a mailbox since a time, as the register has it. */
  readonly lastCheck: (mailbox: string, since: Date) => Promise<LastCheck | undefined>
  readonly check: (mailboxes: readonly string[], stopped: AbortSignal) => Promise<readonly Exchange[]>
  readonly lease: LeaseTerms['ask']
  readonly clock: Clock
}

export interface LastCheck {
  readonly at: Date
  /** As `describeExchange` has it. */
  readonly outcome: string
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
    lastCheck: (recipient, from) => lastCheckIn(register, recipient, from),
    check: (which, stopped) => runRound(which, roundMeans(config, settings, parts, stopped)),
    lease: (...which) => register.lease(...which),
  }
  return runInteroperability(work, holder, watching, log)
}

async function lastCheckIn(register: Pick<SqlLedger, 'search'>, recipient: string, from: Date): Promise<LastCheck | undefined> {
  let last: LastCheck | undefined
  let next: Position | undefined
  do {
    const page = await register.search({ type: 'interoperability', recipient, from }, PAGE, next)
    last = page.events.at(-1) ?? last
    next = page.next
  } while (next !== undefined)
  return last
}

/** Looks every minute, for the first time a minute after the start. `holder` names this node. */
export function runInteroperability(work: InteroperabilityWork, holder: string, watched: Watched, log: Logger): Job {
  const { mailboxes, interval, clock } = work
  const { watch, health } = watched
  /** When the mailboxes were checked last, and what was wrong with those that failed: whichever node has checked them. */
  const known = new Map<string, Date>()
  const failed = new Map<string, string>()
  const ending = new AbortController()
  const { isOurs, during } = leaseOn({ job: 'interoperability', holder, duration: LEASE_MS, clock, ask: work.lease })
  const hear = (mailbox: string, at: Date, faults: string | undefined, seconds: Times): void => {
    known.set(mailbox, at)
    if (faults === undefined) failed.delete(mailbox)
    else failed.set(mailbox, `${mailbox}: ${faults}`)
    watch.tell({ kind: 'interoperability', at, mailbox, passed: faults === undefined, seconds })
  }
  const judge = (): void => {
    if (failed.size === 0) health.works('interoperability')
    else
      health.failed('interoperability', new PecError('interoperability', [...failed.values()].join(' | '), { temporary: true }))
  }
  /** Tells what is new in the register, and resolves with the mailboxes whose last check is too long ago. */
  const learn = async (): Promise<readonly string[]> => {
    const ago = (seconds: number): Date => new Date(clock().getTime() - seconds * 1000)
    const last = await Promise.all(mailboxes.map((mailbox) => work.lastCheck(mailbox, ago(2 * interval))))
    const due: string[] = []
    let isNew = false
    for (const [position, mailbox] of mailboxes.entries()) {
      const check = last[position]
      if (check === undefined || check.at < ago(interval)) due.push(mailbox)
      if (check === undefined || check.at <= (known.get(mailbox) ?? new Date(0))) continue
      isNew = true
      hear(mailbox, check.at, faultsIn(check.outcome), {})
    }
    if (isNew) judge()
    return due
  }
  const checkDue = async (): Promise<void> => {
    const due = await learn()
    if (due.length === 0 || !(await isOurs())) return
    for (const exchange of await during(() => work.check(due, ending.signal))) {
      const { mailbox, seconds, faults } = exchange
      const line = `interoperability with ${mailbox}: ${describeExchange(exchange)}`
      if (passed(exchange)) log.lognotice(line)
      else log.logwarn(line)
      hear(mailbox, clock(), passed(exchange) ? undefined : faults.join('; '), seconds)
    }
    judge()
  }
  const attempt = async (look: () => Promise<unknown>): Promise<void> => {
    try {
      await look()
    } catch (error) {
      if (!ending.signal.aborted) log.logerror(`other providers could not be checked: ${reasonOf(error)}`)
    }
  }
  const run = oneAtATime(() => attempt(checkDue))
  // What failed before the start fails still: an alarm about it is not over.
  void attempt(learn)
  const timer = setInterval(() => void run(), Math.min(EVERY_MS, interval * 1000)).unref()
  return {
    run,
    stop() {
      clearInterval(timer)
      ending.abort()
    },
  }
}
