/**
 * Which parts work. A part that fails is told of once when it stops and once when it works again, with reminders in between: a
 * database that is away fails at every message.
 */
import { isPecError, reasonOf } from '../errors.js'
import type { Clock } from '../points/ports.js'
import type { Part, Watch } from './occurrence.js'

/** Between two reminders. */
const REMINDER_MS = 5 * 60_000

interface Trouble {
  readonly since: Date
  reason: string
  count: number
  toldAt: number
}

export class Health {
  private readonly watch: Watch
  private readonly clock: Clock
  private readonly troubles = new Map<Part, Trouble>()

  constructor(watch: Watch, clock: Clock) {
    this.watch = watch
    this.clock = clock
  }

  /** The parts that do not work now, with the reason told last. */
  get down(): ReadonlyMap<Part, { readonly since: Date; readonly reason: string }> {
    return this.troubles
  }

  failed(part: Part, error: unknown): void {
    const at = this.clock()
    const known = this.troubles.get(part)
    const trouble = known ?? { since: at, reason: '', count: 0, toldAt: -Infinity }
    trouble.count++
    trouble.reason = fullReasonOf(error)
    if (known === undefined) this.troubles.set(part, trouble)
    else if (at.getTime() - trouble.toldAt < REMINDER_MS) return
    trouble.toldAt = at.getTime()
    const code = isPecError(error) ? error.code : 'bug'
    const { since, count, reason } = trouble
    this.watch.tell({ kind: 'failure', at, part, code, reason, since, count })
  }

  works(part: Part): void {
    const trouble = this.troubles.get(part)
    if (trouble === undefined) return
    this.troubles.delete(part)
    const { since, count } = trouble
    this.watch.tell({ kind: 'recovery', at: this.clock(), part, since, count })
  }

  /** The outcome of some work of a part; `isFailure` tells which errors are the part's own. */
  async of<T>(part: Part, work: Promise<T>, isFailure: (error: unknown) => boolean = isOperational): Promise<T> {
    const result = await this.failuresOf(part, work, isFailure)
    this.works(part)
    return result
  }

  /** The same for work whose success does not show that the part works. */
  async failuresOf<T>(part: Part, work: Promise<T>, isFailure: (error: unknown) => boolean = isOperational): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (isFailure(error)) this.failed(part, error)
      throw error
    }
  }
}

/** Something that did not work, and not what the work was about: a claim that is taken, an input out of bounds. */
function isOperational(error: unknown): boolean {
  return !isPecError(error) || error.temporary
}

function fullReasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : ''
  const reason = reasonOf(error)
  return cause === '' || reason.includes(cause) ? reason : `${reason}: ${cause}`
}
