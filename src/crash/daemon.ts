/** A process that is killed and started again, with all that descend from it. */
import { startInstance, type Instance, type InstanceOptions } from '../lab/instance.js'
import type { Chance } from './random.js'

/** The machine is busy with what else was just killed. */
const START_MS = 60_000

export class Daemon {
  private readonly options: () => InstanceOptions
  private instance: Instance | undefined

  /** `options` are asked for at each start. */
  constructor(options: () => InstanceOptions) {
    this.options = options
  }

  /** If it is not running. */
  async start(): Promise<void> {
    if (this.instance?.exited === false) return
    await this.instance?.kill() // workers may outlive their master for a moment
    this.instance = await startInstance({ startMs: START_MS, ...this.options() })
  }

  /** Kills the process itself, of a cluster the master, whose workers end with it whatever they have in hand. Whether there was one. */
  strike(): boolean {
    return this.instance !== undefined && kill(this.instance.pid)
  }

  /** Kills one of its workers, if there is any now. */
  strikeWorker(chance: Chance): boolean {
    const workers = this.instance?.pids.filter((pid) => pid !== this.instance?.pid) ?? []
    return workers.length > 0 && kill(chance.one(workers))
  }

  /** Kills all of it; resolves when it is gone. */
  async end(): Promise<void> {
    await this.instance?.kill()
  }

  get log(): string {
    return this.instance?.log ?? ''
  }
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false // it has just gone
  }
}
