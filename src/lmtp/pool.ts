/** Connections to the mailbox store, shared by the deliveries of one process. */
import type { Source } from '../mail/source.js'
import { LmtpConnection, type StoreAddress } from './connection.js'
import type { Reply } from './replies.js'

export interface PoolLimits {
  /** Connections at the same time. */
  readonly connections: number
  /** Deliveries that may wait for one. */
  readonly waiting: number
}

type Conclude = (reply: Reply) => Promise<void> | undefined

/** Milliseconds after which an unused connection is ended, before the store would: Dovecot and others wait a minute or more. */
const IDLE_MS = 20_000

export class LmtpPool {
  private readonly address: StoreAddress
  private readonly limits: PoolLimits
  private readonly idle: { readonly connection: LmtpConnection; readonly since: number }[] = []
  private readonly queue: (() => void)[] = []
  private busy = 0
  private isClosing = false
  private readonly sweeper: NodeJS.Timeout

  constructor(address: StoreAddress, limits: PoolLimits) {
    this.address = address
    this.limits = limits
    this.sweeper = setInterval(() => this.sweep(performance.now() - IDLE_MS), IDLE_MS / 4).unref()
  }

  /** Whether another delivery would have to wait behind too many. */
  get isFull(): boolean {
    return this.queue.length >= this.limits.waiting
  }

  /** Whether a delivery is under way or waits. */
  get isBusy(): boolean {
    return this.busy > 0
  }

  /**
   * A turn for one delivery, which resolves when it may begin, with what ends it. What the store has taken and nobody has taken note
   * of is delivered again after a crash: no more deliveries are between the two than there are connections, whoever makes them.
   */
  async turn(): Promise<() => void> {
    if (this.busy < this.limits.connections) this.busy++
    else await new Promise<void>((resolve) => this.queue.push(resolve))
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const next = this.queue.shift()
      // Who waits takes over the turn.
      if (next === undefined) this.busy--
      else next()
    }
  }

  /**
   * Delivers to one recipient, and does with the reply what must be done, all in one turn; resolves with the reply.
   * Rejects with PecError 'store', temporary, as LmtpConnection does.
   */
  async deliver(from: string, to: string, message: Source, conclude: Conclude = () => undefined): Promise<Reply> {
    const endTurn = await this.turn()
    try {
      const connection = this.reuse() ?? (await LmtpConnection.open(this.address))
      const reply = await connection.deliver(from, to, message)
      if (this.isClosing) connection.quit()
      else if (connection.usable) this.idle.push({ connection, since: performance.now() })
      await conclude(reply)
      return reply
    } finally {
      endTurn()
    }
  }

  /** Keeps no connection from now on; what is under way or still comes is delivered. */
  close(): void {
    this.isClosing = true
    clearInterval(this.sweeper)
    this.sweep(Infinity)
  }

  private reuse(): LmtpConnection | undefined {
    for (let kept = this.idle.pop(); kept !== undefined; kept = this.idle.pop())
      if (kept.connection.usable) return kept.connection
    return undefined
  }

  /** Ends what has not been used since. */
  private sweep(before: number): void {
    const stale = this.idle.filter(({ since }) => since < before)
    this.idle.splice(0, this.idle.length, ...this.idle.filter(({ since }) => since >= before))
    for (const { connection } of stale) connection.quit()
  }
}
