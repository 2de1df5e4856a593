/**
 * Passwords that were found right a moment ago. An application mailbox opens a session for every few messages, and the 50 ms of
 * scrypt for each would be most of the work of a submission.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../points/ports.js'

export interface Login {
  readonly address: string
  readonly password: string
  /** The stored hash that the password was compared with: a new one makes a different login. */
  readonly stored: string
}

interface Remembered {
  readonly mac: Buffer
  /** Milliseconds. */
  readonly until: number
}

export class RecentLogins {
  private readonly clock: Clock
  private readonly lifetime: number
  private readonly capacity: number
  /** Of this process only, so that what is remembered is worth nothing outside it. */
  private readonly key = randomBytes(32)
  private readonly entries = new Map<string, Remembered>()

  /** `lifetime` in milliseconds; beyond `capacity` addresses the oldest is forgotten. */
  constructor(clock: Clock, lifetime = 60_000, capacity = 10_000) {
    this.clock = clock
    this.lifetime = lifetime
    this.capacity = capacity
  }

  has(login: Login): boolean {
    const entry = this.entries.get(login.address)
    if (entry === undefined) return false
    if (entry.until <= this.clock().getTime()) {
      this.entries.delete(login.address)
      return false
    }
    return timingSafeEqual(entry.mac, this.macOf(login))
  }

  /** Remembers a login that was just verified; its lifetime is not renewed by use. */
  add(login: Login): void {
    this.entries.delete(login.address)
    this.entries.set(login.address, { mac: this.macOf(login), until: this.clock().getTime() + this.lifetime })
    if (this.entries.size <= this.capacity) return
    const [oldest] = this.entries.keys()
    if (oldest !== undefined) this.entries.delete(oldest)
  }

  private macOf({ address, password, stored }: Login): Buffer {
    return createHmac('sha256', this.key)
      .update(JSON.stringify([address, stored, password]))
      .digest()
  }
}
