/**
 * The settings of the gateway, from config/pec.ini. Every fault is found before anything starts; nothing else reads the file.
 */
import { isIP } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { PecError } from './errors.js'
import { isAddress } from './mail/address.js'
import type { SpamLevel } from './pec/kinds.js'

/** An ini file as Haraka's reader gives it: sections of keys. */
export type Ini = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>

export type TlsPolicy = 'verified' | 'required' | 'optional'

/** Where a connection goes: a host and port, or a unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string }

/** The ledger's database: a file of SQLite, or a server of MariaDB or MySQL. */
export type LedgerConfig =
  | { readonly engine: 'sqlite'; readonly file: string }
  | {
      readonly engine: 'mysql'
      readonly at: Endpoint
      readonly database: string
      readonly user: string
      readonly passwordFile: string | undefined
      /** Connections of one process. */
      readonly pool: number
      /** verified: the server's certificate is checked too. */
      readonly tls: 'off' | 'required' | 'verified'
      /** Authorities of the server's certificate. */
      readonly ca: string | undefined
    }

export interface Config {
  /** The instance's directory. */
  readonly instance: string
  readonly provider: { readonly name: string; readonly domain: string; readonly receipts: string }
  readonly listeners: { readonly submission: readonly number[]; readonly reception: readonly number[] }
  readonly signer: {
    readonly key: string
    readonly certificate: string
    readonly chain: string | undefined
    readonly passphraseFile: string | undefined
  }
  readonly trust: {
    readonly anchors: string
    readonly crl: readonly string[]
    readonly crlRequired: boolean
    /** Seconds. */
    readonly crlRefresh: number
  }
  readonly index: { readonly file: string; /** Seconds. */ readonly refresh: number }
  readonly directory: { readonly file: string }
  readonly ledger: LedgerConfig
  /** Embedded mailboxes are below the instance's folder `mail`. */
  readonly store: { readonly lmtp: Endpoint; readonly connections: number; readonly embedded: boolean }
  /** What a notice refuses and, from the ceilings on, the SMTP session: recipients and bytes. */
  readonly limits: {
    readonly recipients: number
    readonly bytesTimesRecipients: number
    readonly recipientsCeiling: number
    readonly bytes: number
  }
  readonly antivirus:
    | { readonly engine: 'none' }
    | { readonly engine: 'clamd'; readonly socket: Endpoint; /** Seconds, of one scan. */ readonly timeout: number }
  readonly quarantine: { readonly directory: string; readonly months: number }
  readonly reception: { readonly ordinaryMail: 'accept' | 'reject' }
  /** Scores of rspamd from which ordinary mail is marked; undefined where rspamd is not asked. */
  readonly spam: Readonly<Record<SpamLevel, number>> | undefined
  readonly delivery: { readonly briefHashInput: 'encoded' | 'decoded'; readonly briefHash: 'sha1' | 'sha256' }
  /** Seconds from the acceptance to the notices. */
  readonly deadlines: { readonly first: number; readonly second: number }
  readonly peers: {
    readonly tls: TlsPolicy
    /** Authorities of their TLS certificates. */
    readonly ca: string | undefined
    /** What tells the sender of their refusals. */
    readonly refusal: 'notice' | 'wait'
  }
  /** By domain, lower case. */
  readonly peerTls: ReadonlyMap<string, TlsPolicy>
  /** By domain, lower case. */
  readonly routes: ReadonlyMap<string, Endpoint>
  readonly files: { readonly spool: string; /** Bytes. */ readonly memory: number }
}

/** The keys of each section; the sections with free keys (domains) are in FREE. A test holds config/pec.ini against this. */
export const KEYS = {
  provider: ['name', 'domain', 'receipts'],
  listeners: ['submission', 'reception'],
  signer: ['key', 'certificate', 'chain', 'passphrase_file'],
  trust: ['anchors', 'crl', 'crl_required', 'crl_refresh'],
  index: ['file', 'refresh'],
  directory: ['file'],
  ledger: ['engine', 'file', 'host', 'port', 'socket', 'database', 'user', 'password_file', 'pool', 'tls', 'ca'],
  store: ['lmtp', 'connections', 'embedded'],
  limits: ['recipients', 'bytes_times_recipients', 'recipients_ceiling', 'bytes'],
  antivirus: ['engine', 'socket', 'timeout'],
  quarantine: ['directory', 'months'],
  reception: ['ordinary_mail'],
  spam: ['enabled', 'low', 'medium', 'high'],
  delivery: ['brief_hash_input', 'brief_hash'],
  deadlines: ['first', 'second'],
  peers: ['tls', 'ca', 'refusal'],
  files: ['spool', 'memory'],
} as const

const FREE = ['peer_tls', 'routes'] as const
const TLS_POLICIES = ['verified', 'required', 'optional'] as const

type Section = keyof typeof KEYS

/** Reads values of one ini file, collecting what is wrong with them. */
class Reader {
  readonly faults: string[] = []
  private readonly ini: Ini
  private readonly directory: string

  constructor(ini: Ini, directory: string) {
    this.ini = ini
    this.directory = directory
  }

  text<S extends Section>(section: S, key: (typeof KEYS)[S][number], fallback?: string): string {
    const value = this.ini[section]?.[key]
    if (Array.isArray(value)) this.faults.push(`[${section}] ${key}[] is not a setting: write ${key} with commas`)
    const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value).trim() : ''
    if (text !== '') return text
    if (fallback === undefined) this.faults.push(`[${section}] ${key} is missing`)
    return fallback ?? ''
  }

  path<S extends Section>(section: S, key: (typeof KEYS)[S][number], fallback?: string): string {
    const text = this.text(section, key, fallback)
    return text === '' || isAbsolute(text) ? text : join(this.directory, text)
  }

  oneOf<S extends Section, T extends string>(section: S, key: (typeof KEYS)[S][number], values: readonly T[], fallback: T): T {
    const text = this.text(section, key, fallback)
    const found = values.find((value) => value === text)
    if (found === undefined) this.faults.push(`[${section}] ${key} is ${text}, not one of ${values.join(', ')}`)
    return found ?? fallback
  }

  yes<S extends Section>(section: S, key: (typeof KEYS)[S][number], fallback: 'true' | 'false'): boolean {
    return this.oneOf(section, key, ['true', 'false'], fallback) === 'true'
  }

  number<S extends Section>(section: S, key: (typeof KEYS)[S][number], fallback: number, least = 1): number {
    const text = this.text(section, key, String(fallback))
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    if (Number.isSafeInteger(value) && value >= least) return value
    this.faults.push(`[${section}] ${key} is ${text}, not a whole number of at least ${least}`)
    return fallback
  }

  decimal<S extends Section>(section: S, key: (typeof KEYS)[S][number], fallback: number): number {
    const text = this.text(section, key, String(fallback))
    if (/^-?\d{1,6}(?:\.\d{1,6})?$/.test(text)) return Number(text)
    this.faults.push(`[${section}] ${key} is ${text}, not a number`)
    return fallback
  }

  list<S extends Section>(section: S, key: (typeof KEYS)[S][number], fallback = ''): string[] {
    return this.text(section, key, fallback)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  }

  ports<S extends Section>(section: S, key: (typeof KEYS)[S][number], fallback: string): number[] {
    return this.list(section, key, fallback).map((item) => {
      const port = /^\d{1,5}$/.test(item) ? Number(item) : 0
      if (port < 1 || port > 65535) this.faults.push(`[${section}] ${key}: ${item} is not a port`)
      return port
    })
  }

  /** A section whose keys are domains. */
  domains(section: (typeof FREE)[number]): [string, string][] {
    return Object.entries(this.ini[section] ?? {}).map(([domain, value]) => [domain.trim().toLowerCase(), String(value).trim()])
  }

  unknownKeys(): void {
    for (const [section, keys] of Object.entries(this.ini)) {
      if (section === 'main' || FREE.some((free) => free === section)) continue
      const known: readonly string[] | undefined = Object.entries(KEYS).find(([name]) => name === section)?.[1]
      if (known === undefined) this.faults.push(`[${section}] is not a section of pec.ini`)
      else
        for (const key of Object.keys(keys ?? {}))
          if (!known.includes(key)) this.faults.push(`[${section}] ${key} is not a setting`)
    }
    for (const key of Object.keys(this.ini['main'] ?? {})) this.faults.push(`${key} stands before the first section`)
  }
}

/**
 * Turns the file into settings. Paths come out absolute, below `directory` where they were relative.
 * Throws PecError 'configuration' naming every fault.
 */
export function parseConfig(ini: Ini, directory: string): Config {
  const read = new Reader(ini, directory)
  const domain = read.text('provider', 'domain').toLowerCase()
  const optional = (text: string): string | undefined => (text === '' ? undefined : text)
  const config: Config = {
    instance: directory,
    provider: { name: read.text('provider', 'name'), domain, receipts: read.text('provider', 'receipts').toLowerCase() },
    listeners: {
      submission: read.ports('listeners', 'submission', '465,587'),
      reception: read.ports('listeners', 'reception', '25'),
    },
    signer: {
      key: read.path('signer', 'key', 'config/pec_key.pem'),
      certificate: read.path('signer', 'certificate', 'config/pec_certificate.pem'),
      chain: optional(read.path('signer', 'chain', '')),
      passphraseFile: optional(read.path('signer', 'passphrase_file', '')),
    },
    trust: {
      anchors: read.path('trust', 'anchors', 'config/pec_anchors.pem'),
      crl: read.list('trust', 'crl').map((item) => (/^https?:/.test(item) || isAbsolute(item) ? item : join(directory, item))),
      crlRequired: read.yes('trust', 'crl_required', 'true'),
      crlRefresh: read.number('trust', 'crl_refresh', 3600),
    },
    index: { file: read.path('index', 'file', 'config/pec_index.ldif'), refresh: read.number('index', 'refresh', 10) },
    directory: { file: read.path('directory', 'file', 'directory.json') },
    ledger: ledger(read),
    store: {
      lmtp: endpoint(read, '[store] lmtp', read.text('store', 'lmtp', '127.0.0.1:2424')),
      connections: read.number('store', 'connections', 10),
      embedded: read.yes('store', 'embedded', 'true'),
    },
    limits: {
      recipients: read.number('limits', 'recipients', 1000),
      bytesTimesRecipients: read.number('limits', 'bytes_times_recipients', 100_000_000),
      recipientsCeiling: read.number('limits', 'recipients_ceiling', 2000),
      bytes: read.number('limits', 'bytes', 100_000_000),
    },
    antivirus: antivirus(read),
    quarantine: {
      directory: read.path('quarantine', 'directory', 'quarantine'),
      // RFC 6109 §2.2.4 asks for these; more is a provider's choice.
      months: read.number('quarantine', 'months', 30, 30),
    },
    reception: { ordinaryMail: read.oneOf('reception', 'ordinary_mail', ['accept', 'reject'], 'accept') },
    spam: spam(read),
    delivery: {
      briefHashInput: read.oneOf('delivery', 'brief_hash_input', ['encoded', 'decoded'], 'encoded'),
      briefHash: read.oneOf('delivery', 'brief_hash', ['sha1', 'sha256'], 'sha1'),
    },
    deadlines: { first: read.number('deadlines', 'first', 43_200), second: read.number('deadlines', 'second', 81_000) },
    peers: {
      tls: read.oneOf('peers', 'tls', TLS_POLICIES, 'required'),
      ca: optional(read.path('peers', 'ca', '')),
      refusal: read.oneOf('peers', 'refusal', ['notice', 'wait'], 'notice'),
    },
    peerTls: new Map(read.domains('peer_tls').map(([name, policy]) => [name, tlsPolicy(read, name, policy)])),
    routes: new Map(read.domains('routes').map(([name, to]) => [name, endpoint(read, `[routes] ${name}`, to)])),
    files: { spool: read.path('files', 'spool', 'spool'), memory: read.number('files', 'memory', 4_194_304) },
  }
  read.unknownKeys()
  read.faults.push(...contradictions(config))
  if (read.faults.length > 0) throw new PecError('configuration', `pec.ini: ${read.faults.join('; ')}`)
  return config
}

function ledger(read: Reader): LedgerConfig {
  const optional = (text: string): string | undefined => (text === '' ? undefined : text)
  const engine = read.oneOf('ledger', 'engine', ['sqlite', 'mysql'], 'sqlite')
  const file = read.path('ledger', 'file', 'ledger/pec.sqlite')
  const host = read.text('ledger', 'host', '127.0.0.1')
  const port = read.number('ledger', 'port', 3306)
  const socket = read.path('ledger', 'socket', '')
  const server = {
    at: socket === '' ? { host, port } : { path: socket },
    database: read.text('ledger', 'database', 'pec'),
    user: read.text('ledger', 'user', 'pec'),
    passwordFile: optional(read.path('ledger', 'password_file', '')),
    pool: read.number('ledger', 'pool', 10),
    tls: read.oneOf('ledger', 'tls', ['off', 'required', 'verified'], 'off'),
    ca: optional(read.path('ledger', 'ca', '')),
  }
  if (engine === 'sqlite') return { engine, file }
  if (port > 65_535) read.faults.push(`[ledger] port ${port} is not a port`)
  if (socket !== '' && server.tls !== 'off') read.faults.push(`[ledger] tls is ${server.tls}, but a socket has none`)
  else if (server.tls === 'verified' && isIP(host) !== 0)
    read.faults.push(`[ledger] tls is verified, but host ${host} is no name that a certificate could have`)
  return { engine, ...server }
}

function antivirus(read: Reader): Config['antivirus'] {
  const engine = read.oneOf('antivirus', 'engine', ['clamd', 'none'], 'clamd')
  const socket = endpoint(read, '[antivirus] socket', read.text('antivirus', 'socket', '/run/clamav/clamd.ctl'))
  const timeout = read.number('antivirus', 'timeout', 120)
  return engine === 'none' ? { engine } : { engine, socket, timeout }
}

function spam(read: Reader): Config['spam'] {
  const enabled = read.yes('spam', 'enabled', 'false')
  const levels = {
    low: read.decimal('spam', 'low', 4),
    medium: read.decimal('spam', 'medium', 8),
    high: read.decimal('spam', 'high', 15),
  }
  if (!(levels.low < levels.medium && levels.medium < levels.high)) read.faults.push('[spam] low, medium and high do not rise')
  return enabled ? levels : undefined
}

function contradictions(config: Config): string[] {
  const faults: string[] = []
  const { provider, listeners, store, limits, deadlines } = config
  if (provider.domain !== '' && !isAddress(`posta-certificata@${provider.domain}`))
    faults.push(`[provider] domain ${provider.domain} is not a mail domain`)
  if (provider.receipts !== '' && !isAddress(provider.receipts))
    faults.push(`[provider] receipts ${provider.receipts} is not a mail address`)
  for (const port of listeners.submission)
    if (listeners.reception.includes(port)) faults.push(`[listeners] port ${port} is both submission and reception`)
  if (limits.recipientsCeiling < limits.recipients) faults.push('[limits] recipients_ceiling is less than recipients')
  if (deadlines.first >= deadlines.second) faults.push('[deadlines] first is not before second')
  if (listeners.submission.length === 0) faults.push('[listeners] submission names no port')
  if (listeners.reception.length === 0) faults.push('[listeners] reception names no port')
  if (store.embedded && (!('host' in store.lmtp) || !/^(127\.|localhost$|::1$)/.test(store.lmtp.host)))
    faults.push('[store] lmtp must be HOST:PORT on loopback where embedded is true')
  return faults
}

function tlsPolicy(read: Reader, domain: string, policy: string): TlsPolicy {
  const found = TLS_POLICIES.find((value) => value === policy)
  if (found === undefined) read.faults.push(`[peer_tls] ${domain} is ${policy}, not one of ${TLS_POLICIES.join(', ')}`)
  return found ?? 'required'
}

function endpoint(read: Reader, where: string, text: string): Endpoint {
  if (text.startsWith('/')) return { path: text }
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (match?.[1] !== undefined && port >= 1 && port <= 65535) return { host: match[1].replace(/^\[|\]$/g, ''), port }
  read.faults.push(`${where} is ${text}, neither HOST:PORT nor the path of a socket`)
  return { host: '', port: 0 }
}
