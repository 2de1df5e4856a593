/** One system under measurement with its mailbox store, its sessions and its directory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reasonOf } from '../errors.js'
import type { Instance } from '../lab/instance.js'
import type { SinkMessage } from '../lab/sink.js'
import type { SmtpClient } from '../lab/smtp-client.js'
import { ExchangeLog } from './exchange.js'
import type { Load } from './load.js'
import { startMailboxStore } from './mailbox-store.js'
import { messageMaker } from './message.js'
import type { Running, System } from './system.js'

export interface RigOptions {
  readonly workers: number
  readonly sessions: number
  /** Told of every arrival in the mailbox store. */
  readonly seen?: (message: SinkMessage) => void
}

/** Starts a system in a temporary directory, uses it, and ends and removes it whatever happens. */
export async function withRig<T>(system: System, options: RigOptions, use: (rig: Rig) => Promise<T>): Promise<T> {
  const log = new ExchangeLog(system.milestones)
  const store = await startMailboxStore(log, options.seen)
  const directory = await mkdtemp(join(tmpdir(), `pec-bench-${system.name}-`))
  const sessions: SmtpClient[] = []
  let running: Running | undefined
  try {
    running = await system.start(directory, options.workers, store.port)
    for (let count = 0; count < options.sessions; count++) sessions.push(await running.connect())
    const rig = new Rig(running, log, sessions)
    return await use(rig)
  } catch (error) {
    throw new Error(`${system.name}: ${reasonOf(error)}\n${running?.instance.log.slice(-2000) ?? ''}`, { cause: error })
  } finally {
    // A graceful end waits for open sessions.
    for (const session of sessions) session.destroy()
    await running?.instance.stop()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  }
}

export class Rig {
  readonly instance: Instance
  readonly log: ExchangeLog
  private readonly running: Running
  private readonly sessions: readonly SmtpClient[]

  constructor(running: Running, log: ExchangeLog, sessions: readonly SmtpClient[]) {
    this.instance = running.instance
    this.running = running
    this.log = log
    this.sessions = sessions
  }

  /** Messages of `size` bytes to its recipient, or to others. */
  readonly load = (size: number, to: readonly string[] = [this.running.to]): Load => {
    const messages = messageMaker(size, this.running.from, to)
    return { sessions: this.sessions, next: () => messages, log: this.log }
  }
}
