/** A Haraka instance running as a child process: started, watched, measured, ended. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { consumption, processGroup, processTree, type Consumption } from './processes.js'
import { within } from './within.js'

export interface InstanceOptions {
  /** The instance directory: it holds config/ and queue/. */
  readonly directory: string
  /** Loopback ports that must take connections before the instance counts as started. */
  readonly ports: readonly number[]
  /** Log lines that must have come before the instance counts as started. */
  readonly readyLines?: readonly RegExp[]
  /** Bound of the wait for readiness; 20 s by default. */
  readonly startMs?: number
  /** What to run: Haraka on the directory by default. */
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /**
   * For measurements `shared`: Linux (sched_autogroup) shares the processors out among sessions first, and what has little to do waits
   * for its session's turn. It is `own` by default: then all its processes can be found and killed, also orphans.
   */
  readonly session?: 'own' | 'shared'
}

/** The folder of the Haraka this package depends on. */
export const harakaHome = dirname(require.resolve('Haraka/package.json'))

/** Runs Haraka on an instance directory. */
export function harakaCommand(directory: string): string[] {
  return [process.execPath, join(harakaHome, 'bin', 'haraka'), '-c', directory]
}

const LOG_LIMIT = 4 * 1024 * 1024

/** How the processes of an instance are found and killed, by the one that was started. */
interface Session {
  readonly pids: (pid: number) => number[]
  readonly kill: (pid: number) => void
}

const OWN_SESSION: Session = { pids: processGroup, kill: (pid) => killNow(-pid) }
// The master before its workers, or it replaces them.
const SHARED_SESSION: Session = { pids: processTree, kill: (pid) => processTree(pid).forEach(killNow) }

/**
 * Starts an instance and resolves when it is ready. Rejects, with the end of its log and everything it started ended, if it exits or is
 * not ready in time.
 */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const [program = '', ...args] = options.command ?? harakaCommand(options.directory)
  const isOwn = options.session !== 'shared'
  const child = spawn(program, args, {
    detached: isOwn,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  })
  const instance = new Instance(options.directory, child, isOwn ? OWN_SESSION : SHARED_SESSION)
  try {
    const readyLines = options.readyLines ?? []
    await within(options.startMs ?? 60_000, `${options.directory} is not ready`, async () => {
      if (instance.exited) throw new Error(`${options.directory} ended before it was ready`)
      if (!readyLines.every((line) => line.test(instance.log))) return false
      const open = await Promise.all(options.ports.map(takesConnections))
      return open.every(Boolean)
    })
    return instance
  } catch (error) {
    await instance.kill()
    throw new Error(`${String(error)}\n${instance.log.slice(-4000)}`)
  }
}

/** Log lines, of the level notice, that say that each of so many cluster workers takes connections. Until then the first gets them all. */
export function workersListening(workers: number): RegExp[] {
  return Array.from({ length: workers }, (_, at) => new RegExp(`worker ${at + 1} listening`))
}

export class Instance {
  readonly directory: string
  readonly pid: number
  private readonly child: ChildProcess
  private readonly ended: Promise<unknown>
  private readonly session: Session
  private output = ''

  constructor(directory: string, child: ChildProcess, session: Session) {
    if (child.pid === undefined) throw new Error(`cannot start ${directory}`)
    this.directory = directory
    this.child = child
    this.session = session
    this.pid = child.pid
    this.ended = once(child, 'exit')
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', this.record)
    alive.add(this)
    endWithThisProcess()
  }

  /** What all its processes wrote so far; the oldest part goes when it grows beyond some megabytes. */
  get log(): string {
    return this.output
  }

  get exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** Every process it consists of now: the one started, cluster workers, orphaned workers. */
  get pids(): readonly number[] {
    return this.session.pids(this.pid)
  }

  consumption(): Consumption {
    return consumption(this.pid)
  }

  /** Resolves when the log has a match. Rejects after `waitMs`. */
  async waitForLog(pattern: RegExp, waitMs = 30_000): Promise<void> {
    await within(waitMs, `no ${String(pattern)} in the log`, () => pattern.test(this.output))
  }

  /** SIGINT, as an operator would; what has not ended after `graceMs` is killed. Resolves to whether all ended by themselves. */
  async stop(graceMs = 15_000, signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<boolean> {
    const ended = within(graceMs, 'still running', () => this.pids.length === 0)
    if (!this.exited) this.child.kill(signal)
    const byItself = await ended.then(
      () => true,
      () => false,
    )
    await this.kill()
    return byItself
  }

  /** SIGKILL to all its processes at once, as a crash of the machine would. Resolves when they are gone. */
  async kill(): Promise<void> {
    this.killNow()
    await this.ended
    await within(20_000, 'processes outlive SIGKILL', () => this.pids.length === 0)
    alive.delete(this)
  }

  /** The same without waiting. */
  killNow(): void {
    this.session.kill(this.pid)
  }

  private readonly record = (text: string): void => {
    this.output += text
    if (this.output.length > LOG_LIMIT) this.output = this.output.slice(-LOG_LIMIT / 2)
  }
}

// Instances live in sessions of their own, so nobody else ends them when this process is told to end.
const alive = new Set<Instance>()
let watching = false

function endWithThisProcess(): void {
  if (watching) return
  watching = true
  process.once('exit', () => [...alive].forEach((instance) => instance.killNow()))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      ;[...alive].forEach((instance) => instance.killNow())
      process.kill(process.pid, signal)
    })
  }
}

/** Negative: a whole process group. */
function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ESRCH: nothing of it is left
  }
}

/** Whether something listens on a loopback port. */
export function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
