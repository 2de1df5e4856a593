/** Where a revocation list comes from: a file, HTTP, or an entry of an LDAP directory; and the last copy of what came from afar. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { download, type DownloadBounds } from '../download.js'
import { bytesOf, parseLdapUrl, searchLdap } from '../ldap-search.js'
import { replaceFile } from '../replace-file.js'
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

/** What came from afar last, kept in a folder for a start without the network. */
export class CrlCopies {
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Undefined where there is none. */
  async read(source: string): Promise<{ readonly bytes: Buffer; readonly at: Date } | undefined> {
    const path = this.pathOf(source)
    if (path === undefined) return undefined
    try {
      return { bytes: await readFile(path), at: (await stat(path)).mtime }
    } catch {
      // There was no network before either.
      return undefined
    }
  }

  async write(source: string, bytes: Buffer): Promise<void> {
    const path = this.pathOf(source)
    if (path === undefined) return
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    await replaceFile(path, bytes, 0o600)
  }

  /** A source that is a file needs no copy. */
  private pathOf(source: string): string | undefined {
    if (!/^\w+:\/\//.test(source)) return undefined
    return join(this.folder, `${createHash('sha256').update(source).digest('hex')}.crl`)
  }
}
