/**
 * Wrong passwords of mail programs. A login is counted for each network by itself: whoever guesses is stopped, and does not keep its
 * owner, who is elsewhere, from sending. What is right is never counted: a program may log in as often, and as many times at once, as it likes.
 */
import type { Clock } from '../points/ports.js'
import { Attempts } from './attempts.js'
import { keyOf, networkOf } from './network.js'

/** In a quarter of an hour. */
export interface FailureLimits {
  /** Of one login, from one network. */
  readonly login: number
  /** From one network. */
  readonly network: number
}

const PERIOD_MS = 15 * 60_000

export class LoginFailures {
  private readonly logins: Attempts
  private readonly networks: Attempts

  constructor(clock: Clock, { login, network }: FailureLimits) {
    this.logins = new Attempts(clock, login, PERIOD_MS)
    this.networks = new Attempts(clock, network, PERIOD_MS)
  }

  /** Whether another password may be tried: it is not looked at otherwise, be it right or wrong. */
  mayTry(login: string, ip: string): boolean {
    return !this.networks.isSpent(networkOf(ip)) && !this.logins.isSpent(keyOf(login, ip))
  }

  /** The password was wrong. A program that goes on with an old one does not use up what others of its network have. */
  add(login: string, ip: string): void {
    if (this.logins.take(keyOf(login, ip))) this.networks.take(networkOf(ip))
  }
}
