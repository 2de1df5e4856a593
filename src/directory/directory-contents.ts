/** What a directory file says: `directory.json`, read with all its faults named, and written. */
import type { Mailbox, MailboxState } from '../points/ports.js'
import { isPasswordHash } from './password.js'

export interface FileMailbox extends Mailbox {
  /** Bytes that the mailbox may hold; undefined for no bound. */
  readonly quotaBytes: number | undefined
}

export interface MailboxEntry extends FileMailbox {
  /** A scrypt hash (see password.ts). */
  readonly password: string
}

export interface DirectoryContents {
  /** Lower case. */
  readonly domains: ReadonlySet<string>
  /** By address. */
  readonly mailboxes: ReadonlyMap<string, MailboxEntry>
}

export type DirectoryReading =
  { readonly ok: true; readonly contents: DirectoryContents } | { readonly ok: false; readonly faults: readonly string[] }

const STATES: readonly MailboxState[] = ['active', 'suspended', 'closed']
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/
/** A dot-atom without `/`: local parts name folders of the mailbox store. */
const LOCAL_PART = /^[a-z0-9!#$%&'*+=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+=?^_`{|}~-]+)*$/

/** A domain in lower case. */
export function isDomain(text: string): boolean {
  return text.length <= 253 && DOMAIN.test(text)
}

/** A mailbox address in lower case. */
export function isMailboxAddress(text: string): boolean {
  const at = text.lastIndexOf('@')
  return at > 0 && at <= 64 && LOCAL_PART.test(text.slice(0, at)) && isDomain(text.slice(at + 1))
}

/** Reads the file's text. Addresses and domains are taken in lower case, whatever case they are written in. */
export function parseDirectory(text: string): DirectoryReading {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { ok: false, faults: ['it is not JSON'] }
  }
  const faults: string[] = []
  if (!isObject(json)) return { ok: false, faults: ['it is not a JSON object'] }
  reportUnknown(json, ['domains', 'mailboxes'], 'the file', faults)
  const domains = readDomains(json['domains'], faults)
  const mailboxes = readMailboxes(json['mailboxes'], domains, faults)
  return faults.length > 0 ? { ok: false, faults } : { ok: true, contents: { domains, mailboxes } }
}

/** The text of a directory file, entries in the order of their addresses. */
export function formatDirectory({ domains, mailboxes }: DirectoryContents): string {
  const byAddress = [...mailboxes.values()].sort((a, b) => (a.address < b.address ? -1 : 1))
  return `${JSON.stringify({ domains: [...domains].sort(), mailboxes: byAddress }, undefined, 2)}\n`
}

function readDomains(json: unknown, faults: string[]): Set<string> {
  const domains = new Set<string>()
  if (!Array.isArray(json)) faults.push('"domains" is not a list')
  for (const [position, item] of listOf(json).entries()) {
    const domain = typeof item === 'string' ? item.toLowerCase() : ''
    if (!isDomain(domain)) faults.push(`domains[${position}]: ${JSON.stringify(item)} is no domain`)
    else if (domains.has(domain)) faults.push(`domains[${position}]: ${domain} stands there twice`)
    else domains.add(domain)
  }
  return domains
}

function readMailboxes(json: unknown, domains: ReadonlySet<string>, faults: string[]): Map<string, MailboxEntry> {
  const mailboxes = new Map<string, MailboxEntry>()
  if (!Array.isArray(json)) faults.push('"mailboxes" is not a list')
  for (const [position, item] of listOf(json).entries()) {
    const place = `mailboxes[${position}]`
    const entry = readMailbox(item, place, faults)
    if (entry === undefined) continue
    const domain = entry.address.slice(entry.address.lastIndexOf('@') + 1)
    if (!domains.has(domain)) faults.push(`${place}: ${domain} is not among the domains`)
    if (mailboxes.has(entry.address)) faults.push(`${place}: ${entry.address} stands there twice`)
    mailboxes.set(entry.address, entry)
  }
  return mailboxes
}

function readMailbox(json: unknown, place: string, faults: string[]): MailboxEntry | undefined {
  if (!isObject(json)) {
    faults.push(`${place} is not an object`)
    return undefined
  }
  const before = faults.length
  reportUnknown(json, ['address', 'state', 'password', 'quotaBytes'], place, faults)
  const { address, state: written, password, quotaBytes } = json
  const lower = typeof address === 'string' ? address.toLowerCase() : ''
  const state = STATES.find((known) => known === written)
  const quota = typeof quotaBytes === 'number' && Number.isSafeInteger(quotaBytes) && quotaBytes > 0 ? quotaBytes : undefined
  const hash = typeof password === 'string' && isPasswordHash(password) ? password : undefined
  if (!isMailboxAddress(lower)) faults.push(`${place}: ${JSON.stringify(address)} is no mailbox address`)
  if (state === undefined) faults.push(`${place}: the state ${JSON.stringify(written)} is none of ${STATES.join(', ')}`)
  // The value is not repeated: it could be a password in clear.
  if (hash === undefined) faults.push(`${place}: the password is not a scrypt hash`)
  if (quotaBytes !== undefined && quota === undefined) faults.push(`${place}: quotaBytes is not a positive whole number`)
  if (faults.length > before || state === undefined || hash === undefined) return undefined
  return { address: lower, state, password: hash, quotaBytes: quota }
}

function reportUnknown(json: Readonly<Record<string, unknown>>, known: readonly string[], place: string, faults: string[]): void {
  for (const key of Object.keys(json)) if (!known.includes(key)) faults.push(`${place} has an unknown key ${JSON.stringify(key)}`)
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : []
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
