/** Tries of a login, and of a client, whatever page they are made on: nobody guesses passwords at leisure. */
import type { Clock } from '../points/ports.js'
import { Attempts } from './attempts.js'
import { networkOf } from './network.js'

/** In a quarter of an hour. */
const MOST = { login: 10, client: 50, period: 15 * 60_000 } as const

export class LoginTries {
  private readonly logins: Attempts
  private readonly clients: Attempts

  constructor(clock: Clock) {
    this.logins = new Attempts(clock, MOST.login, MOST.period)
    this.clients = new Attempts(clock, MOST.client, MOST.period)
  }

  /** Counts a try; false if there were too many before it. */
  take(login: string, ip: string): boolean {
    return this.clients.take(networkOf(ip)) && this.logins.take(login)
  }

  /** The try was right: it does not count. */
  giveBack(login: string, ip: string): void {
    this.clients.giveBack(networkOf(ip))
    this.logins.giveBack(login)
  }
}
