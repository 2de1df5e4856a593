/** A provider whose processes are killed: the workers and the master of its gateway, and its mailbox store. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setKeys } from '../cli/settings.js'
import type { Authority } from '../demo/authority.js'
import { DemoProvider, type ProviderPlan } from '../demo/provider.js'
import { startInstance, type Instance } from '../lab/instance.js'
import type { Chance } from './random.js'
import { AHEAD_VARIABLE, Traps, TRAPS_VARIABLE } from './steps.js'

export interface SitePlan extends ProviderPlan {
  readonly workers: number
  readonly mailboxes: readonly string[]
}

export const PASSWORD = 'segreto'

/** An attempt that fails is made again soon: whoever was to take the message has only died. */
const RETRIES = '5s*1000'

export class Site {
  readonly plan: SitePlan
  readonly provider: DemoProvider
  readonly traps: Traps
  private gateway: Instance | undefined
  private store: Instance | undefined
  /** Milliseconds by which the clocks of its processes are ahead. */
  private ahead = 0

  private constructor(plan: SitePlan, provider: DemoProvider) {
    this.plan = plan
    this.provider = provider
    this.traps = new Traps(join(plan.directory, 'traps'))
  }

  static async init(plan: SitePlan, authority: Authority, signal: AbortSignal): Promise<Site> {
    const provider = await DemoProvider.init(plan, authority, signal)
    for (const mailbox of plan.mailboxes) await provider.addMailbox(mailbox, PASSWORD)
    const config = join(plan.directory, 'config')
    await setKeys(join(config, 'pec.ini'), { store: { embedded: 'false' } })
    await setKeys(join(config, 'smtp.ini'), { main: { nodes: String(plan.workers) } })
    await setKeys(join(config, 'outbound.ini'), { main: { temp_fail_intervals: RETRIES } })
    return new Site(plan, provider)
  }

  /** Starts what is not running. */
  async start(): Promise<void> {
    await Promise.all([this.startStore(), this.startGateway()])
  }

  async startStore(): Promise<void> {
    if (this.store?.exited === false) return
    const { directory, ports } = this.plan
    const command = [process.execPath, join(__dirname, 'store.js'), directory]
    this.store = await startInstance({
      directory,
      ports: [ports.store],
      command,
      environment: this.environment,
      startMs: START_MS,
    })
  }

  async startGateway(): Promise<void> {
    if (this.gateway?.exited === false) return
    await this.gateway?.kill() // workers may outlive their master for a moment
    const { directory, ports } = this.plan
    const own = { directory, ports: [ports.submission, ports.mx], readyLines: [/ready for mail/] }
    this.gateway = await startInstance({ ...own, environment: this.environment, startMs: START_MS })
  }

  /** Everything, with clocks that go ahead by so many milliseconds more. */
  async restartLater(milliseconds: number): Promise<void> {
    await this.killAll()
    this.ahead += milliseconds
    await this.start()
  }

  /** Starts what has died and is nobody else's to start; a process is known to be dead a moment after it was killed. */
  async revive(): Promise<void> {
    await sleep(20)
    await this.start()
  }

  /** One of its workers, if there is any now. */
  killWorker(chance: Chance): boolean {
    const workers = this.gateway?.pids.filter((pid) => pid !== this.gateway?.pid) ?? []
    return workers.length > 0 && kill(chance.one(workers))
  }

  /** Its workers end with it, whatever they have in hand. */
  killMaster(): boolean {
    return this.gateway !== undefined && kill(this.gateway.pid)
  }

  killStore(): boolean {
    return this.store !== undefined && kill(this.store.pid)
  }

  async killAll(): Promise<void> {
    await Promise.all([this.gateway?.kill(), this.store?.kill()])
  }

  /** Names of what is in its queue. */
  queued(): Promise<string[]> {
    return readdir(join(this.plan.directory, 'queue'))
  }

  get log(): string {
    return `${this.gateway?.log ?? ''}${this.store?.log ?? ''}`
  }

  private get environment(): Readonly<Record<string, string>> {
    return {
      NODE_OPTIONS: `--require=${join(__dirname, 'traps.js')}`,
      [TRAPS_VARIABLE]: this.traps.directory,
      [AHEAD_VARIABLE]: String(this.ahead),
    }
  }
}

/** The machine is busy with what else was just killed. */
const START_MS = 60_000

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false // it has just gone
  }
}
