/** What happened to each message of the load, and when: from its submission to the last thing owed for it. */
import { within } from '../lab/within.js'

/**
 * accepted: the server answered 250. message: the mailbox store had the message, or the envelope that carries it.
 * acceptance, receipt: it had the sender's acceptance receipt, and the delivery receipt.
 */
export type Milestone = 'accepted' | 'message' | 'acceptance' | 'receipt'

/** Milliseconds from the start of a message to each milestone. */
export type Times = { readonly [M in Milestone]?: number }

interface Exchange {
  readonly start: number
  readonly times: { [M in Milestone]?: number }
  /** Recipients that have not reached what each of them has to. */
  readonly waiting: Map<Milestone, number>
}

/** Follows messages by their Message-ID until all the milestones of each were reached. */
export class ExchangeLog {
  private readonly milestones: readonly Milestone[]
  private readonly open = new Map<string, Exchange>()
  private done: Times[] = []
  private wake: (() => void)[] = []
  /** Messages done with, taken or not. */
  count = 0
  private begun = 0
  private refusal: string | undefined
  private first = Infinity
  private last = 0

  constructor(milestones: readonly Milestone[]) {
    this.milestones = milestones
  }

  /** Begins to follow a message that starts at `start`; gives the Message-ID it must have. */
  begin(start: number, recipients = 1): string {
    const id = `<bench-${process.pid}-${++this.begun}@client.test>`
    const waiting = new Map<Milestone, number>([
      ['message', recipients],
      ['receipt', recipients],
    ])
    this.open.set(id, { start, times: {}, waiting })
    this.first = Math.min(this.first, start)
    return id
  }

  /** Notes a milestone, once the last recipient has reached it; what is not ours, or was reached before, is left alone. */
  reach(id: string, milestone: Milestone, at: number): void {
    const exchange = this.open.get(id)
    if (exchange === undefined || milestone in exchange.times) return
    const left = (exchange.waiting.get(milestone) ?? 1) - 1
    exchange.waiting.set(milestone, left)
    if (left > 0) return
    exchange.times[milestone] = at - exchange.start
    if (!this.milestones.every((each) => each in exchange.times)) return
    this.open.delete(id)
    this.done.push(exchange.times)
    this.count++
    this.last = at
    this.wake.forEach((resolve) => resolve())
    this.wake = []
  }

  /** Notes that a message of ours was refused after all: nothing more will come, and who waits is told. */
  refuse(id: string, reason: string): void {
    if (this.open.has(id)) this.refusal = `${id}: ${reason}`
  }

  /** Resolves when fewer than `limit` messages are under way. Rejects if none gets done for `waitMs`. */
  async room(limit: number, waitMs: number): Promise<void> {
    while (this.open.size >= limit) await this.nextDone(waitMs)
  }

  /** Resolves when every message begun has reached everything. Rejects after `waitMs`, or when one was refused. */
  async drained(waitMs: number): Promise<void> {
    await within(waitMs, 'messages are still under way', () => this.open.size === 0 || this.refusal !== undefined)
    if (this.refusal !== undefined) throw new Error(this.refusal)
  }

  private nextDone(waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const stuck = () => reject(new Error(`none of ${this.open.size} messages was done with in ${waitMs} ms`))
      const timer = setTimeout(stuck, waitMs)
      this.wake.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** What is complete, and the seconds from the first start to the last milestone; begins anew. */
  take(): { readonly exchanges: readonly Times[]; readonly seconds: number } {
    const taken = { exchanges: this.done, seconds: (this.last - this.first) / 1000 }
    this.done = []
    this.first = Infinity
    return taken
  }
}
