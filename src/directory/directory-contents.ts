/** What a directory file says: `directory.json`, read with all its faults named, and written. */
import { domainOf } from '../mail/address.js'
import type { Mailbox, MailboxState, OrdinaryMailPolicy } from '../points/ports.js'
import { formatPolicy, parsePolicy, POLICY_WORDS } from './ordinary-mail.js'
import { isPasswordHash } from './password.js'

export interface FileMailbox extends Mailbox {
  /** Bytes that the mailbox may hold; undefined for no bound. */
  readonly quotaBytes: number | undefined
  /** Undefined where the domain's counts. */
  readonly ordinaryMail?: OrdinaryMailPolicy | undefined
}

export interface MailboxEntry extends FileMailbox {
  /** A scrypt hash (see password.ts). */
  readonly password: string
}

export interface DirectoryContents {
  /** Lower case. */
  readonly domains: ReadonlySet<string>
  /** Those of domains that have one, by domain. */
  readonly ordinaryMail: ReadonlyMap<string, OrdinaryMailPolicy>
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
  const { domains, ordinaryMail } = readDomains(json['domains'], faults)
  const mailboxes = readMailboxes(json['mailboxes'], domains, faults)
  for (const [domain, policy] of ordinaryMail) reportLoop(policy, domain, domains, faults)
  for (const { address, ordinaryMail: policy } of mailboxes.values()) reportLoop(policy, address, domains, faults)
  return faults.length > 0 ? { ok: false, faults } : { ok: true, contents: { domains, ordinaryMail, mailboxes } }
}

/** The text of a directory file, entries in the order of their addresses. */
export function formatDirectory({ domains, ordinaryMail, mailboxes }: DirectoryContents): string {
  const written = (policy: OrdinaryMailPolicy | undefined): { readonly ordinaryMail?: string } =>
    policy === undefined ? {} : { ordinaryMail: formatPolicy(policy) }
  const byName = [...domains].sort().map((name) => {
    const policy = ordinaryMail.get(name)
    return policy === undefined ? name : { name, ...written(policy) }
  })
  const byAddress = [...mailboxes.values()]
    .sort((a, b) => (a.address < b.address ? -1 : 1))
    .map(({ ordinaryMail: policy, ...entry }) => ({ ...entry, ...written(policy) }))
  return `${JSON.stringify({ domains: byName, mailboxes: byAddress }, undefined, 2)}\n`
}

function readDomains(json: unknown, faults: string[]): ReadDomains {
  const read: ReadDomains = { domains: new Set(), ordinaryMail: new Map() }
  if (!Array.isArray(json)) faults.push('"domains" is not a list')
  for (const [position, item] of listOf(json).entries()) {
    const place = `domains[${position}]`
    const { name, ordinaryMail: written, ...others } = isObject(item) ? item : { name: item }
    reportUnknown(others, [], place, faults)
    const domain = typeof name === 'string' ? name.toLowerCase() : ''
    if (!isDomain(domain)) faults.push(`${place}: ${JSON.stringify(name)} is no domain`)
    else if (read.domains.has(domain)) faults.push(`${place}: ${domain} stands there twice`)
    else read.domains.add(domain)
    const policy = readPolicy(written, place, faults)
    if (policy !== undefined) read.ordinaryMail.set(domain, policy)
  }
  return read
}

interface ReadDomains {
  readonly domains: Set<string>
  readonly ordinaryMail: Map<string, OrdinaryMailPolicy>
}

function readPolicy(written: unknown, place: string, faults: string[]): OrdinaryMailPolicy | undefined {
  if (written === undefined) return undefined
  const policy = typeof written === 'string' ? parsePolicy(written) : undefined
  if (policy === undefined) faults.push(`${place}: ordinaryMail ${JSON.stringify(written)} is none of ${POLICY_WORDS}`)
  return policy
}

/** Mail that goes on to ourselves would come back. */
function reportLoop(policy: OrdinaryMailPolicy | undefined, of: string, domains: ReadonlySet<string>, faults: string[]): void {
  if (typeof policy === 'object' && domains.has(domainOf(policy.forward)))
    faults.push(`${of}: ordinary mail cannot go on to ${policy.forward}, which is ours`)
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
  reportUnknown(json, ['address', 'state', 'password', 'quotaBytes', 'ordinaryMail'], place, faults)
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
  const policy = readPolicy(json['ordinaryMail'], place, faults)
  if (faults.length > before || state === undefined || hash === undefined) return undefined
  const entry = { address: lower, state, password: hash, quotaBytes: quota }
  return policy === undefined ? entry : { ...entry, ordinaryMail: policy }
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
