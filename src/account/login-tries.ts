/**
 * Tries of a login, and of a client, whatever page they are made on: nobody guesses passwords at leisure. Whoever tries from one network
 * does not keep the owner of a login out, who is elsewhere; only many networks together do.
 */
import type { Clock } from '../points/ports.js'
import { Attempts } from './attempts.js'
import { keyOf, networkOf } from './network.js'

/** In a quarter of an hour: of a login from one network, of a login from all of them, of a client. */
const MOST = { login: 10, everywhere: 100, client: 50, period: 15 * 60_000 } as const

export class LoginTries {
  private readonly logins: Attempts
  private readonly everywhere: Attempts
  private readonly clients: Attempts

  constructor(clock: Clock) {
    this.logins = new Attempts(clock, MOST.login, MOST.period)
    this.everywhere = new Attempts(clock, MOST.everywhere, MOST.period)
    this.clients = new Attempts(clock, MOST.client, MOST.period)
  }

  /** Counts a try; false if there were too many before it. */
  take(login: string, ip: string): boolean {
    return this.clients.take(networkOf(ip)) && this.logins.take(keyOf(login, ip)) && this.everywhere.take(login)
  }

  /** The try was right: it does not count. */
  giveBack(login: string, ip: string): void {
    this.clients.giveBack(networkOf(ip))
    this.logins.giveBack(keyOf(login, ip))
    this.everywhere.giveBack(login)
  }
}
