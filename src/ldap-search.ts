/** One search of one LDAP server, as an LDAP URL tells it, on a connection of its own, bounded in size and time. RFC 4511, RFC 4516 */
import { Client, ResultCodeError, type Entry } from 'ldapts'
import type { DownloadBounds, TlsMeans } from './download.js'
import { PecError, reasonOf } from './errors.js'

export interface LdapSearch {
  /** ldap://HOST:PORT or ldaps://HOST:PORT */
  readonly server: string
  readonly base: string
  /** All of them, if there are none. */
  readonly attributes: readonly string[]
  readonly scope: 'base' | 'one' | 'sub'
  readonly filter: string
}

/** How a server is spoken to. */
export interface LdapAccess {
  readonly tls?: TlsMeans
  /** Whether a connection to ldap:// goes over to TLS before anything else. */
  readonly startTls?: boolean
  /** Who we are; nobody if left out. */
  readonly account?: LdapAccount | undefined
}

export interface LdapAccount {
  readonly dn: string
  readonly password: string
}

const PAGE = 500

/** Throws PecError 'malformed' for what is no LDAP URL with a server in it. */
export function parseLdapUrl(text: string): LdapSearch {
  const [, server, base = '', attributes = '', scope = 'base', filter = '(objectClass=*)'] =
    /^(ldaps?:\/\/[^/?\s]+)(?:\/([^?]*)(?:\?([^?]*)(?:\?(base|one|sub|)(?:\?([^?]*))?)?)?)?$/i.exec(text) ?? []
  if (server === undefined) throw new PecError('malformed', `${text} is no LDAP URL with a server`)
  return {
    server,
    base: decoded(base),
    attributes: decoded(attributes)
      .split(',')
      .filter((each) => each !== ''),
    scope: (scope.toLowerCase() || 'base') as LdapSearch['scope'],
    filter: decoded(filter) || '(objectClass=*)',
  }
}

/** The entries found. Rejects with an Error that says what happened instead. */
export async function searchLdap(search: LdapSearch, bounds: DownloadBounds, access: LdapAccess = {}): Promise<Entry[]> {
  const tlsOptions = { minVersion: 'TLSv1.2' as const, ...access.tls }
  const secure = /^ldaps:/i.test(search.server) ? { tlsOptions } : {}
  const client = new Client({ url: search.server, timeout: bounds.timeout, connectTimeout: bounds.timeout, ...secure })
  const late = new Promise<never>((_, reject) => {
    const complain = (): void => reject(new Error(`timeout after ${bounds.timeout / 1000} s`))
    AbortSignal.timeout(bounds.timeout).addEventListener('abort', complain)
  })
  const find = async (): Promise<Entry[]> => {
    if (access.startTls === true) await client.startTLS({ ...tlsOptions, host: new URL(search.server).hostname })
    if (access.account !== undefined) await client.bind(access.account.dn, access.account.password)
    return collect(client, search, bounds.maxSize)
  }
  try {
    return await Promise.race([find(), late])
  } finally {
    await client.unbind().catch(() => undefined)
  }
}

async function collect(client: Client, { base, attributes, scope, filter }: LdapSearch, maxSize: number): Promise<Entry[]> {
  const options = { scope, filter, attributes: [...attributes], paged: { pageSize: PAGE } }
  const entries: Entry[] = []
  let size = 0
  for await (const { searchEntries } of client.searchPaginated(base, options)) {
    for (const entry of searchEntries) size += sizeOf(entry)
    if (size > maxSize) throw new Error(`larger than ${maxSize} bytes`)
    entries.push(...searchEntries)
  }
  return entries
}

/** What an LDAP server said; it may be nothing but the number of a result (RFC 4511 §4.1.9), which has a name. */
export function ldapReasonOf(error: unknown): string {
  const reason = reasonOf(error).trim()
  return error instanceof ResultCodeError && reason.startsWith('Code:') ? `${error.name}. ${reason}` : reason
}

/** Every value of an attribute, as bytes. */
export function bytesOf(value: Entry[string]): Buffer[] {
  return (Array.isArray(value) ? value : [value]).map((each) => (typeof each === 'string' ? Buffer.from(each) : each))
}

function sizeOf(entry: Entry): number {
  return Object.values(entry)
    .flatMap(bytesOf)
    .reduce((sum, { length }) => sum + length, 0)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new PecError('malformed', `${text} is not encoded as a URL wants it`, { cause: error })
  }
}
