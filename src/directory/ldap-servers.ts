/**
 * Connections to the LDAP servers of a directory: several are kept to one server, and while it fails the next one is asked. RFC 4511
 */
import { readFile } from 'node:fs/promises'
import { Client, InvalidCredentialsError, NoSuchObjectError, type Entry } from 'ldapts'
import type { LdapConfig } from '../config/ldap.js'
import { isPecError, PecError } from '../errors.js'
import { ldapReasonOf } from '../ldap-search.js'
import type { Clock } from '../points/ports.js'

export interface LdapServersOptions {
  readonly urls: readonly string[]
  readonly startTls: boolean
  /** PEM; undefined for the authorities of Node.js. */
  readonly ca: Buffer | undefined
  /** Who we are; undefined for nobody. */
  readonly account: { readonly dn: string; readonly password: string } | undefined
  /** Kept to each server. */
  readonly connections: number
  /** Milliseconds, of one operation. */
  readonly timeout: number
  readonly clock: Clock
  /** A server that fails, and one that answers again. */
  readonly onEvent: (line: string) => void
}

/** For how long a server that failed is asked after all others, in milliseconds. */
const REST_MS = 10_000

export class LdapServers {
  private readonly options: LdapServersOptions
  private readonly servers: readonly Server[]

  constructor(options: LdapServersOptions) {
    this.options = options
    this.servers = options.urls.map((url) => new Server(url, options))
  }

  /** Those that the settings name, with their certificates and the password read. */
  static async of(
    { urls, startTls, connections, timeout, bindDn, bindPasswordFile, ca }: LdapConfig,
    { clock, onEvent }: Pick<LdapServersOptions, 'clock' | 'onEvent'>,
  ): Promise<LdapServers> {
    const password = bindPasswordFile === undefined ? '' : (await readFile(bindPasswordFile, 'utf8')).replace(/\r?\n$/, '')
    return new LdapServers({
      ...{ urls, startTls, connections, timeout: timeout * 1000, clock, onEvent },
      ca: ca === undefined ? undefined : await readFile(ca),
      account: bindDn === undefined ? undefined : { dn: bindDn, password },
    })
  }

  /** The entries below `base`, all of them. Rejects with PecError 'directory', temporary, if no server answers. */
  search(base: string, filter: string, attributes: readonly string[]): Promise<readonly Entry[]> {
    return this.attempt((server) =>
      server.use(async (client) => {
        try {
          const { searchEntries } = await client.search(base, { scope: 'sub', filter, attributes: [...attributes], paged: true })
          return searchEntries
        } catch (error) {
          if (error instanceof NoSuchObjectError) return []
          throw error
        }
      }),
    )
  }

  /** Whether a server takes this password for the entry, on a connection of its own. An empty one would be no authentication at all. */
  async opens(dn: string, password: string): Promise<boolean> {
    if (password === '') return false
    return this.attempt(async (server) => {
      const client = await server.connect()
      try {
        await client.bind(dn, password)
        return true
      } catch (error) {
        if (error instanceof InvalidCredentialsError) return false
        throw error
      } finally {
        await dismiss(client)
      }
    })
  }

  /**
   * Changes something, as ourselves, on the first server that can be reached; once, since nobody knows how far a change came that
   * failed. Rejects with PecError 'directory' if the server refuses it.
   */
  async change(action: (client: Client) => Promise<void>): Promise<void> {
    const client = await this.attempt((server) => server.connectAsOurselves())
    try {
      await action(client)
    } catch (error) {
      throw isPecError(error)
        ? error
        : new PecError('directory', `the LDAP server refuses: ${ldapReasonOf(error)}`, { cause: error })
    } finally {
      await dismiss(client)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()))
  }

  private async attempt<T>(action: (server: Server) => Promise<T>): Promise<T> {
    const failures: string[] = []
    const now = this.options.clock().getTime()
    const rested = this.servers.filter((server) => !server.isResting(now))
    for (const server of [...rested, ...this.servers.filter((each) => !rested.includes(each))]) {
      try {
        const result = await action(server)
        server.note(undefined)
        return result
      } catch (error) {
        server.note(ldapReasonOf(error))
        failures.push(`${server.url}: ${ldapReasonOf(error)}`)
      }
    }
    throw new PecError('directory', `no LDAP server answers: ${failures.join('; ')}`, { temporary: true })
  }
}

class Server {
  readonly url: string
  private readonly options: LdapServersOptions
  private readonly kept: (Promise<Client> | undefined)[]
  private turn = 0
  /** Milliseconds; undefined while it answers. */
  private failedAt: number | undefined

  constructor(url: string, options: LdapServersOptions) {
    this.url = url
    this.options = options
    this.kept = Array.from({ length: options.connections }, () => undefined)
  }

  isResting(now: number): boolean {
    return this.failedAt !== undefined && now - this.failedAt < REST_MS
  }

  /** Remembers why it failed, or that it did not; a change is told. */
  note(failure: string | undefined): void {
    const failed = this.failedAt !== undefined
    this.failedAt = failure === undefined ? undefined : this.options.clock().getTime()
    if (failure !== undefined && !failed) this.options.onEvent(`the LDAP server ${this.url} fails: ${failure}`)
    if (failure === undefined && failed) this.options.onEvent(`the LDAP server ${this.url} answers again`)
  }

  /** On a connection that is kept; if one that is kept has broken, on a new one. */
  async use<T>(action: (client: Client) => Promise<T>): Promise<T> {
    const place = this.turn++ % this.kept.length
    const kept = this.kept[place]
    if (kept !== undefined) {
      try {
        const client = await kept
        if (client.isConnected) return await action(client)
      } catch {
        // The server may have been restarted since: a new connection tells.
      }
      await this.discard(place, kept)
    }
    const fresh = this.connectAsOurselves()
    this.kept[place] = fresh
    try {
      return await action(await fresh)
    } catch (error) {
      await this.discard(place, fresh)
      throw error
    }
  }

  /** As nobody yet. */
  async connect(): Promise<Client> {
    const { timeout, startTls, ca } = this.options
    const tlsOptions = { minVersion: 'TLSv1.2' as const, ...(ca === undefined ? {} : { ca }) }
    const secure = this.url.startsWith('ldaps:') ? { tlsOptions } : {}
    const client = new Client({ url: this.url, timeout, connectTimeout: timeout, ...secure })
    try {
      if (startTls) await client.startTLS({ ...tlsOptions, host: new URL(this.url).hostname })
      return client
    } catch (error) {
      await dismiss(client)
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.kept.entries()].map(([place, kept]) => this.discard(place, kept)))
  }

  async connectAsOurselves(): Promise<Client> {
    const { account } = this.options
    const client = await this.connect()
    try {
      if (account !== undefined) await client.bind(account.dn, account.password)
      return client
    } catch (error) {
      await dismiss(client)
      throw error
    }
  }

  private async discard(place: number, connection: Promise<Client> | undefined): Promise<void> {
    if (this.kept[place] === connection) this.kept[place] = undefined
    const client = await connection?.catch(() => undefined)
    if (client !== undefined) await dismiss(client)
  }
}

/** Says goodbye where there is still somebody to say it to. */
async function dismiss(client: Client): Promise<void> {
  await client.unbind().catch(() => undefined)
}
