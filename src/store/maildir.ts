/**
 * Maildirs: DIR/mail/DOMAIN/USER/Maildir/{tmp,new,cur}. A message is written once into a spool on the same file system, made
 * durable, and then stands in each mailbox under a name of its own, with its bytes as they came.
 */
import { randomBytes } from 'node:crypto'
import { constants, copyFile, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { hasCode } from '../errors.js'
import { folderOfAddress } from '../mail/address-folder.js'
import type { Clock } from '../points/ports.js'
import { syncFolder } from '../write-source.js'

/** A message in the spool. */
export interface Spooled {
  readonly path: string
  /** Bytes. */
  readonly size: number
}

/** What came of receiving a message: it was read to its end in every case. */
export type Reception = { readonly spooled: Spooled } | { readonly tooLarge: true } | { readonly failure: unknown }

/** Errors after which a hard link may still be replaced by a copy. */
const NO_LINKS = ['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP']

/** The Maildir of an address below `root`. Throws PecError 'malformed' for an address that cannot safely name folders. */
export function maildirOf(root: string, address: string): string {
  return resolve(root, 'mail', folderOfAddress(address), 'Maildir')
}

export class MailStore {
  readonly root: string
  private readonly clock: Clock
  /** Tells this process from any other that ever delivered here. */
  private readonly token = randomBytes(6).toString('hex')
  private readonly host = hostname().replaceAll('/', '\\057').replaceAll(':', '\\072')
  private delivered = 0

  private constructor(root: string, clock: Clock) {
    this.root = root
    this.clock = clock
  }

  /** Makes the spool and removes what an earlier run left half received in it: nobody was told that it was accepted. */
  static async open(root: string, clock: Clock): Promise<MailStore> {
    const store = new MailStore(root, clock)
    await mkdir(store.spool, { recursive: true, mode: 0o700 })
    for (const name of await readdir(store.spool)) await rm(join(store.spool, name), { force: true })
    return store
  }

  /** Writes a message durably into the spool, `limit` bytes at most. Rejects only if the stream breaks off. */
  async receive(stream: AsyncIterable<Buffer>, limit: number): Promise<Reception> {
    const path = join(this.spool, this.newName())
    let size = 0
    let failure: unknown
    let file: Awaited<ReturnType<typeof open>> | undefined
    try {
      file = await open(path, 'wx', 0o600)
    } catch (error) {
      failure = error
    }
    let whole = false
    try {
      // The sender waits for the end of its data, so after a failure the rest is read and dropped.
      for await (const chunk of stream) {
        size += chunk.length
        if (file === undefined || failure !== undefined || size > limit) continue
        await file.appendFile(chunk).catch((error: unknown) => (failure = error))
      }
      if (failure === undefined && size <= limit) await file?.sync().catch((error: unknown) => (failure = error))
      whole = failure === undefined && size <= limit
    } finally {
      await file?.close()
      if (!whole) await rm(path, { force: true })
    }
    if (whole) return { spooled: { path, size } }
    return size > limit ? { tooLarge: true } : { failure }
  }

  /** Puts a spooled message into a Maildir, making it if need be; durable when it resolves, with the path of the message. */
  async deliver({ path, size }: Spooled, maildir: string): Promise<string> {
    const name = `${this.newName()},S=${size}`
    const unfinished = join(maildir, 'tmp', name)
    const finished = join(maildir, 'new', name)
    try {
      await place(path, unfinished)
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
      await makeMaildir(maildir)
      await place(path, unfinished)
    }
    try {
      await rename(unfinished, finished)
      await syncFolder(dirname(finished))
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
    return finished
  }

  async discard({ path }: Spooled): Promise<void> {
    await rm(path, { force: true })
  }

  private get spool(): string {
    return join(this.root, 'mail', '.spool')
  }

  private newName(): string {
    const now = this.clock().getTime()
    this.delivered += 1
    return `${Math.floor(now / 1000)}.M${(now % 1000) * 1000}P${process.pid}Q${this.delivered}R${this.token}.${this.host}`
  }
}

async function place(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!hasCode(error, ...NO_LINKS)) throw error
    await copyDurably(from, to)
  }
}

async function copyDurably(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
    const file = await open(to, 'r+')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    await rm(to, { force: true })
    throw error
  }
}

/** Makes the folders and makes them durable, each in its parent. */
async function makeMaildir(maildir: string): Promise<void> {
  const first = await mkdir(maildir, { recursive: true, mode: 0o700 })
  for (const name of ['tmp', 'new', 'cur']) await mkdir(join(maildir, name), { recursive: true, mode: 0o700 })
  const top = first === undefined ? maildir : dirname(first)
  let folder = maildir
  await syncFolder(folder)
  while (folder.length > top.length) {
    folder = dirname(folder)
    await syncFolder(folder)
  }
}
