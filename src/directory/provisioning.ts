/**
 * Accounts whose every change is in the register (O3), with who made it. The register has it before it is made, so that nothing is
 * changed that cannot be recorded, and afterwards how it ended; passwords are nowhere in it.
 */
import { randomUUID } from 'node:crypto'
import { PecError, reasonOf } from '../errors.js'
import { momentOf } from '../pec/moment.js'
import type { Clock, Ledger, OrdinaryMailPolicy, RegisterEvent } from '../points/ports.js'
import type { Account, AccountChange, Accounts, AdministratorAccount, Domain, NewAccount, Secret } from './accounts.js'
import { formatArchive, formatNotice } from './mailbox-options.js'
import { formatPolicy } from './ordinary-mail.js'
import type { AdministratorState } from './own-directory.js'

export interface Register {
  readonly ledger: Pick<Ledger, 'commit'>
  readonly clock: Clock
  /** Our name. */
  readonly provider: string
  /** Who makes the changes. */
  readonly by: string
}

export class Provisioning implements Accounts {
  private readonly accounts: Accounts
  private readonly register: Register

  constructor(accounts: Accounts, register: Register) {
    this.accounts = accounts
    this.register = register
  }

  domains(): Promise<readonly Domain[]> {
    return this.accounts.domains()
  }

  list(): Promise<readonly Account[]> {
    return this.accounts.list()
  }

  find(address: string): Promise<Account | undefined> {
    return this.accounts.find(address)
  }

  close(): Promise<void> {
    return this.accounts.close()
  }

  addDomain(domain: string): Promise<void> {
    return this.act(domain, 'add domain', () => this.accounts.addDomain(domain))
  }

  setDomainPolicy(domain: string, policy: OrdinaryMailPolicy | undefined): Promise<void> {
    return this.act(domain, words({ ordinaryMail: policy }), () => this.accounts.setDomainPolicy(domain, policy))
  }

  removeDomain(domain: string): Promise<void> {
    return this.act(domain, 'remove domain', () => this.accounts.removeDomain(domain))
  }

  add(account: NewAccount): Promise<void> {
    const { address, kind, aliases = [], quotaBytes, renewal, secret } = account
    const given = { ...(quotaBytes === undefined ? {} : { quotaBytes }), ...(renewal === undefined ? {} : { renewal }) }
    const facts = [`add ${kind} mailbox`, ...aliases.map((alias) => `alias ${alias}`), words(given), secret && password(secret)]
    return this.act(address, facts.filter((fact) => fact !== undefined && fact !== '').join(', '), () =>
      this.accounts.add(account),
    )
  }

  /** A closed mailbox stays closed. */
  change(address: string, change: AccountChange): Promise<void> {
    return this.act(address, words(change), async () => {
      const { state } = change
      if (state !== undefined && state !== 'closed' && (await this.find(address))?.state === 'closed')
        throw new PecError('directory', `${address} is closed for good`)
      await this.accounts.change(address, change)
    })
  }

  setPassword(address: string, secret: Secret): Promise<void> {
    return this.act(address, password(secret), () => this.accounts.setPassword(address, secret))
  }

  addAlias(address: string, alias: string): Promise<void> {
    return this.act(address, `add alias ${alias}`, () => this.accounts.addAlias(address, alias))
  }

  removeAlias(address: string, alias: string): Promise<void> {
    return this.act(address, `remove alias ${alias}`, () => this.accounts.removeAlias(address, alias))
  }

  setOperator(address: string, name: string, secret: Secret): Promise<void> {
    return this.act(address, `operator ${name}, ${password(secret)}`, () => this.accounts.setOperator(address, name, secret))
  }

  removeOperator(address: string, name: string): Promise<void> {
    return this.act(address, `remove operator ${name}`, () => this.accounts.removeOperator(address, name))
  }

  remove(address: string): Promise<void> {
    return this.act(address, 'remove mailbox', () => this.accounts.remove(address))
  }

  administrators(): Promise<readonly AdministratorAccount[]> {
    return this.accounts.administrators()
  }

  addAdministrator(login: string, secret: Secret): Promise<void> {
    const what = `add administrator, ${password(secret)}`
    return this.act(login, what, () => this.accounts.addAdministrator(login, secret))
  }

  setAdministratorState(login: string, state: AdministratorState): Promise<void> {
    return this.act(login, `administrator ${state}`, () => this.accounts.setAdministratorState(login, state))
  }

  setAdministratorPassword(login: string, secret: Secret): Promise<void> {
    const what = `administrator, ${password(secret)}`
    return this.act(login, what, () => this.accounts.setAdministratorPassword(login, secret))
  }

  removeAdministrator(login: string): Promise<void> {
    return this.act(login, 'remove administrator', () => this.accounts.removeAdministrator(login))
  }

  private async act(on: string, what: string, change: () => Promise<void>): Promise<void> {
    await this.record(on, what, 'asked for')
    try {
      await change()
    } catch (error) {
      // Where even this cannot be recorded, the register has an act that was asked for and not done.
      await this.record(on, what, `failed: ${reasonOf(error)}`).catch(() => undefined)
      throw error
    }
    await this.record(on, what, 'done')
  }

  private async record(on: string, what: string, outcome: string): Promise<void> {
    const { ledger, clock, provider, by } = this.register
    const event: RegisterEvent = {
      type: 'provisioning',
      ...{ identifier: '', messageId: '', sender: by, recipients: [on], subject: what, provider, outcome },
      ...{ daticert: undefined, signature: undefined },
    }
    await ledger.commit({ step: `provisioning ${randomUUID()}`, at: momentOf(clock()), claims: [], events: [event] })
  }
}

function words(change: AccountChange): string {
  const { state, quotaBytes, ordinaryMail, renewal, archive, arrivalNotice, certificates = [] } = change
  const all: readonly [keyof AccountChange, string][] = [
    ['state', state ?? ''],
    ['quotaBytes', `quota ${quotaBytes ?? 'none'}`],
    ['ordinaryMail', `ordinary mail ${ordinaryMail === undefined ? 'default' : formatPolicy(ordinaryMail)}`],
    ['renewal', `renewal ${renewal ?? 'none'}`],
    ['archive', `archive ${archive === undefined ? 'none' : formatArchive(archive)}`],
    ['certificates', `client certificates ${certificates.join(' ') || 'none'}`],
    ['arrivalNotice', `notice of arrival ${arrivalNotice === undefined ? 'none' : formatNotice(arrivalNotice)}`],
  ]
  return all.flatMap(([key, text]) => (key in change ? [text] : [])).join(', ')
}

function password({ until }: Secret): string {
  return until === undefined ? 'password' : `temporary password until ${until.toISOString()}`
}
