/**
 * The gateway of one process: the provider's parts and the three points, put together over Haraka's queue. Haraka's plugins are
 * separate files; this is what they share.
 */
import { mkdir } from 'node:fs/promises'
import { Attempts } from '../account/attempts.js'
import { LoginFailures } from '../account/login-failures.js'
import type { Config } from '../config/config.js'
import { CopyFolder } from '../copies/copy-folder.js'
import { PecError } from '../errors.js'
import { openAccessPoint, type AccessPoint } from '../points/access.js'
import type { NoticeSettings } from '../points/arrival-notices.js'
import type { DeadlineHouse } from '../points/deadlines.js'
import { openDeliveryPoint, type DeliveryPoint } from '../points/delivery.js'
import type { House } from '../points/house.js'
import { openReceptionPoint, type ReceptionPoint } from '../points/reception.js'
import { openProvider, type Provider } from '../provider.js'
import { LmtpPool } from '../lmtp/pool.js'
import { startAlarms } from './alarming.js'
import { openClock, type GatewayClock } from './clock.js'
import type { ServiceMetrics } from '../metrics/service-metrics.js'
import { watchHouse } from '../watch/watched.js'
import { ClientCertificates } from '../directory/client-certificates.js'
import type { CopyingHouse } from './copying.js'
import { newCourier } from './courier.js'
import { startMetrics } from './monitoring.js'
import { openOutbox } from './outbox.js'
import type { SpamFilter } from './spam-filter.js'
import { watchSpamFilter } from './telling.js'
import type { HarakaQueue, Logger } from './types.js'
import { startWatching, type Watching } from './watching.js'

export interface Gateway {
  readonly config: Config
  readonly provider: Provider
  /** The provider's parts as the points have them: watched. */
  readonly house: House
  readonly access: AccessPoint
  readonly reception: ReceptionPoint
  readonly delivery: DeliveryPoint
  readonly store: Pick<LmtpPool, 'turn'>
  readonly copying: CopyingHouse
  /** Undefined where nobody logs in with one. */
  readonly certificates: ClientCertificates | undefined
  readonly failedLogins: LoginFailures
  /** Rates ordinary mail; undefined where [spam] is not enabled. */
  readonly spam?: SpamFilter | undefined
  /** For the work that one node does at a time. */
  readonly deadlines: DeadlineHouse
  readonly watching: Watching
  readonly time: GatewayClock
  readonly metrics: ServiceMetrics
}

interface Open {
  readonly pool: LmtpPool
  readonly provider: Provider
  /** Begins nothing any more, and keeps no connection to the store. */
  readonly rest: () => void
}

/** Deliveries that wait for a connection to the store, in memory; more are Haraka's. */
const MAX_WAITING = 200
/** Milliseconds after which nothing of a former gateway can be in hand: a message may be received for some minutes. */
const PARTING_MS = 600_000
const HOUR_MS = 3_600_000

let current: Gateway | undefined
/** What is open: the gateway in use last, after those whose work may still be under way. */
const opens: Open[] = []
let spamFilter: SpamFilter | undefined
let announce: (gateway: Gateway) => void = () => undefined
const opened = new Promise<Gateway>((resolve) => (announce = resolve))

/** Before the gateway opens: Haraka's plugins register first. */
export function useSpamFilter(filter: SpamFilter): void {
  spamFilter = filter
}

/**
 * Opens the gateway of this process, in the place of a former one if there is one. Rejects with PecError 'configuration' naming every
 * fault; the former one goes on then.
 */
export async function openGateway(config: Config, queue: HarakaQueue, log: Logger, start: 'strict' | 'patient'): Promise<void> {
  if (config.spam !== undefined && spamFilter === undefined)
    throw new PecError('configuration', '[spam] of pec.ini is enabled, but config/plugins has no line pec/spam')
  const watching = startWatching(config, log)
  const { watch, health, clock } = watching
  const stopAlarms = startAlarms(config, watching, log)
  await mkdir(config.files.spool, { recursive: true, mode: 0o700 })
  const provider = await openProvider(config, (message) => log.lognotice(message), start, watching).catch((error: unknown) => {
    watching.rest()
    stopAlarms()
    throw error
  })
  const metrics = startMetrics({ watching })
  const pool = new LmtpPool(config.store.lmtp, { connections: config.store.connections, waiting: MAX_WAITING })
  const copying: CopyingHouse = { copies: new CopyFolder(config.options.copies), delivery: () => delivery, health }
  const courier = newCourier({
    ...{ queue, pool, memory: config.files.memory, log, directory: provider.directory },
    ...{ ...copying, delivery: () => delivery },
  })
  const outbox = openOutbox(queue, config.files.spool, courier)
  const time = await openClock(config.clock, health)
  const house = watchHouse({ ...provider, outbox, clock: time.read }, nameOfKey(config), watching)
  const delivery = openDeliveryPoint({
    ...house,
    briefHash: { input: config.delivery.briefHashInput, algorithm: config.delivery.briefHash },
    peerRefusal: config.peers.refusal,
    notices: noticesOf(config, watching, log),
  })
  current = {
    config,
    provider,
    house,
    spam: spamFilter === undefined ? undefined : watchSpamFilter(spamFilter, watching),
    delivery,
    store: pool,
    copying,
    certificates: certificatesOf(provider, watching),
    failedLogins: new LoginFailures(clock, config.limits.failedLogins),
    deadlines: { ...house, deadlines: config.deadlines },
    access: openAccessPoint({ ...house, limits: config.limits }),
    reception: openReceptionPoint({ ...house, ordinaryMail: config.reception.ordinaryMail }),
    watching,
    time,
    metrics,
  }
  const former = opens.at(-1)
  if (former !== undefined) part(former)
  const rest = (): void => [() => pool.close(), () => time.stop(), () => watching.rest(), stopAlarms].forEach((end) => end())
  opens.push({ pool, provider, rest })
  watch.tell({ kind: 'started', at: clock() })
  announce(current)
}

function certificatesOf(
  { clientTrust: trust, directory }: Provider,
  { health, clock }: Watching,
): ClientCertificates | undefined {
  if (trust === undefined) return undefined
  const watched = {
    mailbox: (address: string) => health.of('directory', directory.mailbox(address)),
    mailboxesOfCertificate: (mark: string) => health.of('directory', directory.mailboxesOfCertificate(mark)),
  }
  return new ClientCertificates({ trust, directory: watched, clock })
}

function noticesOf({ options, provider }: Config, { watch, clock }: Watching, log: Logger): NoticeSettings {
  const allowance = new Attempts(() => new Date(), options.notices, HOUR_MS)
  return {
    from: options.noticeFrom ?? `avvisi@${provider.domain}`,
    mayGo(mailbox) {
      const may = allowance.take(mailbox)
      if (may) return true
      watch.tell({ kind: 'notice-left-out', at: clock(), mailbox })
      log.lognotice(`a notice of arrival for ${mailbox} is left out: ${options.notices} in an hour are enough`)
      return false
    },
  }
}

/** As the log of signatures names it. */
function nameOfKey({ signer, tokens }: Config): string {
  return tokens === undefined ? signer.key : `${tokens.tokens.join(', ')}: ${tokens.keyLabel ?? tokens.keyId ?? ''}`
}

/** The gateway of this process, once it is open: Haraka listens before that. */
export function whenOpen(): Promise<Gateway> {
  return current === undefined ? opened : Promise.resolve(current)
}

/** The gateway of this process. Throws PecError, temporary, before it is open. */
export function theGateway(): Gateway {
  if (current === undefined) throw new PecError('configuration', 'the gateway is not open yet', { temporary: true })
  return current
}

/** A former gateway finishes what it has in hand with its own parts. */
function part(former: Open): void {
  former.rest()
  setTimeout(() => {
    if (opens.includes(former)) opens.splice(opens.indexOf(former), 1)
    void former.provider.close()
  }, PARTING_MS).unref()
}

/** Keeps no connection to the store from now on: the process is about to end, but the hooks need the gateway until then. */
export function restGateway(): void {
  opens.at(-1)?.rest()
}

/** Whether deliveries of our own are under way. */
export function isDelivering(): boolean {
  return opens.some(({ pool }) => pool.isBusy)
}

/** Closes databases and all else that would keep the process alive. */
export async function closeGateway(): Promise<void> {
  for (const { provider } of opens.splice(0)) await provider.close()
}
