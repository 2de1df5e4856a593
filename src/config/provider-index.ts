import { section } from './section.js'
import type { Values } from './values.js'

const KEYS = [
  ...[
    'file',
    'refresh',
    'source',
    'ca',
    'client_key',
    'client_certificate',
    'starttls',
    'bind_dn',
    'bind_password_file',
    'signers',
  ],
  ...['interval', 'timeout', 'shrink'],
] as const

export interface IndexSourceConfig {
  /** https, ldaps or ldap. */
  readonly url: string
  /** PEM files: authorities of the server; our key and certificate towards it. */
  readonly ca: string | undefined
  readonly client: { readonly key: string; readonly certificate: string } | undefined
  /** ldap: whether connections go over to TLS. */
  readonly startTls: boolean
  /** LDAP: who we are to the server; undefined for nobody. */
  readonly account: { readonly dn: string; readonly passwordFile: string } | undefined
  /** PEM file: who may sign the file; undefined for LDAP, which signs nothing. */
  readonly signers: string | undefined
  /** Seconds between two synchronisations, and for one of them. */
  readonly interval: number
  readonly timeout: number
  /** How much of the index may be gone in the next one, in percent. */
  readonly shrink: number
}

/** [index]: the index of providers; the refresh in seconds; undefined `source` where somebody else refreshes the file. */
export const index = section('index', KEYS, (values) => ({
  file: values.path('file', 'config/pec_index.ldif'),
  refresh: values.number('refresh', 10),
  source: readSource(values),
}))

const MAX_INTERVAL_S = 86_400

function readSource(values: Values<(typeof KEYS)[number]>): IndexSourceConfig | undefined {
  const url = values.optionalText('source')
  const key = values.optionalPath('client_key')
  const certificate = values.optionalPath('client_certificate')
  const dn = values.optionalText('bind_dn')
  const passwordFile = values.optionalPath('bind_password_file')
  const source = {
    ca: values.optionalPath('ca'),
    client: key === undefined || certificate === undefined ? undefined : { key, certificate },
    startTls: values.yes('starttls', 'false'),
    account: dn === undefined || passwordFile === undefined ? undefined : { dn, passwordFile },
    signers: values.optionalPath('signers'),
    interval: values.number('interval', 43_200),
    timeout: values.number('timeout', 120),
    shrink: values.number('shrink', 20, 0),
  }
  if ((key === undefined) !== (certificate === undefined)) values.fault('client_key and client_certificate go together')
  if ((dn === undefined) !== (passwordFile === undefined)) values.fault('bind_dn and bind_password_file go together')
  if (source.interval > MAX_INTERVAL_S) values.fault(`interval is more than a day, ${MAX_INTERVAL_S}`)
  if (source.shrink > 100) values.fault('shrink is more than 100 percent')
  if (url === undefined) return undefined
  if (!/^(?:https|ldaps?):\/\/[^/?#\s]+\S*$/i.test(url)) values.fault(`source is ${url}, not https://, ldaps:// or ldap://`)
  const isSigned = /^https:/i.test(url)
  if (isSigned && source.signers === undefined) values.fault('signers is missing: whose signature of the index counts')
  if (!isSigned && source.signers !== undefined) values.fault('signers is set, but what LDAP gives is not signed')
  if (isSigned && dn !== undefined) values.fault('bind_dn is set, but the source is no LDAP server')
  if (source.startTls && !/^ldap:/i.test(url)) values.fault(`starttls is true, but ${url} is not ldap://`)
  return { url, ...source }
}
