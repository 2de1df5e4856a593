/**
 * Entries on LDAP servers, made and changed. Passwords are handed to the server by the Password Modify operation (RFC 3062): who compares
 * them, hashes them, with the best scheme that it knows.
 */
import { Attribute, Change, DN, type Client } from 'ldapts'
import type { LdapAttributes } from '../config/ldap.js'
import { PecError } from '../errors.js'
import { contextTag, sequence, tlv } from '../smime/der.js'
import type { Secret } from './accounts.js'
import { formatTime } from './ldap-entry.js'
import type { LdapServers } from './ldap-servers.js'

const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1'

export class LdapChanges {
  private readonly names: LdapAttributes
  private readonly servers: LdapServers

  constructor(names: LdapAttributes, servers: LdapServers) {
    this.names = names
    this.servers = servers
  }

  /** With its password, or not at all. */
  async add(
    dn: string,
    classes: readonly string[],
    values: Readonly<Record<string, readonly string[]>>,
    secret?: Secret,
  ): Promise<void> {
    if (secret !== undefined) this.refuseOwnPasswords()
    const attributes = Object.entries({ objectClass: classes, ...values }).map(
      ([type, list]) => new Attribute({ type, values: [...list] }),
    )
    await this.servers.change(async (client) => {
      await client.add(dn, attributes)
      if (secret === undefined) return
      try {
        await handPassword(client, dn, secret.password)
      } catch (error) {
        await client.del(dn)
        throw error
      }
    })
  }

  async modify(dn: string, changes: readonly Change[]): Promise<void> {
    await this.servers.change((client) => client.modify(dn, [...changes]))
  }

  /** The mark of a temporary password is there before it, and until a lasting one is. */
  async writePassword(dn: string, { password, until }: Secret): Promise<void> {
    this.refuseOwnPasswords()
    const mark = replaced(this.names.passwordUntil, until && formatTime(until))
    await this.servers.change(async (client) => {
      if (until !== undefined) await client.modify(dn, mark)
      await handPassword(client, dn, password)
      if (until === undefined) await client.modify(dn, mark)
    })
  }

  async remove(dn: string): Promise<void> {
    await this.servers.change((client) => client.del(dn))
  }

  private refuseOwnPasswords(): void {
    const { password } = this.names
    if (password.toLowerCase() !== 'userpassword')
      throw refused(`the server keeps passwords in userPassword, but [ldap] password is ${password}: change them there`)
  }
}

async function handPassword(client: Client, dn: string, password: string): Promise<void> {
  await client.exop(PASSWORD_MODIFY, passwordModification(dn, password))
}

/** PasswdModifyRequestValue with userIdentity and newPasswd. RFC 3062 §2 */
function passwordModification(dn: string, password: string): Buffer {
  const field = (number: number, text: string): Buffer => tlv(contextTag(number, 'primitive'), Buffer.from(text, 'utf8'))
  return sequence(field(0, dn), field(2, password))
}

/** The name of an entry below another one, its values escaped. RFC 4514 §2.4 */
export function below(base: string, rdn: Readonly<Record<string, string>>): string {
  return `${new DN().addRDN(rdn).toString()},${base}`
}

/** One, several or none. */
export type AttributeValue = string | readonly string[] | undefined

/** Gives an attribute this value alone, or none. */
export function replaced(type: string, value: AttributeValue): Change {
  return changed('replace', type, value === undefined ? [] : [value].flat())
}

export function changed(operation: 'add' | 'delete' | 'replace', type: string, values: string[]): Change {
  return new Change({ operation, modification: new Attribute({ type, values }) })
}

export function refused(message: string): PecError {
  return new PecError('directory', message)
}
