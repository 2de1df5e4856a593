/**
 * The embedded mailbox store: LMTP (RFC 2033) on loopback, Maildirs behind it. For a provider without Dovecot, and for trials.
 *
 * Every reply is a promise that the delivery point turns into a receipt or a notice: 250 only when the message is durably in the
 * mailbox, 5xx only when it never will be, 4xx for anything that an administrator can still repair.
 */
import { isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'
import { SMTPServer, type SMTPServerAddress, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { PecError, hasCode, reasonOf } from '../errors.js'
import type { Clock, Mailbox } from '../points/ports.js'
import { maildirOf, MailStore, type Reception, type Spooled } from './maildir.js'
import { MailboxUsage } from './usage.js'

/** Who has a mailbox here; `FileDirectory` is one. */
export interface MailboxLookup {
  mailbox(address: string): Promise<(Mailbox & { readonly quotaBytes?: number | undefined }) | undefined>
}

export type StoreEvent =
  | { readonly kind: 'stored'; readonly address: string; readonly path: string; readonly size: number }
  /** Answered with 4xx, or a connection that broke; `address` is '' where it is about no single mailbox. */
  | { readonly kind: 'trouble'; readonly address: string; readonly reason: string }

export interface LmtpStoreOptions {
  readonly directory: MailboxLookup
  /** Mailboxes are below its folder `mail`. */
  readonly root: string
  /** 0 for any free one. */
  readonly port: number
  /** A loopback address: there is neither TLS nor authentication here. Default 127.0.0.1. */
  readonly host?: string
  /** Bytes of the largest message. */
  readonly maxSize: number
  readonly clock: Clock
  readonly onEvent: (event: StoreEvent) => void
  /** Milliseconds that open connections are given by `close`. Default 5000. */
  readonly closeWithin?: number
}

interface Recipient {
  readonly address: string
  readonly maildir: string
  readonly quotaBytes: number | undefined
}

/** One reply of LMTP: text for success, an error with its code otherwise. */
type Reply = string | ReplyError

class ReplyError extends Error {
  readonly responseCode: number

  constructor(responseCode: number, text: string) {
    super(text)
    this.responseCode = responseCode
  }
}

const MAX_RECIPIENTS = 1000
const MAX_CLIENTS = 500
const NO_ROOM = ['ENOSPC', 'EDQUOT']

export class LmtpStore {
  private readonly options: LmtpStoreOptions
  private readonly store: MailStore
  private readonly usage: MailboxUsage
  private readonly server: SMTPServer
  /** The accepted recipients of each session's transaction: one per RCPT, repeated ones too, since each gets its reply. RFC 2033 §4.2 */
  private readonly recipients = new WeakMap<SMTPServerSession, Recipient[]>()

  private constructor(options: LmtpStoreOptions, store: MailStore) {
    this.options = options
    this.store = store
    this.usage = new MailboxUsage(options.clock)
    this.server = new SMTPServer({
      lmtp: true,
      name: 'localhost',
      banner: 'haraka-pec mailbox store',
      logger: false,
      disabledCommands: ['AUTH', 'STARTTLS', 'XCLIENT', 'XFORWARD', 'VRFY', 'WIZ', 'SHELL', 'KILL'],
      disableReverseLookup: true,
      hideSMTPUTF8: true,
      size: options.maxSize,
      maxClients: MAX_CLIENTS,
      closeTimeout: options.closeWithin ?? 5000,
      onMailFrom: (_address, session, callback) => {
        this.recipients.set(session, [])
        callback()
      },
      onRcptTo: (address, session, callback) => {
        void this.admit(address, session).then(callback)
      },
      onData: (stream, session, callback) => {
        void this.accept(stream, session).then((replies) => callback(null, replies))
      },
    })
  }

  /** Listens when it resolves. Rejects with PecError 'configuration' if the folder or the port cannot be used. */
  static async open(options: LmtpStoreOptions): Promise<LmtpStore> {
    const host = options.host ?? '127.0.0.1'
    if (!isLoopback(host)) {
      throw new PecError('configuration', `the mailbox store listens on loopback only, not on ${host}`)
    }
    try {
      const opened = new LmtpStore(options, await MailStore.open(options.root, options.clock))
      await opened.listen(host)
      return opened
    } catch (error) {
      throw new PecError('configuration', `the mailbox store cannot start: ${reasonOf(error)}`, { cause: error })
    }
  }

  /** The port it listens on. */
  get port(): number {
    const address = this.server.server.address()
    return typeof address === 'object' && address !== null ? address.port : this.options.port
  }

  /** Stops listening; deliveries under way are finished within the time given to them. */
  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve))
  }

  private listen(host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(this.options.port, host, () => {
        this.server.off('error', reject)
        this.server.on('error', (error) => this.options.onEvent({ kind: 'trouble', address: '', reason: reasonOf(error) }))
        resolve()
      })
    })
  }

  /** The refusal of a recipient, or null. Never rejects. */
  private async admit({ address: written }: SMTPServerAddress, session: SMTPServerSession): Promise<ReplyError | null> {
    const address = canonical(written)
    try {
      const mailbox = await this.options.directory.mailbox(address)
      if (mailbox === undefined) return new ReplyError(550, '5.1.1 unknown mailbox')
      if (mailbox.state === 'closed' || mailbox.state === 'frozen') return new ReplyError(550, '5.2.1 mailbox disabled')
      const maildir = maildirOf(this.options.root, mailbox.address)
      const recipient = { address: mailbox.address, maildir, quotaBytes: mailbox.quotaBytes }
      if (await this.isFull(recipient, announcedSize(session))) return new ReplyError(552, '5.2.2 mailbox full')
      const accepted = this.recipients.get(session) ?? []
      if (accepted.length >= MAX_RECIPIENTS) return new ReplyError(452, '4.5.3 too many recipients')
      accepted.push(recipient)
      return null
    } catch (error) {
      return this.failure(address, error)
    }
  }

  /** One reply for each recipient, in their order. Never rejects. */
  private async accept(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Reply[]> {
    const recipients = this.recipients.get(session) ?? []
    const answerAll = (reply: Reply) => recipients.map(() => reply)
    let reception: Reception
    try {
      reception = await this.store.receive(stream, this.options.maxSize)
    } catch (error) {
      // The connection broke off: nobody reads these replies.
      return answerAll(this.failure('', error))
    }
    if ('tooLarge' in reception) return answerAll(new ReplyError(552, `5.3.4 message larger than ${this.options.maxSize} bytes`))
    if ('failure' in reception) return answerAll(this.failure('', reception.failure))
    const { spooled } = reception
    const replies = await this.deliverToAll(spooled, recipients)
    await this.store.discard(spooled).catch((error: unknown) => this.failure('', error))
    return replies
  }

  /** A recipient named twice gets one copy and two replies. */
  private deliverToAll(spooled: Spooled, recipients: readonly Recipient[]): Promise<Reply[]> {
    const deliveries = new Map<string, Promise<Reply>>()
    for (const recipient of recipients) {
      if (!deliveries.has(recipient.maildir)) deliveries.set(recipient.maildir, this.deliver(spooled, recipient))
    }
    return Promise.all(recipients.flatMap(({ maildir }) => deliveries.get(maildir) ?? []))
  }

  private async deliver(spooled: Spooled, recipient: Recipient): Promise<Reply> {
    try {
      if (await this.isFull(recipient, spooled.size)) return new ReplyError(552, '5.2.2 mailbox full')
      const path = await this.store.deliver(spooled, recipient.maildir)
      this.usage.add(recipient.maildir, spooled.size)
      this.options.onEvent({ kind: 'stored', address: recipient.address, path, size: spooled.size })
      return '2.6.0 stored'
    } catch (error) {
      return this.failure(recipient.address, error)
    }
  }

  /** Whether so many bytes more would be too many; at its bound a mailbox is full for any message. */
  private async isFull({ maildir, quotaBytes }: Recipient, more: number): Promise<boolean> {
    if (quotaBytes === undefined) return false
    const used = await this.usage.bytesOf(maildir)
    return used >= quotaBytes || used + more > quotaBytes
  }

  private failure(address: string, error: unknown): ReplyError {
    this.options.onEvent({ kind: 'trouble', address, reason: reasonOf(error) })
    return hasCode(error, ...NO_ROOM)
      ? new ReplyError(452, '4.3.1 no room on the disk')
      : new ReplyError(451, '4.3.0 cannot store the message now')
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** Lower case; smtp-server turns an internationalised domain into Unicode, and directories know its ASCII form. */
function canonical(address: string): string {
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1)
  return `${address.slice(0, at + 1)}${domainToASCII(domain) || domain}`.toLowerCase()
}

/** The SIZE parameter of MAIL, 0 without. RFC 1870 */
function announcedSize({ envelope }: SMTPServerSession): number {
  const size = envelope.mailFrom !== false && envelope.mailFrom.args !== false ? envelope.mailFrom.args['SIZE'] : undefined
  return typeof size === 'string' && /^\d{1,15}$/.test(size) ? Number(size) : 0
}
