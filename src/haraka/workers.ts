/**
 * The worker processes, as the master handles them: replaced one after the other while the listeners go on, and ended together. Haraka
 * can do both, but ends sessions after half a minute, leaves nobody listening where there is one worker only, and no longer replaces
 * workers that die once it has replaced them all.
 */
import cluster, { type Worker } from 'node:cluster'
import { PecError } from '../errors.js'
import type { Logger } from './types.js'

/** What a worker tells its master of its gateway. */
export type WorkerWord = { readonly event: 'pec.ready' } | { readonly event: 'pec.fault'; readonly reason: string }

/** How long a new worker may take until its gateway is open. */
const OPENING_MS = 60_000

export class Workers {
  private readonly log: Logger
  /** Ids of those that have been told to go. */
  private readonly leaving = new Set<number>()
  private hasTakenOver = false
  private isStopping = false

  constructor(log: Logger) {
    this.log = log
  }

  /**
   * Replaces every worker: the next is open before the old one is told to go, which finishes its sessions within `patienceMs`. Resolves
   * to their number once all new ones are at work. Rejects with PecError 'configuration', with the old ones going on, if a new one
   * cannot open its gateway.
   */
  async replaceAll(patienceMs: number): Promise<number> {
    this.takeOver()
    const old = this.atWork()
    for (const worker of old) {
      if (this.isStopping) break
      const successor = cluster.fork({ CLUSTER_MASTER_PID: String(process.pid) })
      await this.opening(successor)
      void this.retire(worker, patienceMs).then(() => inherit(successor, worker))
    }
    return old.length
  }

  /** Tells all to go; resolves when they have gone, or were killed after `patienceMs`. */
  async stop(patienceMs: number): Promise<void> {
    this.isStopping = true
    this.takeOver()
    await Promise.all(all().map((worker) => this.retire(worker, patienceMs)))
  }

  private atWork(): Worker[] {
    return Object.values(cluster.workers ?? {}).filter(
      (worker) => worker !== undefined && !this.leaving.has(worker.id),
    ) as Worker[]
  }

  /** Haraka replaces each worker that ends by a signal: not those that are to go. */
  private takeOver(): void {
    if (this.hasTakenOver) return
    this.hasTakenOver = true
    const replacing = cluster.listeners('exit')
    cluster.removeAllListeners('exit')
    cluster.on('exit', (worker, code: number, signal: string) => {
      if (this.leaving.has(worker.id)) this.log.lognotice(`worker ${worker.id} (process ${String(worker.process.pid)}) has gone`)
      else if (!this.isStopping) for (const replace of replacing) replace.call(cluster, worker, code, signal)
    })
  }

  private async opening(worker: Worker): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (reason: string): void =>
          reject(new PecError('configuration', `a new worker cannot open its gateway, the old ones go on: ${reason}`))
        const timer = setTimeout(() => fail(`not open within ${OPENING_MS / 1000} s`), OPENING_MS)
        worker.once('exit', () => fail('it has ended, the log says why'))
        worker.on('message', (word: WorkerWord) => {
          if (word.event === 'pec.ready') resolve()
          if (word.event === 'pec.fault') fail(word.reason)
          clearTimeout(timer)
        })
      })
    } catch (error) {
      await this.retire(worker, 0)
      throw error
    }
  }

  /** Resolves when it has gone. */
  private async retire(worker: Worker, patienceMs: number): Promise<void> {
    if (worker.isDead()) return
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const { pid } = worker.process
    const kill = setTimeout(() => {
      this.log.logwarn(`worker ${worker.id} (process ${String(pid)}) has work in hand after ${patienceMs / 1000} s: it is killed`)
      worker.process.kill('SIGKILL')
    }, patienceMs)
    if (!this.leaving.has(worker.id) && worker.isConnected()) {
      for (const part of ['outbound', 'cfreader', 'plugins']) worker.send({ event: `${part}.shutdown` })
      worker.disconnect()
    }
    this.leaving.add(worker.id)
    await gone
    clearTimeout(kill)
  }
}

function all(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
}

/** Messages that wait in the queue for their next attempt. */
function inherit(heir: Worker, { process: { pid } }: Worker): void {
  if (heir.isConnected()) heir.send({ event: 'outbound.load_pid_queue', data: pid })
}
