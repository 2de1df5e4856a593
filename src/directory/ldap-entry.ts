/** What entries of an LDAP directory say of mailboxes and domains. */
import { escapeFilter, type Entry } from 'ldapts'
import { isPecError, PecError } from '../errors.js'
import type { LdapAttributes } from '../config/ldap.js'
import { MAILBOX_STATES, type Mailbox, type OrdinaryMailPolicy } from '../points/ports.js'
import { isDomain, isMailboxAddress } from './directory-contents.js'
import { MARK_WORDS, parseMark } from './certificate-marks.js'
import { ARCHIVE_WORDS, NOTICE_WORDS, parseArchive, parseNotice } from './mailbox-options.js'
import { parsePolicy, POLICY_WORDS } from './ordinary-mail.js'
import { ADMINISTRATOR_STATES, MAILBOX_KINDS, type Administrator, type OwnMailbox } from './own-directory.js'

export interface LdapMailbox {
  readonly dn: string
  readonly mailbox: OwnMailbox
  /** As the server keeps them, with their scheme in front. */
  readonly passwords: readonly string[]
  /** Undefined unless the password is a temporary one. */
  readonly passwordUntil: Date | undefined
  /** Lower case. */
  readonly aliases: readonly string[]
  /** YYYY-MM-DD */
  readonly renewal: string | undefined
}

export interface LdapAdministrator extends Pick<LdapMailbox, 'dn' | 'passwords' | 'passwordUntil'> {
  readonly administrator: Administrator
}

/** What `mailboxOf` reads, but for passwords and renewals. */
export function mailboxAttributes(names: LdapAttributes): string[] {
  const { address, alias, state, kind, quota, ordinaryMail, archive, arrivalNotice, certificate, passwordUntil } = names
  return [address, alias, state, kind, quota, ordinaryMail, archive, arrivalNotice, certificate, passwordUntil]
}

/**
 * Throws PecError 'directory', temporary, for an entry that cannot be understood: nobody may send or get mail by half of it. Only its options
 * may be unreadable: they take no part in what is certified.
 */
export function mailboxOf(entry: Entry, names: LdapAttributes): LdapMailbox {
  const { one, among, address, fail } = readerOf(entry)
  const quota = one(names.quota)
  if (quota !== undefined && !/^[1-9]\d{0,14}$/.test(quota)) fail(`${names.quota} is no number of bytes`)
  const option = <T>(name: string, parse: (text: string) => T | undefined, words: string): T | undefined => {
    const written = one(name)
    return written === undefined ? undefined : (parse(written) ?? fail(`${name} is none of ${words}`))
  }
  const policy = option(names.ordinaryMail, parsePolicy, POLICY_WORDS)
  const certificates = valuesOf(entry, names.certificate).map(
    (mark) => parseMark(mark) ?? fail(`${names.certificate} is none of ${MARK_WORDS}`),
  )
  const options = optionsIn(() => {
    const archive = option(names.archive, parseArchive, ARCHIVE_WORDS)
    const arrivalNotice = option(names.arrivalNotice, parseNotice, NOTICE_WORDS)
    return { ...(archive === undefined ? {} : { archive }), ...(arrivalNotice === undefined ? {} : { arrivalNotice }) }
  })
  return {
    dn: entry.dn,
    mailbox: {
      address: address(names.address),
      state: among(names.state, MAILBOX_STATES, 'active'),
      kind: among(names.kind, MAILBOX_KINDS, 'individual'),
      quotaBytes: quota === undefined ? undefined : Number(quota),
      ...(policy === undefined ? {} : { ordinaryMail: policy }),
      ...options,
      ...(certificates.length === 0 ? {} : { certificates: certificates.sort() }),
    },
    passwords: valuesOf(entry, names.password),
    passwordUntil: timeOf(entry, names.passwordUntil),
    aliases: valuesOf(entry, names.alias).map((alias) => alias.toLowerCase()),
    renewal: timeOf(entry, names.renewal)?.toISOString().slice(0, 10),
  }
}

function optionsIn(
  read: () => Pick<Mailbox, 'archive' | 'arrivalNotice'>,
): Pick<Mailbox, 'archive' | 'arrivalNotice' | 'unreadableOptions'> {
  try {
    return read()
  } catch (error) {
    if (isPecError(error)) return { unreadableOptions: error.message }
    throw error
  }
}

/** Throws PecError 'directory', temporary, for an entry that cannot be understood. */
export function administratorOf(entry: Entry, names: LdapAttributes): LdapAdministrator {
  const { among, address } = readerOf(entry)
  return {
    dn: entry.dn,
    administrator: {
      login: address(names.administrator),
      state: among(names.state, ADMINISTRATOR_STATES, 'active'),
    },
    passwords: valuesOf(entry, names.password),
    passwordUntil: timeOf(entry, names.passwordUntil),
  }
}

function readerOf(entry: Entry) {
  const fail = (what: string): never => {
    throw new PecError('directory', `the LDAP entry ${entry.dn}: ${what}`, { temporary: true })
  }
  const one = (name: string): string | undefined => {
    const values = valuesOf(entry, name)
    return values.length > 1 ? fail(`${name} has several values`) : values[0]
  }
  /** One of these words, without case. */
  const among = <T extends string>(name: string, known: readonly T[], fallback: T): T => {
    const value = one(name) ?? fallback
    return known.find((each) => each === value.toLowerCase()) ?? fail(`${name} is none of ${known.join(', ')}`)
  }
  /** In lower case. */
  const address = (name: string): string => {
    const written = one(name)?.toLowerCase() ?? fail(`${name} is missing`)
    return isMailboxAddress(written) ? written : fail(`${name} is no mailbox address`)
  }
  return { fail, one, among, address }
}

/** GeneralizedTime (RFC 4517 §3.3.13), in UTC. Throws PecError 'directory', temporary: what cannot be read does not count as missing. */
export function timeOf(entry: Entry, name: string): Date | undefined {
  const [written] = valuesOf(entry, name)
  if (written === undefined) return undefined
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:[.,]\d+)?Z$/.exec(written)
  const [, year = '', month = '', day = '', hour = '', minute = '00', second = '00'] = parts ?? []
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(time)) throw new PecError('directory', `the LDAP entry ${entry.dn}: ${name} is no time`, { temporary: true })
  return new Date(time)
}

/** As `timeOf` reads it. */
export function formatTime(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
}

/** A filter with values in the places that name them, so that a value can be nothing but a value. RFC 4515 §3 */
export function filled(filter: string, values: Readonly<Record<string, string>>): string {
  return filter.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = values[name]
    return value === undefined ? place : escapeFilter`${value}`
  })
}

/** A filter that asks whether there is a value, where it asked for one. */
export function anyOf(filter: string, place: string): string {
  return filter.replaceAll(`{${place}}`, '*')
}

/** By domain, lower case; undefined for a domain without a policy. Throws PecError 'directory', temporary, as above. */
export function domainsOf(entries: readonly Entry[], names: LdapAttributes): ReadonlyMap<string, OrdinaryMailPolicy | undefined> {
  const domains = new Map<string, OrdinaryMailPolicy | undefined>()
  for (const entry of entries) {
    const [written] = valuesOf(entry, names.domainOrdinaryMail)
    const policy = written === undefined ? undefined : parsePolicy(written)
    if (written !== undefined && policy === undefined)
      throw new PecError('directory', `the LDAP entry ${entry.dn}: ${names.domainOrdinaryMail} is no policy`, { temporary: true })
    for (const domain of valuesOf(entry, names.domain).map((each) => each.toLowerCase())) {
      if (!isDomain(domain))
        throw new PecError('directory', `the LDAP entry ${entry.dn}: ${names.domain} is no domain`, { temporary: true })
      domains.set(domain, policy)
    }
  }
  return domains
}

/** Attribute names have no case, and servers answer in theirs. */
export function valuesOf(entry: Entry, name: string): readonly string[] {
  const key = Object.keys(entry).find((each) => each.toLowerCase() === name.toLowerCase())
  const value = key === undefined ? undefined : entry[key]
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return list.map((each) => (typeof each === 'string' ? each : each.toString('utf8'))).filter((each) => each !== '')
}
