/** What fails in the workers, told to the master over the cluster's own channel: alarms are the node's, not a process's. */
import cluster, { type Worker } from 'node:cluster'
import type { Failed, Recovered } from '../watch/occurrence.js'
import type { Listeners } from '../watch/listeners.js'

/** An occurrence as JSON. */
interface Told {
  readonly pecTrouble: string
}

/** In a worker: whatever fails or works again is told to the master. Returns what ends it. */
export function tellMaster(watch: Listeners): () => void {
  return watch.listen((occurrence) => {
    if (occurrence.kind !== 'failure' && occurrence.kind !== 'recovery') return
    const told: Told = { pecTrouble: JSON.stringify(occurrence) }
    if (process.connected) process.send?.(told)
  })
}

export interface WorkersListener {
  readonly hear: (worker: number, occurrence: Failed | Recovered) => void
  /** A worker has ended. */
  readonly forget: (worker: number) => void
}

/** In the master: hears all workers, those of now and those to come. Returns what ends it. */
export function hearWorkers({ hear, forget }: WorkersListener): () => void {
  const onMessage = (worker: Worker, message: unknown): void => {
    if (isTold(message)) hear(worker.id, read(message))
  }
  const onExit = (worker: Worker): void => forget(worker.id)
  cluster.on('message', onMessage)
  cluster.on('exit', onExit)
  return () => {
    cluster.off('message', onMessage)
    cluster.off('exit', onExit)
  }
}

function isTold(message: unknown): message is Told {
  return typeof message === 'object' && message !== null && 'pecTrouble' in message && typeof message.pecTrouble === 'string'
}

function read({ pecTrouble }: Told): Failed | Recovered {
  return JSON.parse(pecTrouble, (key, value: unknown) =>
    (key === 'at' || key === 'since') && typeof value === 'string' ? new Date(value) : value,
  ) as Failed | Recovered
}
