/**
 * Our domains and mailboxes in one JSON file: the directory of a gateway that has no LDAP or database of users. A change takes
 * effect within a second, without a restart (O1); a broken file changes nothing.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync, type Stats } from 'node:fs'
import { PecError, reasonOf } from '../errors.js'
import { domainOf } from '../mail/address.js'
import type { Clock, Directory, OrdinaryMailPolicy } from '../points/ports.js'
import { parseDirectory, type DirectoryContents, type FileMailbox, type MailboxEntry } from './directory-contents.js'
import { PasswordVerifier } from './password.js'
import { RecentLogins } from './recent-logins.js'

export type DirectoryEvent =
  | { readonly kind: 'loaded'; readonly domains: number; readonly mailboxes: number }
  /** The changed file was not taken over: the last good copy stays in use. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Others than the owner may read the hashes. */
  | { readonly kind: 'exposed'; readonly mode: number }

export interface FileDirectoryOptions {
  readonly path: string
  readonly clock: Clock
  readonly onEvent: (event: DirectoryEvent) => void
  readonly verifier?: PasswordVerifier
}

/** Milliseconds between two looks at the file. */
const LOOK_EVERY = 1000
const MAX_SIZE = 64 * 1024 * 1024

export class FileDirectory implements Directory {
  private readonly options: FileDirectoryOptions
  private readonly verifier: PasswordVerifier
  private readonly recent: RecentLogins
  private contents: DirectoryContents
  private stamp: string
  private lookedAt: number

  private constructor(options: FileDirectoryOptions) {
    this.options = options
    this.verifier = options.verifier ?? new PasswordVerifier()
    this.recent = new RecentLogins(options.clock)
    this.stamp = stampOf(options.path)
    this.lookedAt = options.clock().getTime()
    this.contents = this.load()
  }

  /** Throws PecError 'configuration', with every fault of the file, if it cannot be used. */
  static open(options: FileDirectoryOptions): FileDirectory {
    try {
      return new FileDirectory(options)
    } catch (error) {
      throw new PecError('configuration', `the directory ${options.path} cannot be used: ${reasonOf(error)}`, { cause: error })
    }
  }

  managesDomain(domain: string): boolean {
    return this.current().domains.has(domain.toLowerCase())
  }

  mailbox(address: string): Promise<FileMailbox | undefined> {
    const entry = this.current().mailboxes.get(address.toLowerCase())
    return Promise.resolve(entry === undefined ? undefined : withoutPassword(entry))
  }

  ordinaryMail(address: string): Promise<OrdinaryMailPolicy | undefined> {
    const { mailboxes, ordinaryMail } = this.current()
    return Promise.resolve(mailboxes.get(address.toLowerCase())?.ordinaryMail ?? ordinaryMail.get(domainOf(address)))
  }

  /** The login is the mailbox's address. Rejects with PecError 'directory', temporary, under a flood of logins. */
  async authenticate(login: string, password: string): Promise<FileMailbox | undefined> {
    const entry = this.current().mailboxes.get(login.toLowerCase())
    const claimed = entry && { address: entry.address, password, stored: entry.password }
    if (entry !== undefined && claimed !== undefined && this.recent.has(claimed)) return withoutPassword(entry)
    const right = await this.verifier.verify(password, entry?.password)
    if (!right || entry === undefined || claimed === undefined) return undefined
    this.recent.add(claimed)
    return withoutPassword(entry)
  }

  /** Every mailbox, in the order of the file. */
  mailboxes(): readonly FileMailbox[] {
    return [...this.current().mailboxes.values()].map(withoutPassword)
  }

  /** Lower case. */
  domains(): ReadonlySet<string> {
    return this.current().domains
  }

  /**
   * The contents, of the file as it was at most a second ago. Reads synchronously: whoever asks about a domain cannot wait, the
   * look costs microseconds, and the reading happens only when an administrator has changed something.
   */
  private current(): DirectoryContents {
    const now = this.options.clock().getTime()
    if (Math.abs(now - this.lookedAt) < LOOK_EVERY) return this.contents
    this.lookedAt = now
    const stamp = stampOf(this.options.path)
    if (stamp === this.stamp) return this.contents
    this.stamp = stamp
    try {
      this.contents = this.load()
    } catch (error) {
      this.options.onEvent({ kind: 'refused', reason: reasonOf(error) })
    }
    return this.contents
  }

  private load(): DirectoryContents {
    const { contents, mode } = readDirectoryFile(this.options.path)
    this.options.onEvent({ kind: 'loaded', domains: contents.domains.size, mailboxes: contents.mailboxes.size })
    if ((mode & 0o077) !== 0) this.options.onEvent({ kind: 'exposed', mode: mode & 0o777 })
    return contents
  }
}

/** Reads and checks a directory file. Throws PecError 'directory' with every fault, or the system's error. */
export function readDirectoryFile(path: string): { readonly contents: DirectoryContents; readonly mode: number } {
  const file = openSync(path, 'r')
  try {
    const { size, mode } = fstatSync(file)
    if (size > MAX_SIZE) throw new PecError('directory', `${size} bytes are more than ${MAX_SIZE}`)
    const reading = parseDirectory(readFileSync(file, 'utf8'))
    if (!reading.ok) throw new PecError('directory', reading.faults.join('; '))
    return { contents: reading.contents, mode }
  } finally {
    closeSync(file)
  }
}

/** Tells one state of the file from another; that it cannot be looked at is a state too. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs }: Stats = statSync(path)
    return `${ino}/${size}/${mtimeMs}/${ctimeMs}`
  } catch (error) {
    return reasonOf(error)
  }
}

function withoutPassword({ address, state, quotaBytes, ordinaryMail }: MailboxEntry): FileMailbox {
  return { address, state, quotaBytes, ...(ordinaryMail === undefined ? {} : { ordinaryMail }) }
}
