/** Provisioning of the embedded directory: its file, edited. */
import { reasonOf, PecError } from '../errors.js'
import type { OrdinaryMailPolicy } from '../points/ports.js'
import type { Account, AccountChange, Accounts, AdministratorAccount, Domain, NewAccount, Secret } from './accounts.js'
import * as edit from './directory-edit.js'
import type { DirectoryContents, MailboxEntry } from './directory-contents.js'
import { readDirectoryFile } from './file-directory.js'
import type { AdministratorState } from './own-directory.js'
import type { ScryptCost } from './password.js'

export class FileAccounts implements Accounts {
  private readonly path: string
  private readonly cost: ScryptCost | undefined

  /** `cost` is of the hashes; for tests. */
  constructor(path: string, cost?: ScryptCost) {
    this.path = path
    this.cost = cost
  }

  domains(): Promise<readonly Domain[]> {
    return this.read(({ domains, ordinaryMail }) =>
      [...domains].sort().map((name) => ({ name, ordinaryMail: ordinaryMail.get(name) })),
    )
  }

  addDomain(domain: string): Promise<void> {
    return edit.addDomain(this.path, domain)
  }

  setDomainPolicy(domain: string, policy: OrdinaryMailPolicy | undefined): Promise<void> {
    return edit.setDomainPolicy(this.path, domain, policy)
  }

  removeDomain(domain: string): Promise<void> {
    return edit.removeDomain(this.path, domain)
  }

  list(): Promise<readonly Account[]> {
    return this.read(({ mailboxes }) => [...mailboxes.values()].map(accountOf))
  }

  find(address: string): Promise<Account | undefined> {
    return this.read(({ mailboxes }) => {
      const entry = mailboxes.get(address.toLowerCase())
      return entry && accountOf(entry)
    })
  }

  add({ address, kind, secret, aliases, quotaBytes, renewal }: NewAccount): Promise<void> {
    return edit.addMailbox(this.path, {
      ...{ address, kind },
      ...(secret === undefined ? {} : { password: secret.password }),
      ...(secret?.until === undefined ? {} : { passwordUntil: secret.until }),
      ...(aliases === undefined ? {} : { aliases }),
      ...(quotaBytes === undefined ? {} : { quotaBytes }),
      ...(renewal === undefined ? {} : { renewal }),
      ...(this.cost === undefined ? {} : { cost: this.cost }),
    })
  }

  change(address: string, change: AccountChange): Promise<void> {
    return edit.updateMailbox(this.path, address, change)
  }

  setPassword(address: string, { password, until }: Secret): Promise<void> {
    return edit.setPassword(this.path, address, password, { until, cost: this.cost })
  }

  addAlias(address: string, alias: string): Promise<void> {
    return edit.addAlias(this.path, address, alias)
  }

  removeAlias(address: string, alias: string): Promise<void> {
    return edit.removeAlias(this.path, address, alias)
  }

  setOperator(address: string, name: string, { password, until }: Secret): Promise<void> {
    return edit.setOperator(this.path, address, name, password, { until, cost: this.cost })
  }

  removeOperator(address: string, name: string): Promise<void> {
    return edit.removeOperator(this.path, address, name)
  }

  remove(address: string): Promise<void> {
    return edit.removeMailbox(this.path, address)
  }

  administrators(): Promise<readonly AdministratorAccount[]> {
    return this.read(({ administrators }) =>
      [...administrators.values()]
        .map(({ login, state, passwordUntil }) => ({ login, state, passwordUntil: dateOf(passwordUntil) }))
        .sort((a, b) => (a.login < b.login ? -1 : 1)),
    )
  }

  addAdministrator(login: string, { password, until }: Secret): Promise<void> {
    return edit.addAdministrator(this.path, login, password, { until, cost: this.cost })
  }

  setAdministratorState(login: string, state: AdministratorState): Promise<void> {
    return edit.setAdministratorState(this.path, login, state)
  }

  setAdministratorPassword(login: string, { password, until }: Secret): Promise<void> {
    return edit.setAdministratorPassword(this.path, login, password, { until, cost: this.cost })
  }

  removeAdministrator(login: string): Promise<void> {
    return edit.removeAdministrator(this.path, login)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private read<T>(of: (contents: DirectoryContents) => T): Promise<T> {
    try {
      return Promise.resolve(of(readDirectoryFile(this.path).contents))
    } catch (error) {
      return Promise.reject(new PecError('directory', `${this.path} cannot be read: ${reasonOf(error)}`, { cause: error }))
    }
  }
}

function accountOf(entry: MailboxEntry): Account {
  const { address, state, kind, quotaBytes, ordinaryMail, archive, arrivalNotice, certificates, renewal } = entry
  const { aliases, operators, passwordUntil } = entry
  return {
    ...{ address, state, kind, quotaBytes, ordinaryMail, aliases: [...aliases].sort(), renewal },
    ...(archive === undefined ? {} : { archive }),
    ...(arrivalNotice === undefined ? {} : { arrivalNotice }),
    ...(certificates === undefined ? {} : { certificates }),
    operators: operators.map(({ name }) => name).sort(),
    passwordUntil: dateOf(passwordUntil),
  }
}

function dateOf(written: string | undefined): Date | undefined {
  return written === undefined ? undefined : new Date(written)
}
