/** What the administrator of a domain does on the page (O3): one act at a time, each with the password, so that no session can be stolen. */
import { isDay } from '../directory/directory-contents.js'
import { admitAdministrator } from '../directory/admission.js'
import type { Account, Accounts } from '../directory/accounts.js'
import { makePassword } from '../directory/chosen-password.js'
import type { OwnDirectory } from '../directory/own-directory.js'
import { isPecError, reasonOf } from '../errors.js'
import type { Clock } from '../points/ports.js'
import { Attempts } from './attempts.js'
import type { LoginTries } from './login-tries.js'

export const ACTS = ['list', 'add', 'password', 'suspend', 'resume', 'close', 'renewal'] as const
export type Act = (typeof ACTS)[number]

export interface ActRequest {
  /** NAME@DOMAIN */
  readonly login: string
  readonly password: string
  readonly act: Act
  /** Of the mailbox; '' for the list. */
  readonly address: string
  /** YYYY-MM-DD, of the renewal; '' for none. */
  readonly day: string
}

export type ActOutcome =
  | { readonly kind: 'done' }
  /** A mailbox has this temporary password now. */
  | { readonly kind: 'password'; readonly password: string; readonly until: Date }
  | { readonly kind: 'list'; readonly accounts: readonly Account[] }
  | { readonly kind: 'wrong' | 'suspended' | 'temporary' | 'too-many' | 'bad-day' | 'refused' }

export interface AdministrationMeans {
  readonly directory: Pick<OwnDirectory, 'administrator'>
  /** As this administrator, within the limits of the domain: each change is recorded. */
  readonly accountsOf: (login: string, domain: string) => Accounts
  readonly clock: Clock
  readonly tries: LoginTries
  /** Days that a temporary password lasts. */
  readonly passwordDays: number
  /** Why something was refused, for the log. */
  readonly onRefusal: (line: string) => void
}

/** Not whom: people write passwords into the wrong field. */
const REASONS = { wrong: 'wrong login or password', suspended: 'suspended', temporary: 'temporary password' } as const
const DAY_MS = 86_400_000
/** Acts of an administrator in a quarter of an hour. */
const MOST_ACTS = { count: 200, period: 15 * 60_000 } as const

export class Administration {
  private readonly means: AdministrationMeans
  private readonly acts: Attempts

  constructor(means: AdministrationMeans) {
    this.means = means
    this.acts = new Attempts(means.clock, MOST_ACTS.count, MOST_ACTS.period)
  }

  /** Rejects with PecError if the directory or the register fails. */
  async perform(request: ActRequest, ip: string): Promise<ActOutcome> {
    const { directory, tries, accountsOf, onRefusal } = this.means
    const name = request.login.trim().toLowerCase()
    if (!tries.take(name, ip)) return { kind: 'too-many' }
    const admission = await admitAdministrator(directory, name, request.password)
    if (!admission.admitted) {
      onRefusal(`an administrator was not let in, from ${ip}: ${REASONS[admission.why]}`)
      return { kind: admission.why }
    }
    tries.giveBack(name, ip)
    if (!this.acts.take(admission.login)) return { kind: 'too-many' }
    try {
      return await this.act(request, accountsOf(admission.login, admission.domain))
    } catch (error) {
      if (!isPecError(error) || error.code !== 'directory' || error.temporary) throw error
      onRefusal(`${admission.login} was refused something: ${reasonOf(error)}`)
      return { kind: 'refused' }
    }
  }

  private async act({ act, address: written, day }: ActRequest, accounts: Accounts): Promise<ActOutcome> {
    const address = written.trim().toLowerCase()
    const { kind, secret } = { kind: 'individual', secret: this.newSecret() } as const
    switch (act) {
      case 'list':
        return { kind: 'list', accounts: await accounts.list() }
      case 'add':
        if (day !== '' && !isDay(day)) return { kind: 'bad-day' }
        await accounts.add({ address, kind, secret, ...(day === '' ? {} : { renewal: day }) })
        return { kind: 'password', ...secret }
      case 'password':
        await accounts.setPassword(address, secret)
        return { kind: 'password', ...secret }
      case 'suspend':
      case 'resume':
      case 'close':
        await accounts.change(address, { state: STATES[act] })
        return { kind: 'done' }
      case 'renewal':
        if (day !== '' && !isDay(day)) return { kind: 'bad-day' }
        await accounts.change(address, { renewal: day === '' ? undefined : day })
        return { kind: 'done' }
    }
  }

  private newSecret(): { readonly password: string; readonly until: Date } {
    const { clock, passwordDays } = this.means
    return { password: makePassword(), until: new Date(clock().getTime() + passwordDays * DAY_MS) }
  }
}

const STATES = { suspend: 'suspended', resume: 'active', close: 'closed' } as const
