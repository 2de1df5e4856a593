/**
 * Our domains and mailboxes in one JSON file: the directory of a gateway that has no LDAP or database of users. A change takes
 * effect within a second, without a restart (O1); a broken file changes nothing.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync, type Stats } from 'node:fs'
import { PecError, reasonOf } from '../errors.js'
import { domainOf } from '../mail/address.js'
import type { Clock, OpenedMailbox, OrdinaryMailPolicy } from '../points/ports.js'
import { lookupIn, parseDirectory, type DirectoryContents, type Lookup, type MailboxEntry } from './directory-contents.js'
import type { DirectoryEvent } from './directory-event.js'
import { hasEnded, parseLogin, type Administrator, type OwnDirectory, type OwnMailbox } from './own-directory.js'
import { PasswordVerifier } from './password.js'
import { RecentLogins } from './recent-logins.js'

export interface FileDirectoryOptions {
  readonly path: string
  readonly clock: Clock
  readonly onEvent: (event: DirectoryEvent) => void
  readonly verifier?: PasswordVerifier
}

/** Milliseconds between two looks at the file. */
const LOOK_EVERY = 1000
const MAX_SIZE = 64 * 1024 * 1024

export class FileDirectory implements OwnDirectory {
  private readonly options: FileDirectoryOptions
  private readonly verifier: PasswordVerifier
  private readonly recent: RecentLogins
  private contents: DirectoryContents
  private lookup: Lookup
  private stamp: string
  private lookedAt: number

  private constructor(options: FileDirectoryOptions) {
    this.options = options
    this.verifier = options.verifier ?? new PasswordVerifier()
    this.recent = new RecentLogins(options.clock)
    this.stamp = stampOf(options.path)
    this.lookedAt = options.clock().getTime()
    this.contents = this.load()
    this.lookup = lookupIn(this.contents)
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

  mailbox(address: string): Promise<OwnMailbox | undefined> {
    const entry = this.find(address)
    return Promise.resolve(entry && publicPart(entry))
  }

  ordinaryMail(address: string): Promise<OrdinaryMailPolicy | undefined> {
    return Promise.resolve(this.find(address)?.ordinaryMail ?? this.current().ordinaryMail.get(domainOf(address)))
  }

  /**
   * The login is an address of the mailbox, or ADDRESS*NAME for an operator of a shared one. Rejects with PecError 'directory',
   * temporary, under a flood of logins.
   */
  async authenticate(login: string, password: string): Promise<(OwnMailbox & OpenedMailbox) | undefined> {
    const { address, operator } = parseLogin(login)
    const entry = this.find(address)
    const secret = operator === undefined ? entry : entry?.operators.find(({ name }) => name === operator)
    const { password: stored, passwordUntil } = secret ?? {}
    const claimed = stored === undefined ? undefined : { address: login.toLowerCase(), password, stored }
    const known = claimed !== undefined && this.recent.has(claimed)
    const right = known || (await this.verifier.verify(password, stored))
    if (!right || entry === undefined || claimed === undefined) return undefined
    if (!known) this.recent.add(claimed)
    if (hasEnded(passwordUntil === undefined ? undefined : new Date(passwordUntil), this.options.clock())) return undefined
    return { ...publicPart(entry), temporary: passwordUntil !== undefined }
  }

  async administrator(login: string, password: string): Promise<(Administrator & { readonly temporary: boolean }) | undefined> {
    const entry = this.current().administrators.get(login.toLowerCase())
    const right = await this.verifier.verify(password, entry?.password)
    if (!right || entry === undefined) return undefined
    const { login: name, state, passwordUntil } = entry
    if (hasEnded(passwordUntil === undefined ? undefined : new Date(passwordUntil), this.options.clock())) return undefined
    return { login: name, state, temporary: passwordUntil !== undefined }
  }

  mailboxesOfCertificate(mark: string): Promise<readonly OwnMailbox[]> {
    return Promise.resolve(this.mailboxes().filter(({ certificates }) => certificates?.includes(mark) === true))
  }

  /** Every mailbox, in the order of the file. */
  mailboxes(): readonly OwnMailbox[] {
    return [...this.current().mailboxes.values()].map(publicPart)
  }

  /** Lower case. */
  domains(): ReadonlySet<string> {
    return this.current().domains
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private find(address: string): MailboxEntry | undefined {
    this.current()
    return this.lookup(address.toLowerCase())
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
      this.lookup = lookupIn(this.contents)
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

function publicPart(entry: MailboxEntry): OwnMailbox {
  const { address, state, kind, quotaBytes, ordinaryMail, archive, arrivalNotice, certificates } = entry
  return {
    ...{ address, state, kind, quotaBytes },
    ...(ordinaryMail === undefined ? {} : { ordinaryMail }),
    ...(archive === undefined ? {} : { archive }),
    ...(arrivalNotice === undefined ? {} : { arrivalNotice }),
    ...(certificates === undefined ? {} : { certificates }),
  }
}
