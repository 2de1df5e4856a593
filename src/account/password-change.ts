/** People change their own passwords (O3): the temporary one that they were given, or any other. */
import type { Accounts, Secret } from '../directory/accounts.js'
import { faultOfPassword, type PasswordFault } from '../directory/chosen-password.js'
import { parseLogin, type OwnDirectory } from '../directory/own-directory.js'
import type { LoginTries } from './login-tries.js'

export interface PasswordChange {
  /** ADDRESS, ADDRESS*NAME of an operator, or NAME@DOMAIN of an administrator. */
  readonly login: string
  readonly old: string
  readonly chosen: string
  readonly again: string
}

export type PasswordChangeOutcome = 'changed' | 'wrong' | 'too-many' | 'different' | 'same' | PasswordFault

export interface PasswordChangeMeans {
  readonly directory: Pick<OwnDirectory, 'authenticate' | 'administrator'>
  /** As whoever logs in: each change is recorded. */
  readonly accountsOf: (login: string) => Accounts
  readonly tries: LoginTries
  /** Least characters of a password. */
  readonly length: number
}

export class PasswordChanges {
  private readonly means: PasswordChangeMeans

  constructor(means: PasswordChangeMeans) {
    this.means = means
  }

  /** Unknown logins take as long as known ones. Rejects with PecError if the directory or the register fails. */
  async change({ login, old, chosen, again }: PasswordChange, ip: string): Promise<PasswordChangeOutcome> {
    const name = login.trim().toLowerCase()
    if (chosen !== again) return 'different'
    if (chosen === old) return 'same'
    const fault = faultOfPassword(chosen, name, this.means.length)
    if (fault !== undefined) return fault
    if (!this.means.tries.take(name, ip)) return 'too-many'
    const { directory, accountsOf } = this.means
    const secret = { password: chosen, until: undefined }
    const mailbox = await directory.authenticate(name, old)
    if (mailbox === undefined) return this.changeAdministrators(name, old, secret)
    if (mailbox.state === 'closed') return 'wrong'
    const { operator } = parseLogin(name)
    const accounts = accountsOf(name)
    if (operator === undefined) await accounts.setPassword(mailbox.address, secret)
    else await accounts.setOperator(mailbox.address, operator, secret)
    return 'changed'
  }

  private async changeAdministrators(login: string, old: string, secret: Secret): Promise<'changed' | 'wrong'> {
    const administrator = await this.means.directory.administrator(login, old)
    if (administrator?.state !== 'active') return 'wrong'
    await this.means.accountsOf(login).setAdministratorPassword(login, secret)
    return 'changed'
  }
}
