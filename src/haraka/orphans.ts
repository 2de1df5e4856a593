/**
 * Queue files whose process is dead. Haraka tells the worker that replaces a dead one to take up its files; when that worker dies
 * too before it has, nobody knows of them until the next start. The master looks after them.
 */
import cluster from 'node:cluster'
import { readdir } from 'node:fs/promises'
import { reasonOf } from '../errors.js'
import type { Logger } from './types.js'

const EVERY_MS = 5_000

/** A worker of this node, as `node:cluster` has it. */
export interface Taker {
  readonly pid: number | undefined
  /** Whether it has begun to take connections: one that is only starting may still be told by Haraka. */
  readonly isListening: boolean
  send(message: Readonly<Record<string, unknown>>): void
}

/** Looks every few seconds, in the master of a cluster. Returns what stops it. */
export function startRescue(directory: string, log: Logger): () => void {
  const rescue = openRescue(directory, clusterWorkers, log)
  const timer = setInterval(() => void rescue(), EVERY_MS).unref()
  return () => clearInterval(timer)
}

/**
 * One look: files that were nobody's at the last one too are given to a worker. Two workers may be told of the same files, by Haraka
 * and by us: they take them by renaming, and each comes to one of them. Never rejects.
 */
export function openRescue(directory: string, workers: () => readonly Taker[], log: Logger): () => Promise<void> {
  let before: ReadonlySet<string> = new Set()
  let turn = 0
  return async () => {
    try {
      const names = await readdir(directory)
      const alive = new Set([process.pid, ...workers().map(({ pid }) => pid)].map(String))
      const owners = new Set(
        names
          .sort()
          .map(ownerOf)
          .filter((owner) => owner !== undefined),
      )
      const orphaned = new Set([...owners].filter((owner) => !alive.has(owner)))
      const takers = workers().filter(({ isListening }) => isListening)
      for (const owner of [...orphaned].filter((each) => before.has(each))) {
        const taker = takers[turn++ % takers.length]
        if (taker === undefined) break
        log.lognotice(`the queue files of process ${owner}, which is dead, go to process ${String(taker.pid)}`)
        taker.send({ event: 'outbound.load_pid_queue', data: owner })
      }
      before = orphaned
    } catch (error) {
      log.logerror(`the queue could not be searched for files of dead processes: ${reasonOf(error)}`)
    }
  }
}

/** The process that a file of Haraka's queue belongs to; undefined for other files. */
function ownerOf(name: string): string | undefined {
  return /^\d+_\d+_\d+_(\d+)_\w+_\d+_[^_]*$/.exec(name)?.[1]
}

function clusterWorkers(): Taker[] {
  return Object.values(cluster.workers ?? {}).flatMap((worker) => {
    if (worker === undefined) return []
    const isListening = worker.isConnected() && 'state' in worker && worker.state === 'listening'
    return [{ pid: worker.process.pid, isListening, send: (message) => void worker.send(message) }]
  })
}
