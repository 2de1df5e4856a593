/**
 * Our domains and mailboxes on LDAP servers. Mailboxes are asked for when they are needed, and remembered for some seconds; the
 * domains are read whole at the start and every half minute, since whoever asks about one cannot wait: the last list stays in use while
 * no server answers.
 */
import type { LdapConfig } from '../config/ldap.js'
import { PecError, reasonOf } from '../errors.js'
import { domainOf } from '../mail/address.js'
import type { Clock, OpenedMailbox, OrdinaryMailPolicy } from '../points/ports.js'
import { Answers } from './answers.js'
import { isMailboxAddress } from './directory-contents.js'
import type { DirectoryEvent } from './directory-event.js'
import {
  administratorOf,
  anyOf,
  domainsOf,
  filled,
  mailboxAttributes,
  mailboxOf,
  timeOf,
  valuesOf,
  type LdapAdministrator,
  type LdapMailbox,
} from './ldap-entry.js'
import { LdapServers } from './ldap-servers.js'
import { hasEnded, parseLogin, type Administrator, type OwnDirectory, type OwnMailbox } from './own-directory.js'
import { matchesDigest } from './password-schemes.js'
import { isPasswordHash, PasswordVerifier } from './password.js'
import { RecentLogins, type Login as RecentLogin } from './recent-logins.js'

export interface LdapDirectoryOptions {
  readonly settings: LdapConfig
  readonly clock: Clock
  readonly onEvent: (event: DirectoryEvent) => void
}

/** Whose password is compared: of a mailbox, an operator or an administrator. */
type Account = Pick<LdapMailbox, 'dn' | 'passwords' | 'passwordUntil'>

export class LdapDirectory implements OwnDirectory {
  private readonly settings: LdapConfig
  private readonly clock: Clock
  private readonly onEvent: (event: DirectoryEvent) => void
  private readonly servers: LdapServers
  private readonly answers: Answers<LdapMailbox>
  private readonly recent: RecentLogins
  private readonly verifier = new PasswordVerifier()
  private policies: ReadonlyMap<string, OrdinaryMailPolicy | undefined> = new Map()
  private timer: NodeJS.Timeout | undefined

  private constructor({ settings, clock, onEvent }: LdapDirectoryOptions, servers: LdapServers) {
    this.settings = settings
    this.clock = clock
    this.onEvent = onEvent
    this.servers = servers
    this.answers = new Answers(clock, settings.ages, settings.cacheEntries)
    this.recent = new RecentLogins(clock, settings.ages.known * 1000, settings.cacheEntries)
  }

  /** Rejects with PecError 'configuration' if the servers do not let us read our domains. */
  static async open(options: LdapDirectoryOptions): Promise<LdapDirectory> {
    const { settings, onEvent, clock } = options
    try {
      const onLine = (line: string): void => onEvent({ kind: 'server', line })
      const directory = new LdapDirectory(options, await LdapServers.of(settings, { clock, onEvent: onLine }))
      try {
        await directory.readDomains()
      } catch (error) {
        await directory.close()
        throw error
      }
      directory.timer = setInterval(() => void directory.refresh(), settings.ages.refresh * 1000).unref()
      return directory
    } catch (error) {
      throw new PecError('configuration', `[ldap] cannot be used: ${reasonOf(error)}`, { cause: error })
    }
  }

  managesDomain(domain: string): boolean {
    return this.policies.has(domain.toLowerCase())
  }

  domains(): ReadonlySet<string> {
    return new Set(this.policies.keys())
  }

  async mailbox(address: string): Promise<OwnMailbox | undefined> {
    return (await this.find(address.toLowerCase()))?.mailbox
  }

  /** Asked of the server each time: few log in so. */
  async mailboxesOfCertificate(mark: string): Promise<readonly OwnMailbox[]> {
    const { mailboxes, attributes } = this.settings
    const filter = filled(`(&${anyOf(mailboxes.filter, 'address')}(${attributes.certificate}={mark}))`, { mark })
    const entries = await this.servers.search(mailboxes.base, filter, mailboxAttributes(attributes))
    return entries.map((entry) => mailboxOf(entry, attributes).mailbox)
  }

  async ordinaryMail(address: string): Promise<OrdinaryMailPolicy | undefined> {
    return (await this.mailbox(address))?.ordinaryMail ?? this.policies.get(domainOf(address).toLowerCase())
  }

  /**
   * The login is the mailbox's address, or ADDRESS*NAME for an operator of a shared one. Rejects with PecError 'directory', temporary,
   * if no server answers.
   */
  async authenticate(login: string, password: string): Promise<(OwnMailbox & OpenedMailbox) | undefined> {
    const { address, operator } = parseLogin(login)
    const remembered = await this.claim(login, password)
    if (remembered.found !== undefined && this.recent.has(remembered.claimed))
      return { ...remembered.found.mailbox, temporary: false }
    // A new login is compared with what the server says now: the password may just have become a temporary one, or a lasting one.
    this.answers.forget(address)
    const { found, account, claimed } = await this.claim(login, password)
    const right = await this.matches(account, password)
    // Nobody is who logs in to a shared mailbox in no name of their own.
    const named = (found?.mailbox.kind === 'shared') === (operator !== undefined)
    if (!right || found === undefined || account === undefined || !named) return undefined
    if (hasEnded(account.passwordUntil, this.clock())) return undefined
    const temporary = account.passwordUntil !== undefined
    if (!temporary) this.recent.add(claimed)
    return { ...found.mailbox, temporary }
  }

  async administrator(login: string, password: string): Promise<(Administrator & { readonly temporary: boolean }) | undefined> {
    const found = await this.findAdministrator(login.toLowerCase())
    const right = await this.matches(found, password)
    if (!right || found === undefined || hasEnded(found.passwordUntil, this.clock())) return undefined
    return { ...found.administrator, temporary: found.passwordUntil !== undefined }
  }

  /** As the server has it now: who was suspended a moment ago is. */
  private async findAdministrator(login: string): Promise<LdapAdministrator | undefined> {
    if (!isMailboxAddress(login) || !this.managesDomain(domainOf(login))) return undefined
    const { attributes, authentication, administrators } = this.settings
    const { administrator, state, password, passwordUntil } = attributes
    const wanted = [administrator, state, passwordUntil, ...(authentication === 'hash' ? [password] : [])]
    const filter = filled(administrators.filter, { administrator: login })
    const [entry, ...others] = await this.servers.search(administrators.base, filter, wanted)
    if (entry === undefined || others.length > 0) return undefined
    const found = administratorOf(entry, attributes)
    return found.administrator.login === login ? found : undefined
  }

  /** Whom a login speaks of, and the login as it would be remembered. */
  private async claim(
    login: string,
    password: string,
  ): Promise<{ readonly found: LdapMailbox | undefined; readonly account: Account | undefined; readonly claimed: RecentLogin }> {
    const { address, operator } = parseLogin(login)
    const found = await this.find(address)
    const account = operator === undefined ? found : found && (await this.operatorOf(found, operator))
    const stored = JSON.stringify([account?.dn, account?.passwords, account?.passwordUntil])
    return { found, account, claimed: { address: login.toLowerCase(), password, stored } }
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    await this.servers.close()
  }

  private find(address: string): Promise<LdapMailbox | undefined> {
    if (!isMailboxAddress(address)) return Promise.resolve(undefined)
    return this.answers.get(address, async () => {
      const { attributes, authentication } = this.settings
      const { address: own, alias, password } = attributes
      const wanted = [...mailboxAttributes(attributes), ...(authentication === 'hash' ? [password] : [])]
      const { base, filter } = this.settings.mailboxes
      const entries = await this.servers.search(base, filled(filter, { address }), wanted)
      const [entry] = entries
      if (entries.length > 1)
        throw new PecError('directory', `${entries.length} LDAP entries have the address ${address}`, { temporary: true })
      if (entry === undefined) return undefined
      const found = mailboxOf(entry, attributes)
      // What a broader filter finds is not yet somebody of that address.
      const addresses = [...valuesOf(entry, own), ...valuesOf(entry, alias)].map((each) => each.toLowerCase())
      return addresses.includes(address) ? found : undefined
    })
  }

  /** The operator of that name, if the mailbox has one. */
  private async operatorOf({ mailbox }: LdapMailbox, operator: string): Promise<Account | undefined> {
    if (mailbox.kind !== 'shared') return undefined
    const { attributes, authentication, operators } = this.settings
    const wanted = [attributes.passwordUntil, ...(authentication === 'hash' ? [attributes.password] : [])]
    const filter = filled(operators.filter, { operator, address: mailbox.address })
    const people = await this.servers.search(operators.base, filter, wanted)
    const [person] = people
    if (person === undefined || people.length > 1) return undefined
    const passwords = valuesOf(person, attributes.password)
    return { dn: person.dn, passwords, passwordUntil: timeOf(person, attributes.passwordUntil) }
  }

  /** For nobody it does the same work as for somebody. */
  private async matches(account: Account | undefined, password: string): Promise<boolean> {
    if (this.settings.authentication === 'bind') {
      const right = await this.servers.opens(account?.dn ?? this.settings.mailboxes.base, password)
      return right && account !== undefined
    }
    for (const stored of account?.passwords ?? []) {
      if (isPasswordHash(stored)) return this.verifier.verify(password, stored)
      if (matchesDigest(password, stored) === true) return password !== ''
    }
    return this.verifier.verify(password, undefined)
  }

  private async readDomains(): Promise<void> {
    const { attributes, domains } = this.settings
    const wanted = [attributes.domain, attributes.domainOrdinaryMail]
    const read = domainsOf(await this.servers.search(domains.base, domains.filter, wanted), attributes)
    if (read.size === 0) throw new PecError('directory', `there is no domain below ${domains.base}`, { temporary: true })
    if (!sameMaps(read, this.policies)) this.onEvent({ kind: 'loaded', domains: read.size })
    this.policies = read
  }

  private async refresh(): Promise<void> {
    await this.readDomains().catch((error: unknown) => this.onEvent({ kind: 'refused', reason: reasonOf(error) }))
  }
}

function sameMaps(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort())
}
