/** Opens the gateway in every process that handles mail, and runs the embedded mailbox store once. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { UNSCANNED } from '../src/antivirus/none.js'
import { parseConfig, type Config } from '../src/config/config.js'
import type { Ini } from '../src/config/values.js'
import { isPecError, reasonOf, type PecError } from '../src/errors.js'
import { watchNode } from '../src/haraka/alarming.js'
import { startArchive } from '../src/haraka/archive-job.js'
import { startAccountPage } from '../src/haraka/account-page.js'
import { UNCOMPARED } from '../src/haraka/clock.js'
import { admission, ownDescriptors } from '../src/haraka/descriptors.js'
import { startDeadlines } from '../src/haraka/deadline-job.js'
import { openEmbeddedStore } from '../src/haraka/embedded-store.js'
import { restGateway, openGateway, theGateway, whenOpen } from '../src/haraka/gateway.js'
import { harakaQueue, spareUnfinished } from '../src/haraka/haraka-queue.js'
import { hook, PASS, type Reply } from '../src/haraka/hook.js'
import { startHousekeeping } from '../src/haraka/housekeeping.js'
import { cleanLine } from '../src/haraka/log-line.js'
import { openIndexJob } from '../src/haraka/index-job.js'
import { survive } from '../src/haraka/log-output.js'
import { keepBytes } from '../src/haraka/messages.js'
import { startMonitor } from '../src/haraka/monitoring.js'
import { startRescue } from '../src/haraka/orphans.js'
import { endureTrouble } from '../src/haraka/queue-trouble.js'
import { pointOf, roleOf } from '../src/haraka/session.js'
import { tellRefusal, tellTls, type Denial } from '../src/haraka/telling.js'
import type { Connection, Plugin, QueuedMail } from '../src/haraka/types.js'

/** Between two attempts to open what may be there later: a database that is away. */
const OPENING_MS = 5_000
/** The longest that a client waits for the gateway to open, or to hang up once it has been sent away. */
const CLIENT_MS = 10_000

let config: Config
let isRoom: () => boolean = () => true
/** What the master ends: its own work, and the store, which the workers have done with by then. */
const endings: (() => unknown)[] = []

export function register(this: Plugin): void {
  this.timeout = 0
  config = parseConfig(this.config.get('pec.ini') as Ini, process.env['HARAKA'] ?? process.cwd())
  for (const output of [process.stdout, process.stderr]) survive(output)
  isRoom = admission(ownDescriptors(), tellOfDescriptors)
  spareUnfinished(this)
  endureTrouble(this)
  this.register_hook('init_master', 'openMaster')
  this.register_hook('init_child', 'openWorker')
}

const stop = (error: unknown): Reply => ({ code: 'refuse', text: `The gateway cannot start: ${reasonOf(error)}` })

/** Once, in the master or in the only process: it has the node's own work, and sends the notices that come of it. */
export const openMaster = hook(async function () {
  await openHere(this, 'strict')
  if (config.antivirus.engine === 'none') this.logwarn(UNSCANNED)
  if (config.clock === undefined) this.logwarn(UNCOMPARED)
  if (config.store.embedded) {
    const store = await openEmbeddedStore(config, (message) => this.lognotice(message))
    endings.push(() => store.close())
  }
  const { deadlines, provider } = theGateway()
  const queue = harakaQueue(this).directory
  const household = { ledger: provider.ledger, queue, spool: config.files.spool, clock: deadlines.clock }
  const job = startDeadlines(deadlines, `${hostname()} ${randomUUID()}`, this)
  endings.push(watchNode(theGateway(), queue))
  endings.push(await startMonitor(theGateway(), queue), await startAccountPage(theGateway(), this))
  const indexJob = await openIndexJob(theGateway(), this)
  endings.push(() => indexJob?.stop())
  endings.push(() => job.stop(), startHousekeeping(household, this), startRescue(queue, this))
  const archive = await startArchive(theGateway(), `${hostname()} ${randomUUID()}`, this)
  endings.push(() => archive.stop())
  return PASS
}, stop)

export const openWorker = hook(async function () {
  // The master has found everything in order; a worker that dies later must not wait for a token to be replaced.
  await openHere(this, 'patient')
  this.lognotice('ready for mail')
  return PASS
}, stop)

/** A client waits a little for the gateway to open. A listener that plays no point takes no mail. */
export const hook_connect = hook<Connection>(async (connection) => {
  if (!isRoom()) return sendAway(connection, '4.3.2 Too many clients, please try again later')
  const gateway = await Promise.race([whenOpen(), sleep(CLIENT_MS, undefined, { ref: false })])
  if (gateway === undefined) return sendAway(connection, '4.3.2 Not ready yet, please try again later')
  const role = roleOf(connection, gateway.config)
  return role === undefined ? { code: 'refuse', text: 'This port is not in [listeners] of pec.ini' } : PASS
})

const tellOfTls = hook<Connection>(
  (connection) => {
    const { config, watching } = theGateway()
    tellTls(connection, pointOf(connection, config), watching.watch)
    return Promise.resolve(PASS)
  },
  () => PASS,
)
export { tellOfTls as hook_ehlo, tellOfTls as hook_helo }

/** A refusal stands, whatever is answered here but ACCEPT. The queue's refusals are those of messages, not of sessions. */
export const hook_deny = hook<Connection | QueuedMail, Denial>(
  (object, denial) => {
    const { config, watching } = theGateway()
    if ('remote' in object) tellRefusal(object, denial, pointOf(object, config), watching.watch)
    return Promise.resolve(PASS)
  },
  () => PASS,
)

export const hook_data = hook<Connection>((connection) => {
  if (connection.transaction !== null) keepBytes(connection.transaction, theGateway())
  return Promise.resolve(PASS)
})

export const hook_log = cleanLine

/** Haraka calls this when a process is told to end, with work still in hand. */
export function shutdown(): void {
  for (const end of endings) end()
  restGateway()
}

/** Waits for a database that is away: a worker that gave up would end the master, and the others with it. */
async function openHere(plugin: Plugin, start: 'strict' | 'patient'): Promise<void> {
  for (;;) {
    try {
      await openGateway(config, harakaQueue(plugin), plugin, start)
      return
    } catch (error) {
      if (!isPecError(error) || !error.temporary) throw error
      plugin.logerror(`the gateway cannot open yet, next try in ${OPENING_MS / 1000} s: ${reasonOf(error)}`)
    }
    await sleep(OPENING_MS)
  }
}

/** At once, or when there is somebody to be told. */
function tellOfDescriptors(trouble: PecError | undefined): void {
  void whenOpen().then(({ watching: { health } }) =>
    trouble === undefined ? health.works('descriptors') : health.failed('descriptors', trouble),
  )
}

/** A client that does not hang up would keep its descriptors. */
function sendAway({ client }: Connection, text: string): Reply {
  setTimeout(() => client.destroy(), CLIENT_MS).unref()
  return { code: 'hang-up', text }
}
