/** Changes to a directory file: domains, mailboxes, operators, administrators. */
import { domainOf } from '../mail/address.js'
import type { MailboxState, OrdinaryMailPolicy } from '../points/ports.js'
import {
  isDomain,
  isMailboxAddress,
  isOperatorName,
  type AdministratorEntry,
  type MailboxEntry,
  type Operator,
} from './directory-contents.js'
import { edit, refused } from './edited-file.js'
import type { AdministratorState, MailboxKind } from './own-directory.js'
import { hashPassword, type ScryptCost } from './password.js'

export interface NewMailbox {
  readonly address: string
  /** In clear; only its hash is kept. None for a shared mailbox. */
  readonly password?: string
  /** Default active. */
  readonly state?: MailboxState
  /** Default individual. */
  readonly kind?: MailboxKind
  readonly quotaBytes?: number
  readonly aliases?: readonly string[]
  /** YYYY-MM-DD. */
  readonly renewal?: string
  /** When the password ends, if it is a temporary one. */
  readonly passwordUntil?: Date
  /** Of the hash; for tests. */
  readonly cost?: ScryptCost
}

/** Of a password: until when it lasts, if it is a temporary one; the cost of its hash, for tests. */
export interface PasswordOptions {
  readonly until?: Date | undefined
  readonly cost?: ScryptCost | undefined
}

/** What an edit changes of a mailbox, and undefined takes away. */
export type MailboxChange = Partial<
  Pick<MailboxEntry, 'state' | 'quotaBytes' | 'ordinaryMail' | 'renewal' | 'archive' | 'arrivalNotice' | 'certificates'>
>

/** Adds a domain of ours; the file is made if there is none. Rejects with PecError 'directory', as every edit does, if it cannot be. */
export async function addDomain(path: string, domain: string): Promise<void> {
  const lower = domain.toLowerCase()
  if (!isDomain(lower)) throw refused(`${JSON.stringify(domain)} is no domain`)
  await edit(path, (contents) => {
    if (contents.domains.has(lower)) throw refused(`${lower} is there already`)
    return { ...contents, domains: new Set([...contents.domains, lower]) }
  })
}

/** Takes a domain out that has no mailboxes and administrators any more. */
export async function removeDomain(path: string, domain: string): Promise<void> {
  const lower = domain.toLowerCase()
  await edit(path, (contents) => {
    if (!contents.domains.has(lower)) throw refused(`${JSON.stringify(domain)} is not among the domains`)
    for (const [address, { aliases }] of contents.mailboxes)
      if ([address, ...aliases].some((each) => domainOf(each) === lower))
        throw refused(`${lower} is not empty: ${address} is there`)
    const ordinaryMail = new Map([...contents.ordinaryMail].filter(([name]) => name !== lower))
    return { ...contents, ordinaryMail, domains: new Set([...contents.domains].filter((name) => name !== lower)) }
  })
}

/** What becomes of ordinary mail for a domain; undefined for the gateway's default. */
export async function setDomainPolicy(path: string, domain: string, policy: OrdinaryMailPolicy | undefined): Promise<void> {
  const lower = domain.toLowerCase()
  await edit(path, (contents) => {
    if (!contents.domains.has(lower)) throw refused(`${JSON.stringify(domain)} is not among the domains`)
    const ordinaryMail = new Map(contents.ordinaryMail)
    if (policy === undefined) ordinaryMail.delete(lower)
    else ordinaryMail.set(lower, policy)
    return { ...contents, ordinaryMail }
  })
}

/** Adds a mailbox in one of the file's domains. */
export async function addMailbox(path: string, mailbox: NewMailbox): Promise<void> {
  const address = mailbox.address.toLowerCase()
  if (!isMailboxAddress(address)) throw refused(`${JSON.stringify(mailbox.address)} is no mailbox address`)
  if (mailbox.kind === 'shared' ? mailbox.password !== undefined : !mailbox.password)
    throw refused(mailbox.kind === 'shared' ? 'a shared mailbox has no password, but operators' : 'the password is empty')
  if (mailbox.quotaBytes !== undefined && !(Number.isSafeInteger(mailbox.quotaBytes) && mailbox.quotaBytes > 0)) {
    throw refused('the quota is not a positive whole number')
  }
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const password = mailbox.password === undefined ? undefined : await hashPassword(mailbox.password, mailbox.cost)
  const { state = 'active', kind = 'individual', quotaBytes, renewal, passwordUntil } = mailbox
  const aliases = (mailbox.aliases ?? []).map((alias) => alias.toLowerCase())
  const entry: MailboxEntry = {
    ...{ address, state, kind, password, quotaBytes, aliases, renewal, operators: [] },
    passwordUntil: passwordUntil?.toISOString(),
  }
  await edit(path, (contents) => {
    const { domains, mailboxes } = contents
    if (!domains.has(domain)) throw refused(`${domain} is not among the domains`)
    if (mailboxes.has(address)) throw refused(`${address} is there already`)
    return { ...contents, mailboxes: new Map([...mailboxes, [address, entry]]) }
  })
}

export async function setState(path: string, address: string, state: MailboxState): Promise<void> {
  await updateMailbox(path, address, { state })
}

export async function updateMailbox(path: string, address: string, change: MailboxChange): Promise<void> {
  await changeMailbox(path, address, (entry) => ({ ...entry, ...change }))
}

export async function setPassword(path: string, address: string, password: string, options: PasswordOptions = {}): Promise<void> {
  const secret = await secretOf(password, options)
  await changeMailbox(path, address, (entry) => {
    if (entry.kind === 'shared') throw refused('a shared mailbox has no password, but operators')
    return { ...entry, ...secret }
  })
}

async function secretOf(
  password: string,
  { until, cost }: PasswordOptions,
): Promise<Pick<Operator, 'password' | 'passwordUntil'>> {
  if (password === '') throw refused('the password is empty')
  return { password: await hashPassword(password, cost), passwordUntil: until?.toISOString() }
}

/** Adds another address of a mailbox, in one of the file's domains. */
export async function addAlias(path: string, address: string, alias: string): Promise<void> {
  const lower = alias.toLowerCase()
  if (!isMailboxAddress(lower)) throw refused(`${JSON.stringify(alias)} is no mailbox address`)
  await changeMailbox(path, address, (entry) => ({ ...entry, aliases: [...entry.aliases, lower] }))
}

export async function removeAlias(path: string, address: string, alias: string): Promise<void> {
  const lower = alias.toLowerCase()
  await changeMailbox(path, address, (entry) => {
    if (!entry.aliases.includes(lower)) throw refused(`${address} has no alias ${JSON.stringify(alias)}`)
    return { ...entry, aliases: entry.aliases.filter((each) => each !== lower) }
  })
}

/** Lets somebody work in a shared mailbox, with a password of their own; one who may already gets this one. */
export async function setOperator(
  path: string,
  address: string,
  name: string,
  password: string,
  options: PasswordOptions = {},
): Promise<void> {
  const lower = name.toLowerCase()
  if (!isOperatorName(lower)) throw refused(`${JSON.stringify(name)} is no name of an operator`)
  const operator = { name: lower, ...(await secretOf(password, options)) }
  await changeMailbox(path, address, (entry) => ({ ...entry, operators: [...others(entry, lower), operator] }))
}

export async function removeOperator(path: string, address: string, name: string): Promise<void> {
  const lower = name.toLowerCase()
  await changeMailbox(path, address, (entry) => {
    const operators = others(entry, lower)
    if (operators.length === entry.operators.length) throw refused(`${address} has no operator ${JSON.stringify(name)}`)
    return { ...entry, operators }
  })
}

function others({ operators }: MailboxEntry, name: string): readonly Operator[] {
  return operators.filter((each) => each.name !== name)
}

/** What becomes of ordinary mail for a mailbox; undefined for the policy of its domain. */
export async function setMailboxPolicy(path: string, address: string, policy: OrdinaryMailPolicy | undefined): Promise<void> {
  await updateMailbox(path, address, { ordinaryMail: policy })
}

/** Takes the mailbox out of the directory; its mail stays where it is. */
export async function removeMailbox(path: string, address: string): Promise<void> {
  await changeMailbox(path, address, () => undefined)
}

/** Adds an administrator of one of the file's domains. */
export async function addAdministrator(
  path: string,
  login: string,
  password: string,
  options: PasswordOptions = {},
): Promise<void> {
  const lower = login.toLowerCase()
  const entry: AdministratorEntry = { login: lower, state: 'active', ...(await secretOf(password, options)) }
  await edit(path, (contents) => {
    if (contents.administrators.has(lower)) throw refused(`${lower} is there already`)
    return { ...contents, administrators: new Map([...contents.administrators, [lower, entry]]) }
  })
}

export async function setAdministratorState(path: string, login: string, state: AdministratorState): Promise<void> {
  await changeAdministrator(path, login, (entry) => ({ ...entry, state }))
}

export async function setAdministratorPassword(
  path: string,
  login: string,
  password: string,
  options: PasswordOptions = {},
): Promise<void> {
  const secret = await secretOf(password, options)
  await changeAdministrator(path, login, (entry) => ({ ...entry, ...secret }))
}

export async function removeAdministrator(path: string, login: string): Promise<void> {
  await changeAdministrator(path, login, () => undefined)
}

function changeAdministrator(
  path: string,
  login: string,
  change: (entry: AdministratorEntry) => AdministratorEntry | undefined,
): Promise<void> {
  return edit(path, (contents) => ({
    ...contents,
    administrators: changedIn(contents.administrators, login, `there is no administrator ${JSON.stringify(login)}`, change),
  }))
}

function changeMailbox(path: string, address: string, change: (entry: MailboxEntry) => MailboxEntry | undefined): Promise<void> {
  return edit(path, (contents) => ({
    ...contents,
    mailboxes: changedIn(contents.mailboxes, address, `there is no mailbox ${JSON.stringify(address)}`, change),
  }))
}

/** The entries with one of them changed, or taken out. */
function changedIn<T>(
  entries: ReadonlyMap<string, T>,
  key: string,
  complaint: string,
  change: (entry: T) => T | undefined,
): ReadonlyMap<string, T> {
  const lower = key.toLowerCase()
  const entry = entries.get(lower)
  if (entry === undefined) throw refused(complaint)
  const changed = new Map(entries)
  const next = change(entry)
  if (next === undefined) changed.delete(lower)
  else changed.set(lower, next)
  return changed
}
