/** Revocation lists and answers of responders as they came last from afar, kept in a folder for a start without the network. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../replace-file.js'

export class RevocationCopies {
  private readonly folder: string
  private readonly kind: 'crl' | 'ocsp'

  constructor(folder: string, kind: 'crl' | 'ocsp') {
    this.folder = folder
    this.kind = kind
  }

  /** Undefined where there is none. */
  async read(name: string): Promise<{ readonly bytes: Buffer; readonly at: Date } | undefined> {
    const path = this.pathOf(name)
    try {
      return { bytes: await readFile(path), at: (await stat(path)).mtime }
    } catch {
      // There was no network before either.
      return undefined
    }
  }

  async write(name: string, bytes: Buffer): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    await replaceFile(this.pathOf(name), bytes, 0o600)
  }

  /** A name may be an address, and longer than a file's may be. */
  private pathOf(name: string): string {
    return join(this.folder, `${createHash('sha256').update(name).digest('hex')}.${this.kind}`)
  }
}
