/**
 * Runs the archive: each node hands in its flat logs, and one at a time exports, seals, stamps and hands over the days that are over,
 * and purges those whose time is over. What does not
 * work is tried again at the next run; an authority that is away at growing intervals.
 */
import { exportDays } from '../archive/export.js'
import { handOverDays } from '../archive/hand-over.js'
import type { ArchiveHouse } from '../archive/house.js'
import { handIn } from '../archive/logs.js'
import { openArchive } from '../archive/open.js'
import { periodOf } from '../archive/day.js'
import { purgeDays, type RetentionRegister } from '../archive/retention.js'
import { sealDays, stampDays } from '../archive/seal.js'
import { versions } from '../archive/versions.js'
import { cautionOf, type TimeWitness } from '../clock/borne-out.js'
import { PecError } from '../errors.js'
import { oneAtATime } from '../one-at-a-time.js'
import type { Ledger } from '../points/ports.js'
import { markDays } from '../retrieval/day-marks.js'
import type { Health } from '../watch/health.js'
import type { Job } from './deadline-job.js'
import type { Gateway } from './gateway.js'
import { leaseOn, type LeaseTerms } from './lease.js'
import type { Logger } from './types.js'

const EVERY_MS = 60_000
const LEASE_MS = 15 * 60_000
/** Until the authorities are asked again: from this, shorter than the wait for the next run, twice as long each time, to that. */
const FIRST_DELAY_MS = 50_000
const LAST_DELAY_MS = 3_600_000
/** A day is to be handed over by then. */
const OVERDUE_MS = 24 * 3_600_000

export interface ArchiveWork extends ArchiveHouse {
  readonly lease: LeaseTerms['ask']
  /** What speaks for the clock. */
  readonly witness: TimeWitness
  readonly health: Pick<Health, 'failed' | 'works'>
  readonly retention: RetentionRegister
  /** Takes the event of each purge. */
  readonly ledger: Pick<Ledger, 'commit'>
  /** This node's flat logs. */
  readonly logs: string
}

/** Opens the archive of the gateway and runs it. Rejects with PecError 'configuration'. */
export async function startArchive(
  { config, provider, house: { issuer, ledger }, deadlines, watching }: Gateway,
  holder: string,
  log: Logger,
): Promise<Job> {
  const archive = await openArchive(config, {
    ...{ issuer, register: provider.ledger.days, versions: versions(), clock: deadlines.clock, ocsp: provider.ocsp },
    alarm: (line) => log.logcrit(line),
  })
  const lease: ArchiveWork['lease'] = (...which) => provider.ledger.lease(...which)
  return runArchive(
    {
      ...archive,
      lease,
      ledger,
      witness: provider.ledger,
      retention: provider.ledger.retention,
      health: watching.health,
      logs: config.log.directory,
    },
    holder,
    log,
  )
}

/** Runs a minute after the start and then every minute. `holder` names this node. */
export function runArchive(work: ArchiveWork, holder: string, log: Logger): Job {
  const { clock, health } = work
  const mayStamp = growingDelays()
  const { isOurs, during } = leaseOn({ job: 'archive', holder, duration: LEASE_MS, clock, ask: work.lease })
  const mayActOn = cautionOf(work.witness, (line) => log.logwarn(line))
  const tell = (what: string, days: readonly string[]): void => days.forEach((day) => log.lognotice(`${day} was ${what}`))
  const archive = async (): Promise<void> => {
    const now = clock()
    if (!(await mayActOn(now))) return
    await handIn(work.logs, work.folder, now)
    if (!(await isOurs())) return
    await during(async () => {
      const days = await exportDays(work, isOurs)
      tell('archived', days)
      tell('sealed', await sealDays(work))
      tell('handed over', await handOverDays(work))
      await purgeDays(work, work.retention, work.ledger)
      await markDays(work.folder, days)
    })
    await checkOverdue(work)
  }
  const stamp = async (): Promise<void> => {
    if (!mayStamp.now(clock()) || !(await isOurs())) return
    try {
      tell('stamped', await stampDays(work))
      mayStamp.succeeded()
      health.works('timestamp')
    } catch (error) {
      mayStamp.failed(clock())
      health.failed('timestamp', error)
    }
  }
  const look = async (): Promise<void> => {
    try {
      await archive()
      health.works('archive')
    } catch (error) {
      health.failed('archive', error)
    }
    await stamp().catch((error: unknown) => health.failed('archive', error))
  }
  const run = oneAtATime(look)
  const timer = setInterval(() => void run(), EVERY_MS).unref()
  return { run, stop: () => clearInterval(timer) }
}

/** When something that has failed may be tried again. */
function growingDelays(): { now(at: Date): boolean; failed(at: Date): void; succeeded(): void } {
  let delay = FIRST_DELAY_MS
  let next = -Infinity
  return {
    now: (at) => at.getTime() >= next,
    failed: (at) => {
      next = at.getTime() + delay
      delay = Math.min(delay * 2, LAST_DELAY_MS)
    },
    succeeded: () => {
      delay = FIRST_DELAY_MS
      next = -Infinity
    },
  }
}

async function checkOverdue({ register, clock, handOver }: ArchiveHouse): Promise<void> {
  const [oldest] = await register.daysIn(['exported', 'sealed', ...(handOver === undefined ? [] : (['stamped'] as const))])
  if (oldest !== undefined && clock().getTime() > periodOf(oldest.day).to.getTime() + OVERDUE_MS)
    throw new PecError('archive', `the archive of ${oldest.day} is only ${oldest.state} after 24 hours`, { temporary: true })
}
