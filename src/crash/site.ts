/**
 * A provider whose processes are killed: the workers and masters of its gateways, one per node; its mailbox store; and where it is
 * large, the server of its ledger and its antivirus.
 */
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { setKeys } from '../cli/settings.js'
import type { Authority } from '../demo/authority.js'
import { DemoProvider, type ProviderPlan } from '../demo/provider.js'
import { Mariadb } from '../lab/mariadb.js'
import { Daemon } from './daemon.js'
import type { Chance } from './random.js'
import { AHEAD_VARIABLE, Traps, TRAPS_VARIABLE } from './steps.js'

export interface SitePlan extends ProviderPlan {
  readonly workers: number
  readonly mailboxes: readonly string[]
  /** Of a provider whose ledger is in MariaDB, and that scans for viruses: where its clamd listens. */
  readonly clamd?: number
}

export interface NodePlan {
  readonly directory: string
  readonly ports: { readonly submission: number; readonly starttls: number; readonly mx: number }
}

interface Node extends NodePlan {
  readonly gateway: Daemon
}

export const PASSWORD = 'segretissimo'

/** An attempt that fails is made again soon: whoever was to take the message has only died. */
const RETRIES = '5s*1000'
const DATABASE = 'pec'

export class Site {
  readonly plan: SitePlan
  readonly provider: DemoProvider
  /** For all its processes: the first that comes by is it. */
  readonly traps: Traps
  private readonly nodes: Node[] = []
  private readonly store: Daemon
  private readonly database: Mariadb | undefined
  private readonly clamd: Daemon | undefined
  /** Milliseconds by which the clocks of its processes are ahead. */
  private ahead = 0

  private constructor(plan: SitePlan, provider: DemoProvider, database: Mariadb | undefined) {
    this.plan = plan
    this.provider = provider
    this.traps = new Traps(join(plan.directory, 'traps'))
    this.database = database
    this.store = this.helper('store.js', plan.directory, plan.ports.store)
    if (plan.clamd !== undefined) this.clamd = this.helper('scanner.js', String(plan.clamd), plan.clamd)
    this.addGateway(plan)
  }

  /** With one node. */
  static async init(plan: SitePlan, authority: Authority, signal: AbortSignal): Promise<Site> {
    const provider = await DemoProvider.init(plan, authority, signal)
    for (const mailbox of plan.mailboxes) await provider.addMailbox(mailbox, PASSWORD)
    const config = join(plan.directory, 'config')
    await setKeys(join(config, 'smtp.ini'), { main: { nodes: String(plan.workers) } })
    await setKeys(join(config, 'outbound.ini'), { main: { temp_fail_intervals: RETRIES } })
    await provider.configure({ store: { embedded: 'false' } })
    if (plan.clamd === undefined) return new Site(plan, provider, undefined)
    const database = await Mariadb.start()
    await database.run(`create database ${DATABASE}`)
    await provider.configure({
      ledger: { engine: 'mysql', socket: database.socket, database: DATABASE, user: 'root' },
      antivirus: { engine: 'clamd', socket: `127.0.0.1:${plan.clamd}` },
    })
    return new Site(plan, provider, database)
  }

  /** One more, set up as the first one is now, with a queue of its own. */
  async addNode(plan: NodePlan): Promise<void> {
    const { directory, ports } = plan
    await cp(this.plan.directory, directory, { recursive: true, verbatimSymlinks: true })
    await rm(join(directory, 'traps'), { recursive: true })
    const { submission, starttls, mx } = ports
    const listen = [mx, submission, starttls].map((port) => `127.0.0.1:${port}`).join(',')
    await setKeys(join(directory, 'config', 'smtp.ini'), { main: { listen, smtps_port: String(submission) } })
    const listeners = { submission: `${submission},${starttls}`, reception: String(mx) }
    await setKeys(join(directory, 'config', 'pec.ini'), { listeners })
    this.addGateway(plan)
  }

  /** Where users may log in: any node takes them. */
  get submissionPorts(): readonly number[] {
    return this.nodes.map(({ ports }) => ports.submission)
  }

  /** Whether a commit may stay without an answer, because the server was killed that was to give it. */
  get commitsMayBeUncertain(): boolean {
    return this.database !== undefined
  }

  /** Starts what is not running. */
  async start(): Promise<void> {
    await this.database?.start()
    await Promise.all(this.daemons.map((daemon) => daemon.start()))
  }

  /** Everything, with clocks that go ahead by so many milliseconds more. */
  async restartLater(milliseconds: number): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.end()))
    this.ahead += milliseconds
    await this.start()
  }

  /** Starts what has died and is nobody else's to start; a process is known to be dead a moment after it was killed. */
  async revive(): Promise<void> {
    await sleep(20)
    await this.start()
  }

  killWorker(chance: Chance): boolean {
    return chance.one(this.nodes).gateway.strikeWorker(chance)
  }

  killMaster(chance: Chance): boolean {
    return chance.one(this.nodes).gateway.strike()
  }

  killStore(): boolean {
    return this.store.strike()
  }

  /** False if it has none. */
  async killDatabase(): Promise<boolean> {
    await this.database?.stop()
    return this.database !== undefined
  }

  /** False if it has none. */
  killScanner(): boolean {
    return this.clamd?.strike() === true
  }

  /** For good. */
  async close(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.end()))
    await this.database?.close()
  }

  /** Names of what is in the queues of its nodes. */
  async queued(): Promise<string[]> {
    return (await Promise.all(this.nodes.map(({ directory }) => readdir(join(directory, 'queue'))))).flat()
  }

  /** What a query finds in its ledger. */
  async query(sql: string): Promise<readonly unknown[]> {
    if (this.database !== undefined) return this.database.run(sql, DATABASE)
    const ledger = new Database(join(this.plan.directory, 'ledger', 'pec.sqlite'), { readonly: true })
    try {
      return ledger.prepare(sql).all()
    } finally {
      ledger.close()
    }
  }

  get log(): string {
    return this.daemons.map(({ log }) => log).join('')
  }

  private get daemons(): readonly Daemon[] {
    const scanner = this.clamd === undefined ? [] : [this.clamd]
    return [this.store, ...scanner, ...this.nodes.map(({ gateway }) => gateway)]
  }

  private addGateway({ directory, ports }: NodePlan): void {
    const own = { directory, ports: [ports.submission, ports.mx], readyLines: [/ready for mail/] }
    this.nodes.push({ directory, ports, gateway: new Daemon(() => ({ ...own, environment: this.environment })) })
  }

  /** A program of this folder, with its one argument, that listens on a port. */
  private helper(program: string, argument: string, port: number): Daemon {
    const command = [process.execPath, join(__dirname, program), argument]
    const { directory } = this.plan
    return new Daemon(() => ({ directory, ports: [port], command, environment: this.environment }))
  }

  private get environment(): Readonly<Record<string, string>> {
    return {
      NODE_OPTIONS: `--require=${join(__dirname, 'traps.js')}`,
      [TRAPS_VARIABLE]: this.traps.directory,
      [AHEAD_VARIABLE]: String(this.ahead),
    }
  }
}
