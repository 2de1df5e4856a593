/** What a node does by itself, in its master or only process, with the gateway as it is now: a reload ends it and begins it anew. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { startAccountPage } from './account-page.js'
import { watchNode } from './alarming.js'
import { startArchive } from './archive-job.js'
import { startDeadlines } from './deadline-job.js'
import { theGateway } from './gateway.js'
import { harakaQueue } from './haraka-queue.js'
import { startHousekeeping } from './housekeeping.js'
import { openIndexJob } from './index-job.js'
import { startInteroperability } from './interoperability-job.js'
import { purgeOver } from '../quarantine/purge.js'
import { purgeMeans } from '../quarantine-purge.js'
import { startMonitor } from './monitoring.js'
import type { Plugin } from './types.js'

/** Returns what stops them. */
export async function startNodeJobs(plugin: Plugin): Promise<() => void> {
  const gateway = theGateway()
  const { config, copying, deadlines, provider } = gateway
  const queue = harakaQueue(plugin).directory
  const { ledger } = provider
  const purgeQuarantine = async (now: Date): Promise<number> =>
    purgeOver(ledger.kept.all(), await purgeMeans(ledger, config, now))
  const spools = [config.files.spool, copying.copies.unfinished]
  const household = { ledger, purgeQuarantine, queue, spools, clock: deadlines.clock }
  const holder = `${hostname()} ${randomUUID()}`
  const notices = startDeadlines(deadlines, holder, plugin)
  const index = await openIndexJob(gateway, plugin)
  const archive = await startArchive(gateway, holder, plugin)
  const interoperability = startInteroperability(gateway, holder, plugin)
  const endings = [
    watchNode(gateway, queue),
    await startMonitor(gateway, queue),
    await startAccountPage(gateway, plugin),
    startHousekeeping(household, plugin),
    () => notices.stop(),
    () => index?.stop(),
    () => archive.stop(),
    () => interoperability?.stop(),
  ]
  return () => endings.forEach((end) => end())
}
