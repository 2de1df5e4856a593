/** Where a revocation list comes from: a file, HTTP, or an entry of an LDAP directory. */
import { readFile } from 'node:fs/promises'
import { download, type DownloadBounds } from '../download.js'
import { bytesOf, parseLdapUrl, searchLdap } from '../ldap-search.js'
import { writePem } from './pem.js'

const ATTRIBUTES = ['certificateRevocationList;binary', 'authorityRevocationList;binary']

/** Lists in PEM or DER. Rejects with an Error that says what happened instead. */
export async function readCrlSource(source: string, bounds: DownloadBounds): Promise<Buffer> {
  if (/^https?:\/\//i.test(source)) return download(source, bounds)
  return /^ldaps?:\/\//i.test(source) ? readEntry(source, bounds) : readFile(source)
}

/** RFC 4523 §2.4, §2.5 */
async function readEntry(url: string, bounds: DownloadBounds): Promise<Buffer> {
  const search = parseLdapUrl(url)
  const { attributes } = search
  const entries = await searchLdap({ ...search, attributes: attributes.length === 0 ? ATTRIBUTES : attributes }, bounds)
  const lists = entries.flatMap((entry) =>
    Object.entries(entry).flatMap(([name, value]) => (/RevocationList/i.test(name) ? bytesOf(value) : [])),
  )
  return Buffer.from(lists.map((der) => writePem(der, 'X509 CRL')).join(''))
}
