/** What the master of an instance, or its only process, does besides mail: the node's own work, the store, the instance's life. */
import { UNSCANNED } from '../antivirus/none.js'
import type { Config } from '../config/config.js'
import { isPecError, PecError, reasonOf } from '../errors.js'
import type { LmtpStore } from '../store/lmtp-store.js'
import { UNCOMPARED } from './clock.js'
import { openControl } from './control.js'
import { fixedChanges } from './fixed-settings.js'
import { openGateway } from './gateway.js'
import { harakaQueue } from './haraka-queue.js'
import { startNodeJobs } from './node-jobs.js'
import { openAtLast } from './opening.js'
import { startRescue } from './orphans.js'
import { checkSetup } from './setup.js'
import { isStarterGone, takeSignals } from './signals.js'
import type { HarakaServer, Plugin } from './types.js'
import { checkVersion } from './version.js'
import { Workers } from './workers.js'

export interface Master {
  /** Begins nothing any more. */
  rest(): void
  /** Closes the store, to which nobody delivers by then, and lets another start take the queue. */
  close(): void
}

export interface MasterMeans {
  readonly server: HarakaServer
  readonly plugin: Plugin
  /** Reads pec.ini as it is now. Throws PecError 'configuration' naming every fault. */
  readonly readSettings: () => Config
}

/** Opens the gateway and all that runs once per node. Rejects with PecError 'configuration' naming every fault. */
export async function openMaster({ server, plugin, readSettings }: MasterMeans): Promise<Master> {
  checkVersion(plugin)
  let config = readSettings()
  await checkSetup(config)
  let isEnding = false
  const control = await openControl(config.instance, () => isEnding, { reload })
  const open = () => openGateway(config, harakaQueue(plugin), plugin, 'strict')
  await openAtLast(open, (error) => isPecError(error) && error.temporary && !isStarterGone(), plugin)
  if (config.antivirus.engine === 'none') plugin.logwarn(UNSCANNED)
  if (config.clock === undefined) plugin.logwarn(UNCOMPARED)
  const store = config.store.embedded ? await openStore(config, plugin) : undefined
  let endJobs = await startNodeJobs(plugin)
  const endRescue = startRescue(harakaQueue(plugin).directory, plugin)
  const workers = server.cluster === undefined ? undefined : new Workers(plugin)
  const endAll = endingOf(server, workers)
  let reloading: Promise<string> | undefined

  async function takeOver(): Promise<string> {
    const next = readSettings()
    const fixed = fixedChanges(config, next)
    if (fixed.length > 0) throw new PecError('configuration', fixed.join('\n'))
    await checkSetup(next)
    await openGateway(next, harakaQueue(plugin), plugin, 'strict')
    config = next
    endJobs()
    endJobs = await startNodeJobs(plugin)
    if (workers === undefined)
      return 'The settings and keys were taken over; TLS certificates need a restart in a single process.'
    const count = await workers.replaceAll(milliseconds(server, 'inactivity_timeout'))
    return `Settings, keys and certificates were taken over; ${count} workers were replaced.`
  }

  function reload(): Promise<string> {
    reloading ??= takeOver()
      .then(
        (done) => {
          plugin.lognotice(done)
          return done
        },
        (error: unknown) => {
          plugin.logerror(`the settings were NOT taken over: ${reasonOf(error)}`)
          throw error
        },
      )
      .finally(() => (reloading = undefined))
    return reloading
  }

  const stop = (): void => {
    isEnding = true
    endAll()
  }
  takeSignals({ stop, reload: () => void reload().catch(() => undefined) }, plugin)
  return {
    rest() {
      endJobs()
      endRescue()
    },
    close() {
      void store?.close()
      control.close()
    },
  }
}

/** In memory only where it is used. */
async function openStore(config: Config, plugin: Plugin): Promise<LmtpStore> {
  const { openEmbeddedStore } = await import('./embedded-store.js')
  return openEmbeddedStore(config, (message) => plugin.lognotice(message))
}

/** Workers first, so that the store and all else of the master is there for them; then Haraka ends the master. */
function endingOf(server: HarakaServer, workers: Workers | undefined): () => void {
  return () => {
    const stopped = workers?.stop(milliseconds(server, 'force_shutdown_timeout')) ?? Promise.resolve()
    void stopped.then(() => server.performShutdown())
  }
}

function milliseconds({ cfg }: HarakaServer, key: string): number {
  return Number(cfg.main[key]) * 1000
}
