/** Provisioning on LDAP servers: domains, mailboxes, those who work in them, and administrators. */
import type { Entry } from 'ldapts'
import type { LdapAttributes, LdapConfig } from '../config/ldap.js'
import { domainOf } from '../mail/address.js'
import type { Clock, OrdinaryMailPolicy } from '../points/ports.js'
import type { Account, AccountChange, Accounts, AdministratorAccount, Domain, NewAccount, Secret } from './accounts.js'
import { isDay, isDomain, isMailboxAddress, isOperatorName } from './directory-contents.js'
import { anyOf, domainsOf, filled, formatTime, mailboxAttributes, mailboxOf, valuesOf, type LdapMailbox } from './ldap-entry.js'
import { LdapAdministrators } from './ldap-administrators.js'
import { below, changed, LdapChanges, refused, replaced, type AttributeValue } from './ldap-changes.js'
import { LdapServers } from './ldap-servers.js'
import { faultOfOptions, formatArchive, formatNotice } from './mailbox-options.js'
import type { AdministratorState } from './own-directory.js'
import { formatPolicy } from './ordinary-mail.js'

export class LdapAccounts implements Accounts {
  private readonly settings: LdapConfig
  private readonly names: LdapAttributes
  private readonly servers: LdapServers
  private readonly changes: LdapChanges
  private readonly people: LdapAdministrators

  private constructor(settings: LdapConfig, servers: LdapServers) {
    this.settings = settings
    this.names = settings.attributes
    this.servers = servers
    this.changes = new LdapChanges(settings.attributes, servers)
    this.people = new LdapAdministrators(settings, servers, this.changes)
  }

  static async open(settings: LdapConfig, clock: Clock, onEvent: (line: string) => void): Promise<LdapAccounts> {
    return new LdapAccounts(settings, await LdapServers.of(settings, { clock, onEvent }))
  }

  async domains(): Promise<readonly Domain[]> {
    const { base, filter } = this.settings.domains
    const wanted = [this.names.domain, this.names.domainOrdinaryMail]
    const found = domainsOf(await this.servers.search(base, filter, wanted), this.names)
    return [...found].map(([name, ordinaryMail]) => ({ name, ordinaryMail })).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async addDomain(domain: string): Promise<void> {
    const name = domain.toLowerCase()
    if (!isDomain(name)) throw refused(`${JSON.stringify(domain)} is no domain`)
    const { domains, classes } = this.settings
    if ((await this.domains()).some((each) => each.name === name)) throw refused(`${name} is there already`)
    const policies = [
      ...(await this.list()).map((account) => account.ordinaryMail),
      ...(await this.domains()).map((each) => each.ordinaryMail),
    ]
    const back = policies.find((policy) => typeof policy === 'object' && domainOf(policy.forward).toLowerCase() === name)
    if (typeof back === 'object') throw refused(`ordinary mail cannot go on to ${back.forward}, which would be ours`)
    await this.changes.add(below(domains.base, { [this.names.domain]: name }), classes.domain, { [this.names.domain]: [name] })
  }

  async setDomainPolicy(domain: string, policy: OrdinaryMailPolicy | undefined): Promise<void> {
    await this.refuseLoop(domain, policy)
    await this.changes.modify(await this.domainDn(domain), [
      replaced(this.names.domainOrdinaryMail, policy && formatPolicy(policy)),
    ])
  }

  async removeDomain(domain: string): Promise<void> {
    const dn = await this.domainDn(domain)
    const name = domain.toLowerCase()
    const user = (await this.list()).find(({ address, aliases }) => [address, ...aliases].some((each) => domainOf(each) === name))
    if (user !== undefined) throw refused(`${name} is not empty: ${user.address} is there`)
    const administrator = (await this.administrators()).find(({ login }) => domainOf(login) === name)
    if (administrator !== undefined) throw refused(`${name} has an administrator: ${administrator.login}`)
    await this.changes.remove(dn)
  }

  async list(): Promise<readonly Account[]> {
    const { base, filter } = this.settings.mailboxes
    const entries = await this.servers.search(base, anyOf(filter, 'address'), this.wanted())
    const mailboxes = entries.map((entry) => mailboxOf(entry, this.names))
    const operators = await this.operators('*')
    const accounts = mailboxes.map((found) => accountOf(found, this.namesIn(found, operators)))
    return accounts.sort((a, b) => (a.address < b.address ? -1 : 1))
  }

  async find(address: string): Promise<Account | undefined> {
    const found = await this.lookUp(address.toLowerCase())
    if (found?.mailbox.address !== address.toLowerCase()) return undefined
    return accountOf(found, this.namesIn(found, await this.operators(found.mailbox.address)))
  }

  async add({ address, kind, secret, aliases = [], quotaBytes, renewal }: NewAccount): Promise<void> {
    const mail = address.toLowerCase()
    if ((kind === 'shared') !== (secret === undefined))
      throw refused(kind === 'shared' ? 'a shared mailbox has no password, but operators' : 'the password is empty')
    for (const each of [mail, ...aliases]) await this.refuseTaken(each.toLowerCase())
    const { address: own, kind: kindName, alias, passwordUntil } = this.names
    const values: Record<string, readonly string[]> = { [own]: [mail], [kindName]: [kind] }
    if (aliases.length > 0) values[alias] = aliases.map((each) => each.toLowerCase())
    if (secret?.until !== undefined) values[passwordUntil] = [formatTime(secret.until)]
    for (const [name, value] of this.written({ quotaBytes, renewal })) if (value !== undefined) values[name] = [value].flat()
    const dn = below(this.settings.mailboxes.base, { [own]: mail })
    await this.changes.add(dn, this.settings.classes.mailbox, values, secret)
  }

  async change(address: string, change: AccountChange): Promise<void> {
    const { dn, mailbox, aliases } = await this.existing(address)
    if ('ordinaryMail' in change) await this.refuseLoop(address, change.ordinaryMail)
    const domains = new Set((await this.domains()).map(({ name }) => name))
    const fault = faultOfOptions(change, [mailbox.address, ...aliases], (domain) => domains.has(domain))
    if (fault !== undefined) throw refused(`${address}: ${fault}`)
    await this.changes.modify(
      dn,
      this.written(change).map(([name, value]) => replaced(name, value)),
    )
  }

  async setPassword(address: string, secret: Secret): Promise<void> {
    const { dn, mailbox } = await this.existing(address)
    if (mailbox.kind === 'shared') throw refused('a shared mailbox has no password, but operators')
    await this.changes.writePassword(dn, secret)
  }

  async addAlias(address: string, alias: string): Promise<void> {
    const { dn } = await this.existing(address)
    await this.refuseTaken(alias.toLowerCase())
    await this.changes.modify(dn, [changed('add', this.names.alias, [alias.toLowerCase()])])
  }

  async removeAlias(address: string, alias: string): Promise<void> {
    const { dn, aliases } = await this.existing(address)
    if (!aliases.includes(alias.toLowerCase())) throw refused(`${address} has no alias ${JSON.stringify(alias)}`)
    await this.changes.modify(dn, [changed('delete', this.names.alias, [alias.toLowerCase()])])
  }

  /** One entry per mailbox and name: who works in one mailbox is not thereby somebody in another. */
  async setOperator(address: string, name: string, secret: Secret): Promise<void> {
    const { mailbox } = await this.existing(address)
    const uid = name.toLowerCase()
    if (!isOperatorName(uid)) throw refused(`${JSON.stringify(name)} is no name of an operator`)
    if (mailbox.kind !== 'shared') throw refused('only a shared mailbox has operators')
    const [present, ...others] = await this.operators(mailbox.address, uid)
    if (present !== undefined) {
      if (others.length > 0 || this.mailboxesOf(present).length > 1)
        throw refused(`${uid} works in several mailboxes: the password of ${present.dn} is changed in LDAP only`)
      await this.changes.writePassword(present.dn, secret)
      return
    }
    const { operators, classes } = this.settings
    const { operator, operatorOf, passwordUntil } = this.names
    const rdn = { [operator]: uid, [operatorOf]: mailbox.address }
    const values: Record<string, readonly string[]> = { [operator]: [uid], [operatorOf]: [mailbox.address], cn: [uid], sn: [uid] }
    if (secret.until !== undefined) values[passwordUntil] = [formatTime(secret.until)]
    await this.changes.add(below(operators.base, rdn), classes.operator, values, secret)
  }

  async removeOperator(address: string, name: string): Promise<void> {
    const { mailbox } = await this.existing(address)
    const found = await this.operators(mailbox.address, name.toLowerCase())
    if (found.length === 0) throw refused(`${address} has no operator ${JSON.stringify(name)}`)
    for (const entry of found) await this.dismissOperator(entry, mailbox.address)
  }

  /** Its operators first: whoever gets the address next does not get them with it. */
  async remove(address: string): Promise<void> {
    const { dn, mailbox } = await this.existing(address)
    for (const entry of await this.operators(mailbox.address)) await this.dismissOperator(entry, mailbox.address)
    await this.changes.remove(dn)
  }

  administrators(): Promise<readonly AdministratorAccount[]> {
    return this.people.list()
  }

  async addAdministrator(login: string, secret: Secret): Promise<void> {
    await this.refuseTaken(login.toLowerCase())
    await this.people.add(login, secret)
  }

  setAdministratorState(login: string, state: AdministratorState): Promise<void> {
    return this.people.setState(login, state)
  }

  setAdministratorPassword(login: string, secret: Secret): Promise<void> {
    return this.people.setPassword(login, secret)
  }

  removeAdministrator(login: string): Promise<void> {
    return this.people.remove(login)
  }

  close(): Promise<void> {
    return this.servers.close()
  }

  private wanted(): string[] {
    return [...mailboxAttributes(this.names), this.names.renewal]
  }

  /** By its address or an alias. */
  private async lookUp(address: string): Promise<LdapMailbox | undefined> {
    if (!isMailboxAddress(address)) return undefined
    const { base, filter } = this.settings.mailboxes
    const found = (await this.servers.search(base, filled(filter, { address }), this.wanted())).map((entry) =>
      mailboxOf(entry, this.names),
    )
    return found.find(({ mailbox, aliases }) => mailbox.address === address || aliases.includes(address))
  }

  private async existing(address: string): Promise<LdapMailbox> {
    const found = await this.lookUp(address.toLowerCase())
    if (found?.mailbox.address !== address.toLowerCase()) throw refused(`there is no mailbox ${JSON.stringify(address)}`)
    return found
  }

  private async refuseTaken(address: string): Promise<void> {
    if (!isMailboxAddress(address)) throw refused(`${JSON.stringify(address)} is no mailbox address`)
    const domain = domainOf(address)
    if (!(await this.domains()).some(({ name }) => name === domain)) throw refused(`${domain} is not among the domains`)
    if ((await this.lookUp(address)) !== undefined || (await this.people.find(address)) !== undefined)
      throw refused(`${address} is there already`)
  }

  /** Mail that goes on to ourselves would come back. */
  private async refuseLoop(of: string, policy: OrdinaryMailPolicy | undefined): Promise<void> {
    if (typeof policy !== 'object') return
    const domain = domainOf(policy.forward).toLowerCase()
    if ((await this.domains()).some(({ name }) => name === domain))
      throw refused(`${of}: ordinary mail cannot go on to ${policy.forward}, which is ours`)
  }

  private async domainDn(domain: string): Promise<string> {
    const { base, filter } = this.settings.domains
    const entries = await this.servers.search(base, filter, [this.names.domain])
    const found = entries.find((entry) =>
      valuesOf(entry, this.names.domain).some((name) => name.toLowerCase() === domain.toLowerCase()),
    )
    if (found === undefined) throw refused(`${JSON.stringify(domain)} is not among the domains`)
    return found.dn
  }

  /** Those of a mailbox, of all with `*`. */
  private operators(address: string, operator = '*'): Promise<readonly Entry[]> {
    const { base, filter } = this.settings.operators
    const some = operator === '*' ? anyOf(filter, 'operator') : filter
    const asked = address === '*' ? anyOf(some, 'address') : some
    return this.servers.search(base, filled(asked, { address, operator }), [this.names.operator, this.names.operatorOf])
  }

  private namesIn({ mailbox: { address } }: LdapMailbox, operators: readonly Entry[]): readonly string[] {
    const own = operators.filter((entry) => this.mailboxesOf(entry).some((each) => each.toLowerCase() === address))
    return own.flatMap((entry) => valuesOf(entry, this.names.operator).map((name) => name.toLowerCase())).sort()
  }

  private mailboxesOf(operator: Entry): readonly string[] {
    return valuesOf(operator, this.names.operatorOf)
  }

  private async dismissOperator(entry: Entry, address: string): Promise<void> {
    const [value, ...others] = this.mailboxesOf(entry).filter((each) => each.toLowerCase() === address)
    const isAll = this.mailboxesOf(entry).length <= 1 + others.length
    if (isAll || value === undefined) await this.changes.remove(entry.dn)
    else await this.changes.modify(entry.dn, [changed('delete', this.names.operatorOf, [value])])
  }

  private written(change: AccountChange): [string, AttributeValue][] {
    const { state, quotaBytes, ordinaryMail, renewal, archive, arrivalNotice, certificates } = change
    if (quotaBytes !== undefined && !(Number.isSafeInteger(quotaBytes) && quotaBytes > 0))
      throw refused('the quota is not a positive whole number')
    if (renewal !== undefined && !isDay(renewal)) throw refused(`${JSON.stringify(renewal)} is no day YYYY-MM-DD`)
    const { names } = this
    const all: readonly [keyof AccountChange, string, AttributeValue][] = [
      ['state', names.state, state],
      ['quotaBytes', names.quota, quotaBytes?.toString()],
      ['ordinaryMail', names.ordinaryMail, ordinaryMail && formatPolicy(ordinaryMail)],
      ['renewal', names.renewal, renewal && formatTime(new Date(`${renewal}T00:00:00Z`))],
      ['archive', names.archive, archive && formatArchive(archive)],
      ['arrivalNotice', names.arrivalNotice, arrivalNotice && formatNotice(arrivalNotice)],
      ['certificates', names.certificate, certificates],
    ]
    return all.flatMap(([key, name, value]) => (key in change ? [[name, value]] : []))
  }
}

function accountOf({ mailbox, aliases, renewal, passwordUntil }: LdapMailbox, operators: readonly string[]): Account {
  return { ordinaryMail: undefined, ...mailbox, aliases: [...aliases].sort(), operators, renewal, passwordUntil }
}
