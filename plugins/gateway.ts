/** Opens the gateway in every process that handles mail, and tells what happens in its sessions. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig, type Config } from '../src/config/config.js'
import type { Ini } from '../src/config/values.js'
import { reasonOf, type PecError } from '../src/errors.js'
import { admission, ownDescriptors } from '../src/haraka/descriptors.js'
import { closeGateway, isDelivering, openGateway, restGateway, theGateway, whenOpen } from '../src/haraka/gateway.js'
import { harakaQueue, spareUnfinished } from '../src/haraka/haraka-queue.js'
import { readFairly } from '../src/haraka/fair-reading.js'
import { hook, PASS, type Reply } from '../src/haraka/hook.js'
import { takeLeave, type OpenSession } from '../src/haraka/leave-taking.js'
import { cleanLine } from '../src/haraka/log-line.js'
import { survive } from '../src/haraka/log-output.js'
import { openMaster as beMaster, type Master } from '../src/haraka/master.js'
import { keepBytes } from '../src/haraka/messages.js'
import { openAtLast } from '../src/haraka/opening.js'
import { endureTrouble } from '../src/haraka/queue-trouble.js'
import { pointOf, roleOf } from '../src/haraka/session.js'
import { leaveSignalsToMaster } from '../src/haraka/signals.js'
import { tellRefusal, tellTls, type Denial } from '../src/haraka/telling.js'
import type { Connection, HarakaServer, Plugin, QueuedMail } from '../src/haraka/types.js'
import type { WorkerWord } from '../src/haraka/workers.js'
import type { Part } from '../src/watch/occurrence.js'

/** The longest that a client waits for the gateway to open, or to hang up once it has been sent away. */
const CLIENT_MS = 10_000

let config: Config
let master: Master | undefined
const sessions = new Set<OpenSession>()
let isLeaving = false
let isRoom: () => boolean = () => true

export function register(this: Plugin): void {
  this.timeout = 0
  config = settingsOf(this)
  for (const output of [process.stdout, process.stderr]) survive(output, teller('output'))
  isRoom = admission(ownDescriptors(), teller('descriptors'))
  spareUnfinished(this)
  endureTrouble(this)
  leaveSignalsToMaster()
  this.register_hook('init_master', 'openMaster')
  this.register_hook('init_child', 'openWorker')
}

const stop = (error: unknown): Reply => ({ code: 'refuse', text: `The gateway cannot start: ${reasonOf(error)}` })

/** Once, in the master or in the only process. */
export const openMaster = hook<HarakaServer>(async function (server) {
  master = await beMaster({ server, plugin: this, readSettings: () => settingsOf(this) })
  return PASS
}, stop)

/** What a worker needs was there when the master looked: it tries again, for a worker that gave up would end the master. */
export const openWorker = hook(async function () {
  const tell = (word: WorkerWord): void => void process.send?.(word)
  // One that dies later must not wait for a token to be replaced.
  const open = () => openGateway(config, harakaQueue(this), this, 'patient')
  const isWorthATry = (error: unknown): boolean => {
    tell({ event: 'pec.fault', reason: reasonOf(error) })
    return !isLeaving
  }
  await openAtLast(open, isWorthATry, this)
  this.lognotice('ready for mail')
  tell({ event: 'pec.ready' })
  return PASS
}, stop)

/** A client waits a little for the gateway to open. A listener that plays no point takes no mail. */
export const hook_connect = hook<Connection & OpenSession>(async (connection) => {
  sessions.add(connection)
  readFairly(connection)
  if (!isRoom()) return sendAway(connection, '4.3.2 Too many clients, please try again later')
  const gateway = await Promise.race([whenOpen(), sleep(CLIENT_MS, undefined, { ref: false })])
  if (gateway === undefined) return sendAway(connection, '4.3.2 Not ready yet, please try again later')
  const role = roleOf(connection, gateway.config)
  return role === undefined ? { code: 'refuse', text: 'This port is not in [listeners] of pec.ini' } : PASS
})

export const hook_disconnect = hook<Connection & OpenSession>((connection) => {
  sessions.delete(connection)
  return Promise.resolve(PASS)
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
export function shutdown(this: Plugin): void {
  isLeaving = true
  master?.rest()
  restGateway()
  const queue = harakaQueue(this)
  takeLeave(sessions, {
    isBusy: () => isDelivering() || queue.underWay() > 0,
    async close() {
      master?.close()
      await closeGateway()
    },
  })
}

/** At once, or when there is somebody to be told. */
function teller(part: Part): (trouble: PecError | undefined) => void {
  return (trouble) =>
    void whenOpen().then(({ watching: { health } }) =>
      trouble === undefined ? health.works(part) : health.failed(part, trouble),
    )
}

/** A client that does not hang up would keep its descriptors. */
function sendAway({ client }: Connection, text: string): Reply {
  setTimeout(() => client.destroy(), CLIENT_MS).unref()
  return { code: 'hang-up', text }
}

/** As pec.ini is now: Haraka's reader keeps what it has read for whoever asks in the same way. */
function settingsOf(plugin: Plugin): Config {
  const ini = plugin.config.get('pec.ini', 'ini', { asOf: Date.now() }) as Ini
  return parseConfig(ini, process.env['HARAKA'] ?? process.cwd())
}
