/** People change their own passwords (O3): the temporary one that they were given, or any other. */
import { isIPv6 } from 'node:net'
import type { Accounts } from '../directory/accounts.js'
import { faultOfPassword, type PasswordFault } from '../directory/chosen-password.js'
import { parseLogin, type OwnDirectory } from '../directory/own-directory.js'
import type { Clock } from '../points/ports.js'
import { Attempts } from './attempts.js'

export interface PasswordChange {
  /** ADDRESS, or ADDRESS*NAME of an operator. */
  readonly login: string
  readonly old: string
  readonly chosen: string
  readonly again: string
}

export type PasswordChangeOutcome = 'changed' | 'wrong' | 'too-many' | 'different' | 'same' | PasswordFault

export interface PasswordChangeMeans {
  readonly directory: Pick<OwnDirectory, 'authenticate'>
  /** As whoever logs in: each change is recorded. */
  readonly accountsOf: (login: string) => Accounts
  readonly clock: Clock
  /** Least characters of a password. */
  readonly length: number
}

/** Tries of a login, and of a client, in a quarter of an hour. */
const TRIES = { login: 10, client: 50, period: 15 * 60_000 } as const

export class PasswordChanges {
  private readonly means: PasswordChangeMeans
  private readonly logins: Attempts
  private readonly clients: Attempts

  constructor(means: PasswordChangeMeans) {
    this.means = means
    this.logins = new Attempts(means.clock, TRIES.login, TRIES.period)
    this.clients = new Attempts(means.clock, TRIES.client, TRIES.period)
  }

  /** Unknown logins take as long as known ones. Rejects with PecError if the directory or the register fails. */
  async change({ login, old, chosen, again }: PasswordChange, ip: string): Promise<PasswordChangeOutcome> {
    const name = login.trim().toLowerCase()
    if (chosen !== again) return 'different'
    if (chosen === old) return 'same'
    const fault = faultOfPassword(chosen, name, this.means.length)
    if (fault !== undefined) return fault
    if (!this.clients.take(networkOf(ip)) || !this.logins.take(name)) return 'too-many'
    const mailbox = await this.means.directory.authenticate(name, old)
    if (mailbox === undefined || mailbox.state === 'closed') return 'wrong'
    const { operator } = parseLogin(name)
    const accounts = this.means.accountsOf(name)
    const secret = { password: chosen, until: undefined }
    if (operator === undefined) await accounts.setPassword(mailbox.address, secret)
    else await accounts.setOperator(mailbox.address, operator, secret)
    return 'changed'
  }
}

/** Who has one IPv6 address has all of its network. */
function networkOf(ip: string): string {
  if (!isIPv6(ip) || ip.startsWith('::')) return ip
  const [head = '', tail] = ip.split('::')
  const groups = head.split(':')
  return (tail === undefined ? groups : [...groups, '0', '0', '0', '0']).slice(0, 4).join(':')
}
