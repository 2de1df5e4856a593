/**
 * Flat logs on their way into the archive. Each node has its own on its own disk; once their day is over it hands them in, to a folder
 * of the archive that all nodes share, and whoever archives the day packs what is there. What comes later goes with a later day.
 */
import { copyFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { closedFlatLogs } from '../journal/flat-log-name.js'
import { makeFolder, publish, unfinished } from './place.js'

/** Days that a node keeps a log which it has handed in. */
const KEPT_DAYS = 31

export function logsFolder(folder: string): string {
  return join(folder, 'incoming')
}

/** The logs handed in that are of a day, or of an earlier one. */
export async function handedInFor(folder: string, day: string, now: Date): Promise<string[]> {
  const incoming = logsFolder(folder)
  await makeFolder(incoming)
  return (await closedFlatLogs(incoming, now)).filter((log) => log.day <= day).map(({ name }) => name)
}

/** Hands in a node's logs of the days that are over, and moves them to the folder `archived` of its own. */
export async function handIn(logs: string, folder: string, now: Date): Promise<void> {
  const incoming = logsFolder(folder)
  const archived = join(logs, 'archived')
  await Promise.all([logs, incoming, archived].map(makeFolder))
  for (const { path, name } of await closedFlatLogs(logs, now)) {
    const draft = unfinished(join(incoming, name))
    try {
      await copyFile(path, draft)
      // Of a process that died after this and before the last step.
      await rm(join(incoming, name), { force: true })
      await publish(draft, join(incoming, name))
    } finally {
      await rm(draft, { force: true })
    }
    await rename(path, join(archived, name))
  }
  const old = now.getTime() - KEPT_DAYS * 86_400_000
  for (const { path } of await closedFlatLogs(archived, now)) if ((await stat(path)).mtimeMs < old) await rm(path)
}
