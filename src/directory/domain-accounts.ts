/**
 * What the administrator of a domain may do (O3): add mailboxes to it, suspend them and let those go on, close them, give temporary
 * passwords, let people work in shared ones, and say when a mailbox is to be renewed. All else, and every other domain, is the provider's.
 */
import { PecError } from '../errors.js'
import { domainOf } from '../mail/address.js'
import type { MailboxState } from '../points/ports.js'
import type { Account, AccountChange, Accounts, AdministratorAccount, Domain, NewAccount, Secret } from './accounts.js'

const CHANGEABLE: readonly string[] = ['state', 'renewal'] satisfies (keyof AccountChange)[]
const STATES: readonly MailboxState[] = ['active', 'suspended', 'closed']

export type LastChange = (address: string) => Promise<{ readonly state: MailboxState; readonly by: string } | undefined>

export class DomainAccounts implements Accounts {
  private readonly accounts: Accounts
  private readonly domain: string
  private readonly lastChange: LastChange

  /** `domain` in lower case; `lastChange` tells who gave a mailbox its state. */
  constructor(accounts: Accounts, domain: string, lastChange: LastChange) {
    this.accounts = accounts
    this.domain = domain
    this.lastChange = lastChange
  }

  async domains(): Promise<readonly Domain[]> {
    return (await this.accounts.domains()).filter(({ name }) => name === this.domain)
  }

  async list(): Promise<readonly Account[]> {
    return (await this.accounts.list()).filter(({ address }) => this.isOurs(address))
  }

  async find(address: string): Promise<Account | undefined> {
    return this.isOurs(address) ? this.accounts.find(address) : undefined
  }

  async add(account: NewAccount): Promise<void> {
    const { address, aliases = [], quotaBytes, secret } = account
    this.check(address)
    if (aliases.length > 0 || quotaBytes !== undefined) throw refused('aliases and quotas')
    checkTemporary(secret)
    await this.accounts.add(account)
  }

  async change(address: string, change: AccountChange): Promise<void> {
    this.check(address)
    const others = Object.keys(change).filter((key) => !CHANGEABLE.includes(key))
    if (others.length > 0) throw refused('quotas, policies and options')
    if (change.state !== undefined) await this.checkState(address, change.state)
    await this.accounts.change(address, change)
  }

  async setPassword(address: string, secret: Secret): Promise<void> {
    this.check(address)
    checkTemporary(secret)
    await this.accounts.setPassword(address, secret)
  }

  async setOperator(address: string, name: string, secret: Secret): Promise<void> {
    this.check(address)
    checkTemporary(secret)
    await this.accounts.setOperator(address, name, secret)
  }

  async removeOperator(address: string, name: string): Promise<void> {
    this.check(address)
    await this.accounts.removeOperator(address, name)
  }

  addDomain(): Promise<void> {
    return notTheirs('domains')
  }

  setDomainPolicy(): Promise<void> {
    return notTheirs('policies')
  }

  removeDomain(): Promise<void> {
    return notTheirs('domains')
  }

  addAlias(): Promise<void> {
    return notTheirs('aliases')
  }

  removeAlias(): Promise<void> {
    return notTheirs('aliases')
  }

  remove(): Promise<void> {
    return notTheirs('to remove a mailbox: it can be closed')
  }

  administrators(): Promise<readonly AdministratorAccount[]> {
    return Promise.resolve([])
  }

  addAdministrator(): Promise<void> {
    return notTheirs('administrators')
  }

  setAdministratorState(): Promise<void> {
    return notTheirs('administrators')
  }

  setAdministratorPassword(): Promise<void> {
    return notTheirs('administrators')
  }

  removeAdministrator(): Promise<void> {
    return notTheirs('administrators')
  }

  close(): Promise<void> {
    return this.accounts.close()
  }

  private check(address: string): void {
    if (!this.isOurs(address)) throw new PecError('directory', `${JSON.stringify(address)} is not of ${this.domain}`)
  }

  /** What the provider has suspended or frozen is the provider's, and so is what nobody knows the reason of. */
  private async checkState(address: string, wanted: MailboxState): Promise<void> {
    if (!STATES.includes(wanted)) throw refused(`to make a mailbox ${wanted}`)
    const state = (await this.accounts.find(address))?.state
    if (state === 'frozen') throw refused('to change the state of a mailbox that the provider has frozen')
    if (state !== 'suspended' || wanted === 'closed') return
    const last = await this.lastChange(address)
    if (last?.state !== 'suspended' || domainOf(last.by) !== this.domain)
      throw refused('to change the state of a mailbox that the provider has suspended')
  }

  private isOurs(address: string): boolean {
    return domainOf(address).toLowerCase() === this.domain
  }
}

/** Only whoever has a mailbox knows its lasting password. */
function checkTemporary(secret: Secret | undefined): void {
  if (secret !== undefined && secret.until === undefined) throw refused('lasting passwords')
}

function notTheirs(what: string): Promise<never> {
  return Promise.reject(refused(what))
}

function refused(what: string): PecError {
  return new PecError('directory', `an administrator of a domain has no right to this: ${what}`)
}
