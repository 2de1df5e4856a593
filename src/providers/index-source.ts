/** Where the index of providers comes from: the centre's signed file over HTTPS, or its LDAP server. RFC 6109 §4.5 */
import type { Entry } from 'ldapts'
import { download, type DownloadBounds, type TlsMeans } from '../download.js'
import { PecError } from '../errors.js'
import { bytesOf, ldapReasonOf, parseLdapUrl, searchLdap, type LdapAccess } from '../ldap-search.js'
import type { Clock } from '../points/ports.js'
import type { TrustStore } from '../smime/trust.js'
import { writeLdif, type LdifEntry } from './ldif.js'
import { openSignedIndex, signingTimeOf } from './signed-index.js'

export interface IndexSource {
  readonly url: string
  /** The index as it comes. Rejects with PecError 'index', temporary. */
  fetch(): Promise<Buffer>
  /** The LDIF in what came, if it is what it should be. Rejects with PecError 'index'. */
  open(received: Buffer): Promise<Buffer>
  /** How old something is that came once; undefined where the source does not say. Rejects if it came from elsewhere. */
  signedAt(received: Buffer): Promise<Date | undefined>
}

export interface IndexSourceOptions extends DownloadBounds {
  readonly url: string
  readonly tls: TlsMeans
}

/** `signers` says whose signature of the file counts. */
export function signedFile(options: IndexSourceOptions & { readonly signers: TrustStore; readonly clock: Clock }): IndexSource {
  const { url, tls, signers, clock } = options
  return {
    url,
    fetch: () => attempt(url, () => download(url, options, tls)),
    open: async (received) => (await openSignedIndex(received, signers, clock())).ldif,
    signedAt: signingTimeOf,
  }
}

const BASE = 'o=postacert'

/** Every entry below o=postacert, or what the URL says. Nothing is signed: TLS is what protects it. */
export function ldapServer({ url, tls, startTls, account, ...bounds }: IndexSourceOptions & LdapAccess): IndexSource {
  const { server, base } = parseLdapUrl(url)
  const search = { server, base: base || BASE, attributes: [], scope: 'sub' as const, filter: '(objectClass=*)' }
  const access: LdapAccess = { tls, startTls: startTls === true, account }
  return {
    url,
    fetch: async () => writeLdif((await attempt(url, () => searchLdap(search, bounds, access))).map(ldifOf)),
    open: (received) => Promise.resolve(received),
    signedAt: () => Promise.resolve(undefined),
  }
}

function ldifOf({ dn, ...attributes }: Entry): LdifEntry {
  const values = Object.entries(attributes).flatMap(([description, value]) =>
    bytesOf(value).map((bytes) => ({ description, value: bytes })),
  )
  return { dn, attributes: values }
}

async function attempt<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new PecError('index', `${url}: ${ldapReasonOf(error)}`, { temporary: true, cause: error })
  }
}
