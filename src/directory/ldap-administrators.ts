/** The customers' administrators on LDAP servers: an entry each, below a base of their own. */
import type { LdapConfig } from '../config/ldap.js'
import type { AdministratorAccount, Secret } from './accounts.js'
import { isMailboxAddress } from './directory-contents.js'
import { below, refused, replaced, type LdapChanges } from './ldap-changes.js'
import { administratorOf, anyOf, filled, formatTime, type LdapAdministrator } from './ldap-entry.js'
import type { LdapServers } from './ldap-servers.js'
import type { AdministratorState } from './own-directory.js'

export class LdapAdministrators {
  private readonly settings: LdapConfig
  private readonly servers: LdapServers
  private readonly changes: LdapChanges

  constructor(settings: LdapConfig, servers: LdapServers, changes: LdapChanges) {
    this.settings = settings
    this.servers = servers
    this.changes = changes
  }

  /** In the order of their logins. */
  async list(): Promise<readonly AdministratorAccount[]> {
    const found = await this.search(anyOf(this.settings.administrators.filter, 'administrator'))
    return found
      .map(({ administrator, passwordUntil }) => ({ ...administrator, passwordUntil }))
      .sort((a, b) => (a.login < b.login ? -1 : 1))
  }

  async find(login: string): Promise<LdapAdministrator | undefined> {
    const lower = login.toLowerCase()
    if (!isMailboxAddress(lower)) return undefined
    const found = await this.search(filled(this.settings.administrators.filter, { administrator: lower }))
    return found.find(({ administrator }) => administrator.login === lower)
  }

  /** Whose login nobody has. */
  async add(login: string, secret: Secret): Promise<void> {
    const { administrators, attributes, classes } = this.settings
    const lower = login.toLowerCase()
    const values: Record<string, readonly string[]> = { [attributes.administrator]: [lower], cn: [lower], sn: [lower] }
    if (secret.until !== undefined) values[attributes.passwordUntil] = [formatTime(secret.until)]
    const dn = below(administrators.base, { [attributes.administrator]: lower })
    await this.changes.add(dn, classes.administrator, values, secret)
  }

  async setState(login: string, state: AdministratorState): Promise<void> {
    const { dn } = await this.existing(login)
    await this.changes.modify(dn, [replaced(this.settings.attributes.state, state)])
  }

  async setPassword(login: string, secret: Secret): Promise<void> {
    const { dn } = await this.existing(login)
    await this.changes.writePassword(dn, secret)
  }

  async remove(login: string): Promise<void> {
    const { dn } = await this.existing(login)
    await this.changes.remove(dn)
  }

  private async existing(login: string): Promise<LdapAdministrator> {
    const found = await this.find(login)
    if (found === undefined) throw refused(`there is no administrator ${JSON.stringify(login)}`)
    return found
  }

  private async search(filter: string): Promise<readonly LdapAdministrator[]> {
    const { administrators, attributes } = this.settings
    const wanted = [attributes.administrator, attributes.state, attributes.passwordUntil]
    const entries = await this.servers.search(administrators.base, filter, wanted)
    return entries.map((entry) => administratorOf(entry, attributes))
  }
}
