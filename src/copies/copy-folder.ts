/**
 * The folder of copies of mailboxes' traffic (O8): DOMAIN/USER/YYYY-MM-DD/HHMMSS-DIGEST.eml, day and hour in UTC, each message byte for
 * byte. The name tells the message: the same copy, made again after a crash, is the same file. What a crash has left unfinished is below
 * .unfinished.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PecError, reasonOf } from '../errors.js'
import { folderOfAddress } from '../mail/address-folder.js'
import type { Source } from '../mail/source.js'
import { syncFolder, writeSource } from '../write-source.js'

/** Characters of the digest in a name. */
const DIGEST = 16

export class CopyFolder {
  /** Of copies that are being written. */
  readonly unfinished: string
  private readonly root: string

  constructor(root: string) {
    this.root = root
    this.unfinished = join(root, '.unfinished')
  }

  /**
   * Keeps the copy of a message that passed through a mailbox at this time. Durable when it resolves, with the path below the folder;
   * rejects with PecError 'copies', temporary, if it cannot be.
   */
  async keep(mailbox: string, message: Source, at: Date): Promise<string> {
    const unfinished = join(this.unfinished, randomUUID())
    try {
      const folder = join(folderOfAddress(mailbox), at.toISOString().slice(0, 10))
      await this.makeFolder(folder)
      await mkdir(this.unfinished, { recursive: true, mode: 0o700 })
      const digest = await writeSource(message, unfinished)
      const path = join(folder, `${at.toISOString().slice(11, 19).replaceAll(':', '')}-${digest.slice(0, DIGEST)}.eml`)
      await rename(unfinished, join(this.root, path))
      await syncFolder(join(this.root, folder))
      return path
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => undefined)
      throw new PecError('copies', `the folder of copies ${this.root} did not take one: ${reasonOf(cause)}`, {
        temporary: true,
        cause,
      })
    }
  }

  /** Every folder that is new is made durable in its parent. */
  private async makeFolder(folder: string): Promise<void> {
    const first = await mkdir(join(this.root, folder), { recursive: true, mode: 0o700 })
    if (first === undefined) return
    for (let made = join(this.root, folder); made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
  }
}
