import { section } from './section.js'

const KEYS = [
  ...['urls', 'starttls', 'ca', 'bind_dn', 'bind_password_file', 'connections', 'timeout'],
  ...[
    'mailbox_base',
    'mailbox_filter',
    'operator_base',
    'operator_filter',
    'administrator_base',
    'administrator_filter',
    'domain_base',
    'domain_filter',
    'authentication',
  ],
  ...['address', 'alias', 'state', 'kind', 'quota', 'ordinary_mail', 'password'],
  ...[
    'password_until',
    'renewal',
    'archive',
    'arrival_notice',
    'certificate',
    'operator',
    'operator_of',
    'administrator',
    'mailbox_classes',
    'operator_classes',
    'administrator_classes',
    'domain_classes',
  ],
  ...['domain', 'domain_ordinary_mail', 'refresh', 'cache', 'cache_unknown', 'cache_entries'],
] as const

export interface LdapConfig {
  /** Tried in this order. */
  readonly urls: readonly string[]
  readonly startTls: boolean
  /** Authorities of the servers' certificates; undefined for those of Node.js. */
  readonly ca: string | undefined
  readonly bindDn: string | undefined
  readonly bindPasswordFile: string | undefined
  /** Kept to a server. */
  readonly connections: number
  /** Seconds, of one operation. */
  readonly timeout: number
  readonly mailboxes: Search
  readonly operators: Search
  readonly administrators: Search
  readonly domains: Search
  /** bind: the server compares passwords; hash: we do, with what the attribute `password` says. */
  readonly authentication: 'bind' | 'hash'
  readonly attributes: LdapAttributes
  /** Object classes of the entries that `pec` makes. */
  readonly classes: {
    readonly mailbox: readonly string[]
    readonly operator: readonly string[]
    readonly administrator: readonly string[]
    readonly domain: readonly string[]
  }
  /** Seconds: of domains, of mailboxes found, of addresses that nobody has. */
  readonly ages: { readonly refresh: number; readonly known: number; readonly unknown: number }
  readonly cacheEntries: number
}

export interface Search {
  readonly base: string
  /** With the values asked for in the places of {address}, {operator} and {administrator}. */
  readonly filter: string
}

/** The names of the attributes that hold what the gateway asks for. */
export interface LdapAttributes {
  readonly address: string
  readonly alias: string
  readonly state: string
  readonly kind: string
  readonly quota: string
  readonly ordinaryMail: string
  readonly password: string
  readonly passwordUntil: string
  readonly renewal: string
  readonly archive: string
  readonly arrivalNotice: string
  readonly certificate: string
  readonly operator: string
  readonly operatorOf: string
  readonly administrator: string
  readonly domain: string
  readonly domainOrdinaryMail: string
}

/** [ldap]: the servers and the entries of the directory; read whatever [directory] engine says. */
export const ldap = section('ldap', KEYS, (values): LdapConfig => {
  const attribute = (key: (typeof KEYS)[number], fallback: string): string => {
    const name = values.text(key, fallback)
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name)) values.fault(`${key} is ${name}, not the name of an attribute`)
    return name
  }
  const filter = (key: (typeof KEYS)[number], place: string, fallback: string): string => {
    const text = values.text(key, fallback)
    if (place !== '' && !text.includes(place)) values.fault(`${key} does not say where ${place} stands`)
    return text
  }
  const urls = values.list('urls', 'ldap://127.0.0.1:389')
  for (const url of urls)
    if (!/^ldaps?:\/\/[^/\s]+$/.test(url)) values.fault(`urls: ${url} is neither ldap://HOST:PORT nor ldaps://HOST:PORT`)
  const startTls = values.yes('starttls', 'false')
  if (startTls && urls.some((url) => url.startsWith('ldaps:'))) values.fault('starttls is true, but ldaps:// has TLS already')
  return {
    urls,
    startTls,
    ca: values.optionalPath('ca'),
    bindDn: values.optionalText('bind_dn'),
    bindPasswordFile: values.optionalPath('bind_password_file'),
    connections: values.number('connections', 4),
    timeout: values.number('timeout', 10),
    mailboxes: {
      base: values.text('mailbox_base', 'ou=mailboxes,dc=pec'),
      filter: filter('mailbox_filter', '{address}', '(&(objectClass=pecMailbox)(|(mail={address})(pecAlias={address})))'),
    },
    operators: {
      base: values.text('operator_base', 'ou=operators,dc=pec'),
      filter: filter('operator_filter', '{operator}', '(&(objectClass=pecOperator)(uid={operator})(pecOperatorOf={address}))'),
    },
    administrators: {
      base: values.text('administrator_base', 'ou=administrators,dc=pec'),
      filter: filter('administrator_filter', '{administrator}', '(&(objectClass=pecAdministrator)(uid={administrator}))'),
    },
    domains: {
      base: values.text('domain_base', 'ou=domains,dc=pec'),
      filter: filter('domain_filter', '', '(objectClass=pecDomain)'),
    },
    authentication: values.oneOf('authentication', ['bind', 'hash'], 'bind'),
    attributes: {
      address: attribute('address', 'mail'),
      alias: attribute('alias', 'pecAlias'),
      state: attribute('state', 'pecState'),
      kind: attribute('kind', 'pecKind'),
      quota: attribute('quota', 'pecQuotaBytes'),
      ordinaryMail: attribute('ordinary_mail', 'pecOrdinaryMail'),
      password: attribute('password', 'userPassword'),
      passwordUntil: attribute('password_until', 'pecPasswordUntil'),
      renewal: attribute('renewal', 'pecRenewal'),
      archive: attribute('archive', 'pecArchive'),
      arrivalNotice: attribute('arrival_notice', 'pecArrivalNotice'),
      certificate: attribute('certificate', 'pecCertificate'),
      operator: attribute('operator', 'uid'),
      operatorOf: attribute('operator_of', 'pecOperatorOf'),
      administrator: attribute('administrator', 'uid'),
      domain: attribute('domain', 'associatedDomain'),
      domainOrdinaryMail: attribute('domain_ordinary_mail', 'pecOrdinaryMail'),
    },
    classes: {
      mailbox: values.list('mailbox_classes', 'pecMailbox'),
      operator: values.list('operator_classes', 'inetOrgPerson, pecOperator'),
      administrator: values.list('administrator_classes', 'inetOrgPerson, pecAdministrator'),
      domain: values.list('domain_classes', 'pecDomain'),
    },
    ages: {
      refresh: values.number('refresh', 30),
      known: values.number('cache', 30, 0),
      unknown: values.number('cache_unknown', 10, 0),
    },
    cacheEntries: values.number('cache_entries', 10_000),
  }
})
