/** What a directory file says: `directory.json`, read with all its faults named, and written. */
import { domainOf } from '../mail/address.js'
import { MAILBOX_STATES, type OrdinaryMailPolicy } from '../points/ports.js'
import { isObject, listOf, readHash, readList, readUntil, readWith, readWord, reportUnknown } from './directory-json.js'
import { MARK_WORDS, parseMark } from './certificate-marks.js'
import {
  ARCHIVE_WORDS,
  faultOfOptions,
  formatArchive,
  formatNotice,
  NOTICE_WORDS,
  parseArchive,
  parseNotice,
} from './mailbox-options.js'
import { formatPolicy, parsePolicy, POLICY_WORDS } from './ordinary-mail.js'
import { ADMINISTRATOR_STATES, MAILBOX_KINDS, type Administrator, type OwnMailbox } from './own-directory.js'

/** A person who works in a shared mailbox. */
export interface Operator {
  /** Lower case: what follows the asterisk in the login. */
  readonly name: string
  /** A scrypt hash (see password.ts). */
  readonly password: string
  /** When a temporary password ends, UTC; undefined for one that is not temporary. */
  readonly passwordUntil?: string | undefined
}

export interface MailboxEntry extends OwnMailbox {
  /** A scrypt hash; undefined for a shared mailbox, which has the passwords of its operators. */
  readonly password: string | undefined
  /** When a temporary password ends, UTC; undefined for one that is not temporary. */
  readonly passwordUntil?: string | undefined
  /** The day on which the service for the mailbox is to be renewed, YYYY-MM-DD. */
  readonly renewal?: string | undefined
  /** Other addresses of the mailbox, lower case. */
  readonly aliases: readonly string[]
  /** Of a shared mailbox. */
  readonly operators: readonly Operator[]
}

export interface AdministratorEntry extends Administrator {
  /** A scrypt hash. */
  readonly password: string
  /** When a temporary password ends, UTC; undefined for one that is not temporary. */
  readonly passwordUntil?: string | undefined
}

export interface DirectoryContents {
  /** Lower case. */
  readonly domains: ReadonlySet<string>
  /** Those of domains that have one, by domain. */
  readonly ordinaryMail: ReadonlyMap<string, OrdinaryMailPolicy>
  /** By address. */
  readonly mailboxes: ReadonlyMap<string, MailboxEntry>
  /** By login. */
  readonly administrators: ReadonlyMap<string, AdministratorEntry>
}

/** The mailbox of an address or an alias, in lower case. */
export type Lookup = (address: string) => MailboxEntry | undefined

export function lookupIn({ mailboxes }: Pick<DirectoryContents, 'mailboxes'>): Lookup {
  const byAlias = new Map([...mailboxes.values()].flatMap((entry) => entry.aliases.map((alias) => [alias, entry] as const)))
  return (address) => mailboxes.get(address) ?? byAlias.get(address)
}

export type DirectoryReading =
  { readonly ok: true; readonly contents: DirectoryContents } | { readonly ok: false; readonly faults: readonly string[] }

const OPERATOR = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/
/** A dot-atom without `/`: local parts name folders of the mailbox store. */
const LOCAL_PART = /^[a-z0-9!#$%&'*+=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+=?^_`{|}~-]+)*$/

/** A domain in lower case. */
export function isDomain(text: string): boolean {
  return text.length <= 253 && DOMAIN.test(text)
}

/** The name of an operator, in lower case. */
export function isOperatorName(text: string): boolean {
  return OPERATOR.test(text)
}

/** A mailbox address in lower case. */
export function isMailboxAddress(text: string): boolean {
  const at = text.lastIndexOf('@')
  return at > 0 && at <= 64 && LOCAL_PART.test(text.slice(0, at)) && isDomain(text.slice(at + 1))
}

/** A day of the calendar, YYYY-MM-DD. */
export function isDay(text: string): boolean {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN
  // Date takes 31 April for 1 May.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
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
  reportUnknown(json, ['domains', 'mailboxes', 'administrators'], 'the file', faults)
  const { domains, ordinaryMail } = readDomains(json['domains'], faults)
  const mailboxes = readMailboxes(json['mailboxes'], domains, faults)
  const administrators = readAdministrators(json['administrators'], { domains, mailboxes }, faults)
  for (const [domain, policy] of ordinaryMail) reportLoop(policy, domain, domains, faults)
  for (const entry of mailboxes.values()) {
    reportLoop(entry.ordinaryMail, entry.address, domains, faults)
    const fault = faultOfOptions(entry, [entry.address, ...entry.aliases], (domain) => domains.has(domain))
    if (fault !== undefined) faults.push(`${entry.address}: ${fault}`)
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, contents: { domains, ordinaryMail, mailboxes, administrators } }
}

/** The text of a directory file, entries in the order of their addresses. */
export function formatDirectory({ domains, ordinaryMail, mailboxes, administrators }: DirectoryContents): string {
  const written = (policy: OrdinaryMailPolicy | undefined): { readonly ordinaryMail?: string } =>
    policy === undefined ? {} : { ordinaryMail: formatPolicy(policy) }
  const byName = [...domains].sort().map((name) => {
    const policy = ordinaryMail.get(name)
    return policy === undefined ? name : { name, ...written(policy) }
  })
  const byAddress = [...mailboxes.values()]
    .sort((a, b) => (a.address < b.address ? -1 : 1))
    .map(({ ordinaryMail: policy, archive, arrivalNotice, aliases, operators, ...entry }) => ({
      ...entry,
      ...(archive === undefined ? {} : { archive: formatArchive(archive) }),
      ...(arrivalNotice === undefined ? {} : { arrivalNotice: formatNotice(arrivalNotice) }),
      ...(aliases.length === 0 ? {} : { aliases }),
      ...(operators.length === 0 ? {} : { operators }),
      ...written(policy),
    }))
  const byLogin = [...administrators.values()].sort((a, b) => (a.login < b.login ? -1 : 1))
  const contents = {
    ...{ domains: byName, mailboxes: byAddress },
    ...(byLogin.length === 0 ? {} : { administrators: byLogin }),
  }
  return `${JSON.stringify(contents, undefined, 2)}\n`
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
  return readWith(parsePolicy, written, 'ordinaryMail', POLICY_WORDS, place, faults)
}

/** Mail that goes on to ourselves would come back. */
function reportLoop(policy: OrdinaryMailPolicy | undefined, of: string, domains: ReadonlySet<string>, faults: string[]): void {
  if (typeof policy === 'object' && domains.has(domainOf(policy.forward)))
    faults.push(`${of}: ordinary mail cannot go on to ${policy.forward}, which is ours`)
}

function readMailboxes(json: unknown, domains: ReadonlySet<string>, faults: string[]): Map<string, MailboxEntry> {
  const mailboxes = new Map<string, MailboxEntry>()
  const addresses = new Set<string>()
  if (!Array.isArray(json)) faults.push('"mailboxes" is not a list')
  for (const [position, item] of listOf(json).entries()) {
    const place = `mailboxes[${position}]`
    const entry = readMailbox(item, place, faults)
    if (entry === undefined) continue
    for (const address of [entry.address, ...entry.aliases]) {
      const domain = domainOf(address)
      if (!domains.has(domain)) faults.push(`${place}: ${domain} is not among the domains`)
      if (addresses.has(address)) faults.push(`${place}: ${address} stands there twice`)
      addresses.add(address)
    }
    mailboxes.set(entry.address, entry)
  }
  return mailboxes
}

const MAILBOX_MEMBERS = [
  ...['address', 'aliases', 'state', 'kind', 'password', 'passwordUntil', 'operators', 'quotaBytes', 'ordinaryMail', 'renewal'],
  ...['archive', 'arrivalNotice', 'certificates'],
] as const

function readMailbox(json: unknown, place: string, faults: string[]): MailboxEntry | undefined {
  if (!isObject(json)) {
    faults.push(`${place} is not an object`)
    return undefined
  }
  const before = faults.length
  reportUnknown(json, MAILBOX_MEMBERS, place, faults)
  const { quotaBytes } = json
  const address = readAddress(json['address'], place, faults)
  const aliases = readList(json['aliases'], 'aliases', place, faults).map((alias) => readAddress(alias, place, faults))
  const state = readWord(json['state'], MAILBOX_STATES, 'state', place, faults)
  const kind = readWord(json['kind'] ?? 'individual', MAILBOX_KINDS, 'kind', place, faults)
  const quota = typeof quotaBytes === 'number' && Number.isSafeInteger(quotaBytes) && quotaBytes > 0 ? quotaBytes : undefined
  if (quotaBytes !== undefined && quota === undefined) faults.push(`${place}: quotaBytes is not a positive whole number`)
  const isShared = kind === 'shared'
  const password = isShared ? undefined : readHash(json['password'], place, faults)
  if (isShared && json['password'] !== undefined) faults.push(`${place}: a shared mailbox has no password, but operators`)
  const operators = readOperators(json['operators'], place, faults)
  if (!isShared && operators.length > 0) faults.push(`${place}: only a shared mailbox has operators`)
  const policy = readPolicy(json['ordinaryMail'], place, faults)
  const archive = readWith(parseArchive, json['archive'], 'archive', ARCHIVE_WORDS, place, faults)
  const notice = readWith(parseNotice, json['arrivalNotice'], 'arrivalNotice', NOTICE_WORDS, place, faults)
  const certificates = readList(json['certificates'], 'certificates', place, faults).flatMap(
    (mark) => readWith(parseMark, mark, 'the certificate', MARK_WORDS, place, faults) ?? [],
  )
  const passwordUntil = readUntil(json['passwordUntil'], place, faults)
  const { renewal } = json
  const day = typeof renewal === 'string' && isDay(renewal) ? renewal : undefined
  if (renewal !== undefined && day === undefined)
    faults.push(`${place}: the renewal ${JSON.stringify(renewal)} is no day YYYY-MM-DD`)
  if (faults.length > before || state === undefined || kind === undefined) return undefined
  return {
    ...{ address, aliases, state, kind, password, operators, quotaBytes: quota },
    ...(policy === undefined ? {} : { ordinaryMail: policy }),
    ...(archive === undefined ? {} : { archive }),
    ...(notice === undefined ? {} : { arrivalNotice: notice }),
    ...(certificates.length === 0 ? {} : { certificates }),
    ...(passwordUntil === undefined ? {} : { passwordUntil }),
    ...(day === undefined ? {} : { renewal: day }),
  }
}

function readAddress(json: unknown, place: string, faults: string[]): string {
  const address = typeof json === 'string' ? json.toLowerCase() : ''
  if (!isMailboxAddress(address)) faults.push(`${place}: ${JSON.stringify(json)} is no mailbox address`)
  return address
}

function readOperators(json: unknown, place: string, faults: string[]): Operator[] {
  const operators = readList(json, 'operators', place, faults).map((item, position) => {
    const where = `${place}.operators[${position}]`
    const { name, password, passwordUntil, ...others } = isObject(item) ? item : {}
    reportUnknown(others, [], where, faults)
    const lower = typeof name === 'string' ? name.toLowerCase() : ''
    if (!isOperatorName(lower)) faults.push(`${where}: ${JSON.stringify(name)} is no name of an operator`)
    const until = readUntil(passwordUntil, where, faults)
    return { name: lower, password: readHash(password, where, faults), ...(until === undefined ? {} : { passwordUntil: until }) }
  })
  for (const [position, { name }] of operators.entries())
    if (operators.findIndex((each) => each.name === name) < position) faults.push(`${place}: the operator ${name} is there twice`)
  return operators
}

/** Their logins are nobody's addresses, so that a name in the register is one person's. */
function readAdministrators(
  json: unknown,
  { domains, mailboxes }: Pick<DirectoryContents, 'domains' | 'mailboxes'>,
  faults: string[],
): Map<string, AdministratorEntry> {
  const administrators = new Map<string, AdministratorEntry>()
  const taken = lookupIn({ mailboxes })
  for (const [position, item] of readList(json, 'administrators', 'the file', faults).entries()) {
    const place = `administrators[${position}]`
    const { login: written, state: word, password: hash, passwordUntil: until, ...others } = isObject(item) ? item : {}
    reportUnknown(others, [], place, faults)
    const login = readAddress(written, place, faults)
    const state = readWord(word, ADMINISTRATOR_STATES, 'state', place, faults)
    const password = readHash(hash, place, faults)
    const passwordUntil = readUntil(until, place, faults)
    if (!domains.has(domainOf(login))) faults.push(`${place}: ${domainOf(login)} is not among the domains`)
    if (administrators.has(login) || taken(login) !== undefined) faults.push(`${place}: ${login} stands there twice`)
    if (state !== undefined)
      administrators.set(login, { login, state, password, ...(passwordUntil === undefined ? {} : { passwordUntil }) })
  }
  return administrators
}
