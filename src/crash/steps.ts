/** The named steps at which a process can be made to die, and how one is told to: by a file, a trap, that it takes away first. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** In the processes of a gateway. */
export const GATEWAY_STEPS = [
  'during-data',
  'before-prepare',
  'while-preparing',
  'between-prepare-and-commit',
  'after-commit',
  'store-answered',
  'receipt-prepared',
  'receipt-committed',
  'in-delivered',
  'after-delivered',
  'in-bounce',
] as const

/** In the process of a mailbox store. */
export const STORE_STEPS = ['message-stored'] as const

export type CrashStep = (typeof GATEWAY_STEPS)[number] | (typeof STORE_STEPS)[number]

/** Names the directory of the traps to the processes of an instance. */
export const TRAPS_VARIABLE = 'PEC_CRASH_TRAPS'
/** Milliseconds by which their clocks are ahead. */
export const AHEAD_VARIABLE = 'PEC_CRASH_AHEAD'

/** The traps of one instance. */
export class Traps {
  readonly directory: string
  private readonly pending = new Set<CrashStep>()

  constructor(directory: string) {
    this.directory = directory
    mkdirSync(directory, { recursive: true })
  }

  /** The next process to come by this step dies there. */
  set(step: CrashStep): void {
    this.pending.add(step)
    writeFileSync(join(this.directory, step), '')
  }

  /** Those that have killed since they were set; each is told once. */
  sprung(): CrashStep[] {
    const gone = [...this.pending].filter((step) => !existsSync(join(this.directory, step)))
    for (const step of gone) this.pending.delete(step)
    return gone
  }

  /** Takes away those that nobody has come by. */
  clear(): void {
    for (const step of this.pending) rmSync(join(this.directory, step), { force: true })
    this.pending.clear()
  }

  /** Of several processes only one gets it. */
  spring(step: CrashStep): boolean {
    try {
      renameSync(join(this.directory, step), join(this.directory, `${step}.${process.pid}`))
      return true
    } catch {
      return false // none is set
    }
  }
}
