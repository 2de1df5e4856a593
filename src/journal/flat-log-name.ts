/** The names of flat logs (L2), and those of a day that nobody writes any more. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../errors.js'

/** The piece of software that a flat log is of (L7). */
export type Component = 'access' | 'reception' | 'delivery' | 'deadlines' | 'antivirus' | 'signer' | 'directory' | 'gateway'

export interface FlatLogName {
  /** Letters, digits, dots and hyphens. */
  readonly server: string
  /** When its first line was written; the hour is in the name, in UTC. */
  readonly begun: Date
  readonly component: Component
  /** The process, and the number of the file where it wrote several in that hour: 4711, 4711-1. */
  readonly instance: string
}

/** A flat log of a day that is over. */
export interface ClosedFlatLog extends Omit<FlatLogName, 'component' | 'begun'> {
  readonly path: string
  readonly name: string
  /** YYYY-MM-DD, UTC. */
  readonly day: string
  readonly component: string
}

/** How long after midnight the last writer may take to let go of a file. */
const GRACE_MS = 10 * 60_000

const NAME = /^([A-Za-z0-9.-]+)_(\d{4})(\d\d)(\d\d)T\d\d_([a-z-]+)_(\d+(?:-\d+)?)\.jsonl$/

/** SERVER_YYYYMMDDTHH_COMPONENT_INSTANCE.jsonl */
export function flatLogName({ server, begun, component, instance }: FlatLogName): string {
  const hour = begun.toISOString().slice(0, 13).replaceAll('-', '')
  return `${server}_${hour}_${component}_${instance}.jsonl`
}

/** A host's name as it may stand in a file's. */
export function serverName(host: string): string {
  return host.replace(/[^A-Za-z0-9.-]+/g, '-') || 'localhost'
}

/** YYYY-MM-DD, UTC. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}

/**
 * The flat logs in `directory` of days that are over, all servers', in the order of their names: they are complete and nobody
 * writes them any more. With `day` (YYYY-MM-DD, UTC), only that day's. None where there is no such directory.
 */
export async function closedFlatLogs(directory: string, now: Date, day?: string): Promise<ClosedFlatLog[]> {
  const today = dayOf(new Date(now.getTime() - GRACE_MS))
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  })
  return names.toSorted().flatMap((name) => {
    const log = closedFlatLog(directory, name)
    return log !== undefined && log.day < today && (day === undefined || log.day === day) ? [log] : []
  })
}

function closedFlatLog(directory: string, name: string): ClosedFlatLog | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const [, server = '', year = '', month = '', date = '', component = '', instance = ''] = match
  return { path: join(directory, name), name, day: `${year}-${month}-${date}`, server, component, instance }
}
