/**
 * What provisioning reads and changes (O3): our domains and mailboxes, be they in a file or on LDAP servers. Every change rejects with
 * PecError 'directory' if it cannot be made, and then has changed nothing that anybody can use.
 */
import type { ArrivalNotice, MailboxState, OrdinaryMailPolicy, TrafficArchive } from '../points/ports.js'
import type { Administrator, AdministratorState, MailboxKind, OwnMailbox } from './own-directory.js'

export interface Domain {
  /** Lower case. */
  readonly name: string
  readonly ordinaryMail: OrdinaryMailPolicy | undefined
}

/** A mailbox with all that is known of it but its passwords. */
export interface Account extends OwnMailbox {
  /** Lower case. */
  readonly aliases: readonly string[]
  /** Names of those who work in a shared mailbox. */
  readonly operators: readonly string[]
  /** The day on which the service is to be renewed, YYYY-MM-DD. */
  readonly renewal: string | undefined
  /** When its password ends, if that is a temporary one. */
  readonly passwordUntil: Date | undefined
}

export interface NewAccount {
  readonly address: string
  readonly kind: MailboxKind
  /** None for a shared mailbox, which has operators. */
  readonly secret: Secret | undefined
  readonly aliases?: readonly string[]
  readonly quotaBytes?: number | undefined
  readonly renewal?: string | undefined
}

export interface Secret {
  /** In clear. */
  readonly password: string
  /** When it ends, if it is a temporary one. */
  readonly until: Date | undefined
}

/** What is there is changed; what is there and undefined is taken away. */
export interface AccountChange {
  readonly state?: MailboxState
  readonly quotaBytes?: number | undefined
  readonly ordinaryMail?: OrdinaryMailPolicy | undefined
  /** YYYY-MM-DD */
  readonly renewal?: string | undefined
  readonly archive?: TrafficArchive | undefined
  readonly arrivalNotice?: ArrivalNotice | undefined
  /** Marks of client certificates (certificate-marks.ts), all of them. */
  readonly certificates?: readonly string[] | undefined
}

/** An administrator with all that is known but the password. */
export interface AdministratorAccount extends Administrator {
  /** When the password ends, if it is a temporary one. */
  readonly passwordUntil: Date | undefined
}

/** The customers' administrators, by their logins, NAME@DOMAIN of a domain of ours. */
export interface Administrators {
  /** All of them, in the order of their logins. */
  administrators(): Promise<readonly AdministratorAccount[]>
  addAdministrator(login: string, secret: Secret): Promise<void>
  setAdministratorState(login: string, state: AdministratorState): Promise<void>
  setAdministratorPassword(login: string, secret: Secret): Promise<void>
  removeAdministrator(login: string): Promise<void>
}

/** Addresses are those of mailboxes, not their aliases; none of them has case. */
export interface Accounts extends Administrators {
  domains(): Promise<readonly Domain[]>
  addDomain(domain: string): Promise<void>
  setDomainPolicy(domain: string, policy: OrdinaryMailPolicy | undefined): Promise<void>
  /** One without mailboxes and administrators. */
  removeDomain(domain: string): Promise<void>
  /** All mailboxes, in the order of their addresses. */
  list(): Promise<readonly Account[]>
  find(address: string): Promise<Account | undefined>
  add(account: NewAccount): Promise<void>
  change(address: string, change: AccountChange): Promise<void>
  setPassword(address: string, secret: Secret): Promise<void>
  addAlias(address: string, alias: string): Promise<void>
  removeAlias(address: string, alias: string): Promise<void>
  /** Lets somebody work in a shared mailbox with this password; who may already gets it. */
  setOperator(address: string, name: string, secret: Secret): Promise<void>
  removeOperator(address: string, name: string): Promise<void>
  /** Its mail stays where it is. */
  remove(address: string): Promise<void>
  close(): Promise<void>
}
