/** What the gateway asks of a directory of our own domains and mailboxes, be it a file or LDAP servers. */
import { domainOf } from '../mail/address.js'
import type { Directory, Mailbox, OpenedMailbox, OrdinaryMailPolicy } from '../points/ports.js'

/** individual: one person's; shared: several operators log in to it, each in their own name; application: a program's (O2). */
export type MailboxKind = 'individual' | 'shared' | 'application'

export const MAILBOX_KINDS: readonly MailboxKind[] = ['individual', 'shared', 'application']

export interface OwnMailbox extends Mailbox {
  readonly kind: MailboxKind
  /** Bytes that the mailbox may hold; undefined for no bound. */
  readonly quotaBytes: number | undefined
  /** Undefined where the domain's counts. */
  readonly ordinaryMail?: OrdinaryMailPolicy | undefined
  /** Marks of the client certificates that open it (certificate-marks.ts); none if undefined. */
  readonly certificates?: readonly string[] | undefined
}

/** active: may administer its domain; suspended: may not, for a time. */
export const ADMINISTRATOR_STATES = ['active', 'suspended'] as const
export type AdministratorState = (typeof ADMINISTRATOR_STATES)[number]

/** A customer's administrator: somebody who provides for the mailboxes of one domain, and for nothing else (O3). */
export interface Administrator {
  /** NAME@DOMAIN, lower case: who it is, and of which domain. No mailbox has this address. */
  readonly login: string
  readonly state: AdministratorState
}

export interface OwnDirectory extends Directory {
  /** By its address or an alias. */
  mailbox(address: string): Promise<OwnMailbox | undefined>
  authenticate(login: string, password: string): Promise<(OwnMailbox & OpenedMailbox) | undefined>
  /**
   * The administrator that this login and password are of, in whatever state; undefined if they do not match, or the password has ended.
   * Rejects with PecError 'directory', temporary.
   */
  administrator(login: string, password: string): Promise<(Administrator & Pick<OpenedMailbox, 'temporary'>) | undefined>
  /** Those that the certificate with this fingerprint mark opens; one, unless somebody has registered it twice. */
  mailboxesOfCertificate(mark: string): Promise<readonly OwnMailbox[]>
  /** Lower case. */
  domains(): ReadonlySet<string>
  close(): Promise<void>
}

/** Who logs in: the owner of a mailbox with its address, an operator of a shared one with ADDRESS*NAME. */
export interface Login {
  /** Lower case. */
  readonly address: string
  /** Lower case; undefined for the owner. */
  readonly operator: string | undefined
}

/** Splits a login; an asterisk of the local part is not the one before an operator. */
export function parseLogin(login: string): Login {
  const lower = login.toLowerCase()
  const domain = domainOf(lower)
  const mark = domain.indexOf('*')
  if (mark < 0) return { address: lower, operator: undefined }
  return { address: lower.slice(0, lower.length - domain.length + mark), operator: domain.slice(mark + 1) }
}

/** Whether a password that lasts until then, if it is a temporary one, opens nothing any more. */
export function hasEnded(until: Date | undefined, now: Date): boolean {
  return until !== undefined && until.getTime() <= now.getTime()
}
