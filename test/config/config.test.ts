import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseConfig, SECTIONS } from '../../src/config/config.js'
import type { Ini } from '../../src/config/values.js'
import { PecError } from '../../src/errors.js'

const TOKENS = { module: '/hsm.so', token: 'a', key_id: '0x01', pin_variable: 'PIN' }
const PROBE = { mailbox: 'v@pec-a.test', password_file: 'p', to: 'u@pec-b.test' }
const PROVIDER = { name: 'Provider A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }

/** The least that must be set, with these sections laid over it. */
const ini = (sections: Ini = {}): Ini => ({ main: {}, provider: PROVIDER, ...sections })

const parse = (sections?: Ini): ReturnType<typeof parseConfig> => parseConfig(ini(sections), '/instance')

function faultsOf(sections: Ini): readonly string[] {
  try {
    parseConfig(sections, '/instance')
  } catch (error) {
    assert.ok(error instanceof PecError && error.code === 'configuration' && !error.temporary)
    const [, faults] = /^pec\.ini: (.*)$/s.exec(error.message) ?? []
    assert.ok(faults !== undefined, error.message)
    return faults.split('; ')
  }
  return []
}

describe('the settings', () => {
  test('have a default for everything but who the provider is', () => {
    const { provider, store, listeners, signer, routes } = parse()
    assert.deepEqual(provider, PROVIDER)
    assert.deepEqual(store, { lmtp: { host: '127.0.0.1', port: 2424 }, connections: 10, embedded: true })
    assert.deepEqual(listeners, { submission: [465, 587], reception: [25] })
    assert.deepEqual([signer.chain, signer.passphraseFile, routes.size], [undefined, undefined, 0])
  })

  test('give paths below the instance where they are relative', () => {
    const config = parse({ ledger: { file: '/var/pec.sqlite' }, signer: { chain: 'config/chain.pem' } })
    assert.deepEqual(config.ledger, { engine: 'sqlite', file: '/var/pec.sqlite' })
    assert.equal(config.signer.chain, '/instance/config/chain.pem')
    assert.equal(config.directory.file, '/instance/directory.json')
    const { crl } = parse({ trust: { crl: 'a.crl, /b.crl ,http://ca.test/x.crl,,https://ca.test/y' } }).trust
    assert.deepEqual(crl, ['/instance/a.crl', '/b.crl', 'http://ca.test/x.crl', 'https://ca.test/y'])
  })

  test('know addresses and domains in lower case', () => {
    const config = parse({
      provider: { ...PROVIDER, domain: 'PEC-A.test', receipts: 'Ricevute@PEC-A.test' },
      routes: { 'Pec-B.TEST': 'MX.pec-b.test:25', 'pec-c.test': '[::1]:2525', 'pec-d.test': '/run/lmtp' },
      peer_tls: { 'PEC-B.test': 'optional' },
    })
    assert.deepEqual([config.provider.domain, config.provider.receipts], ['pec-a.test', 'ricevute@pec-a.test'])
    assert.deepEqual([...config.peerTls], [['pec-b.test', 'optional']])
    assert.deepEqual(
      [...config.routes],
      [
        ['pec-b.test', { host: 'MX.pec-b.test', port: 25 }],
        ['pec-c.test', { host: '::1', port: 2525 }],
        ['pec-d.test', { path: '/run/lmtp' }],
      ],
    )
  })

  test('have scores of spam only where rspamd is to be asked', () => {
    assert.equal(parse({ spam: { low: '1' } }).spam, undefined)
    assert.deepEqual(parse({ spam: { enabled: 'true' } }).spam, { low: 4, medium: 8, high: 15 })
    assert.deepEqual(parse({ spam: { enabled: true, low: '-1.5', high: 9.25 } }).spam, { low: -1.5, medium: 8, high: 9.25 })
  })

  test('tell where a database server is, its files below the instance', () => {
    const server = {
      engine: 'mysql',
      host: 'db.pec-a.test',
      user: 'gw',
      password_file: 'config/password',
      tls: 'verified',
      ca: '/ca',
    }
    const facts = { database: 'pec', user: 'gw', passwordFile: '/instance/config/password', pool: 10, tls: 'verified', ca: '/ca' }
    assert.deepEqual(parse({ ledger: server }).ledger, { engine: 'mysql', at: { host: 'db.pec-a.test', port: 3306 }, ...facts })
    const local = parse({ ledger: { engine: 'mysql', socket: '/run/mysqld/mysqld.sock' } }).ledger
    assert.deepEqual(local.engine === 'mysql' && [local.at, local.passwordFile], [{ path: '/run/mysqld/mysqld.sock' }, undefined])
  })

  test('ask revocation lists and responders in an order, each once', () => {
    assert.deepEqual(parse().trust.revocation, ['crl', 'ocsp'])
    assert.deepEqual(parse({ trust: { revocation: 'ocsp,crl' } }).trust.revocation, ['ocsp', 'crl'])
    assert.deepEqual(parse({ trust: { revocation: 'ocsp' } }).trust.revocation, ['ocsp'])
    for (const revocation of ['crl, crl', 'none', 'crl, ocsp, x'])
      assert.throws(() => parse({ trust: { revocation } }), /\[trust\] revocation is .*, not crl and ocsp/)
  })

  test('know time servers by their names and ports', () => {
    const { clock } = parse({ clock: { servers_a: 'ntp.a.test, 10.0.0.1:1123', servers_b: '[::1]:123', alarm: 0.5 } })
    assert.deepEqual(clock, {
      sources: [
        [
          { host: 'ntp.a.test', port: 123 },
          { host: '10.0.0.1', port: 1123 },
        ],
        [{ host: '::1', port: 123 }],
      ],
      ...{ interval: 300, alarm: 0.5, stop: 30 },
    })
    assert.equal(parse().clock, undefined)
  })

  test('have tokens only where a library is named', () => {
    assert.equal(parse().tokens, undefined)
    assert.deepEqual(
      parse({ tokens: { ...TOKENS, pin_variable: '', second_token: 'serial:0042', pin_file: 'config/pin', timeout: 2 } }).tokens,
      {
        ...{ module: '/hsm.so', tokens: ['a', 'serial:0042'], keyLabel: undefined, keyId: '01' },
        ...{ pin: { file: '/instance/config/pin' }, sessions: 8, timeout: 2 },
      },
    )
    assert.deepEqual(parse({ tokens: TOKENS }).tokens?.pin, { variable: 'PIN' })
  })

  test("take what Haraka's reader makes of numbers, and an empty value for none", () => {
    const { listeners, limits } = parse({ listeners: { submission: 2465, reception: '2525,2526' }, limits: { recipients: '' } })
    assert.deepEqual(listeners, { submission: [2465], reception: [2525, 2526] })
    assert.equal(limits.recipients, 1000)
  })
})

describe('a fault in the settings is named:', () => {
  const faults: readonly [string, Ini][] = [
    ['[provider] name is missing', { provider: { ...PROVIDER, name: ' ' } }],
    ['[provider] receipts is missing', { provider: { name: 'A', domain: 'pec-a.test' } }],
    ['[provider] domain a b is not a mail domain', { provider: { ...PROVIDER, domain: 'a b' } }],
    ['[provider] receipts ricevute is not a mail address', { provider: { ...PROVIDER, receipts: 'ricevute' } }],
    ['[provider] color is not a setting', { provider: { ...PROVIDER, color: 'red' } }],
    ['[colors] is not a section of pec.ini', { colors: {} }],
    ['[constructor] is not a section of pec.ini', { constructor: {} }],
    ['name stands before the first section', { main: { name: 'A' } }],
    ['[listeners] submission: x is not a port', { listeners: { submission: '465,x' } }],
    ['[listeners] reception: 65536 is not a port', { listeners: { reception: '65536' } }],
    ['[listeners] reception: 0 is not a port', { listeners: { reception: 0 } }],
    ['[listeners] reception: 0x19 is not a port', { listeners: { reception: '0x19' } }],
    ['[spam] low is 4,5, not a number', { spam: { low: '4,5' } }],
    ['[spam] low, medium and high do not rise', { spam: { enabled: 'true', medium: '15' } }],
    ['[listeners] reception names no port', { listeners: { reception: ',' } }],
    ['[listeners] submission names no port', { listeners: { submission: ',' } }],
    ['[listeners] port 25 is both submission and reception', { listeners: { submission: '25,465' } }],
    ['[trust] crl[] is not a setting: write crl with commas', { trust: { crl: ['a', 'b'] } }],
    ['[index] signers is missing: whose signature of the index counts', { index: { source: 'https://c.test/i.ldif.p7m' } }],
    ['[index] signers is set, but what LDAP gives is not signed', { index: { source: 'ldaps://c.test', signers: 'a.pem' } }],
    ['[index] source is ftp://c.test, not https://, ldaps:// or ldap://', { index: { source: 'ftp://c.test' } }],
    ['[index] client_key and client_certificate go together', { index: { client_key: 'a.pem' } }],
    ['[index] interval is more than a day, 86400', { index: { interval: 86_401 } }],
    ['[index] shrink is more than 100 percent', { index: { shrink: 101 } }],
    ['[trust] crl_required is yes, not one of true, false', { trust: { crl_required: 'yes' } }],
    ['[trust] crl_refresh is 0, not a whole number of at least 1', { trust: { crl_refresh: 0 } }],
    ['[index] refresh is 1e3, not a whole number of at least 1', { index: { refresh: '1e3' } }],
    ['[limits] bytes is -1, not a whole number of at least 1', { limits: { bytes: -1 } }],
    ['[limits] bytes is 1.5, not a whole number of at least 1', { limits: { bytes: 1.5 } }],
    ['[limits] recipients_ceiling is less than recipients', { limits: { recipients: 3000 } }],
    ['[quarantine] months is 29, not a whole number of at least 30', { quarantine: { months: 29 } }],
    ['[antivirus] engine is x, not one of clamd, none', { antivirus: { engine: 'x' } }],
    ['[ledger] engine is oracle, not one of sqlite, mysql', { ledger: { engine: 'oracle' } }],
    ['[ledger] port 70000 is not a port', { ledger: { engine: 'mysql', port: 70000 } }],
    ['[ledger] tls is required, but a socket has none', { ledger: { engine: 'mysql', socket: '/run/db', tls: 'required' } }],
    [
      '[ledger] tls is verified, but host 10.0.0.1 is no name that a certificate could have',
      { ledger: { engine: 'mysql', host: '10.0.0.1', tls: 'verified' } },
    ],
    ['[tokens] token is set, but not module', { tokens: { token: 'a' } }],
    ['[tokens] module is set, but not token', { tokens: { ...TOKENS, token: '' } }],
    ['[tokens] token and second_token are the same', { tokens: { ...TOKENS, second_token: 'a' } }],
    ['[tokens] token 42: write label:NUMBER or serial:NUMBER', { tokens: { ...TOKENS, second_token: 42 } }],
    ['[tokens] module is set, but neither key_label nor key_id', { tokens: { ...TOKENS, key_id: '' } }],
    ['[tokens] key_id is 1, not pairs of hexadecimal digits after 0x', { tokens: { ...TOKENS, key_id: 1 } }],
    ['[tokens] module is set: give one of pin_file and pin_variable', { tokens: { ...TOKENS, pin_file: 'config/pin' } }],
    ['[tokens] module is set: give one of pin_file and pin_variable', { tokens: { ...TOKENS, pin_variable: '' } }],
    ['[clock] servers_a and servers_b must both name servers, or neither', { clock: { servers_b: 'ntp.a.test' } }],
    ['[clock] servers_b: a b is neither HOST nor HOST:PORT', { clock: { servers_a: 'ntp.a.test', servers_b: 'a b' } }],
    ['[clock] stop is less than alarm', { clock: { alarm: 60 } }],
    ['[clock] alarm is not above 0', { clock: { alarm: 0 } }],
    ['[alarms] mail_from is missing', { alarms: { mail_to: 'a@x.test' } }],
    ['[alarms] a b is not a mail address', { alarms: { mail_to: 'a b', mail_from: 'a@x.test' } }],
    ['[alarms] smarthost must be HOST:PORT', { alarms: { mail_to: 'a@x.test', mail_from: 'a@x.test', smarthost: '/x' } }],
    ['[alarms] webhook is not an address of http or https', { alarms: { webhook: 'file:///etc/passwd' } }],
    ['[interoperability] to names no mailbox of another provider', { interoperability: { ...PROBE, to: '' } }],
    ['[interoperability] to: b is no mail address', { interoperability: { ...PROBE, to: 'u@pec-b.test, b' } }],
    ['[interoperability] password_file is missing', { interoperability: { ...PROBE, password_file: '' } }],
    ['[interoperability] submission is not HOST:PORT', { interoperability: { ...PROBE, submission: '/run/x' } }],
    ['[interoperability] interval is not longer than patience', { interoperability: { ...PROBE, interval: 1800 } }],
    ['[interoperability] interval is set, but no mailbox to send from', { interoperability: { interval: 86_400 } }],
    ['[deadlines] first is not before second', { deadlines: { first: 81000 } }],
    ['[store] lmtp is dovecot, neither HOST:PORT nor the path of a socket', { store: { lmtp: 'dovecot', embedded: 'false' } }],
    ['[store] lmtp is a:99999, neither HOST:PORT nor the path of a socket', { store: { lmtp: 'a:99999', embedded: 'false' } }],
    ['[store] lmtp must be HOST:PORT on loopback where embedded is true', { store: { lmtp: 'dovecot:24' } }],
    ['[store] lmtp must be HOST:PORT on loopback where embedded is true', { store: { lmtp: '/run/lmtp' } }],
    ['[reception] ordinary_mail is drop, not one of accept, reject', { reception: { ordinary_mail: 'drop' } }],
    ['[delivery] brief_hash is md5, not one of sha1, sha256', { delivery: { brief_hash: 'md5' } }],
    ['[peers] tls is no, not one of verified, required, optional', { peers: { tls: 'no' } }],
    ['[peer_tls] pec-b.test is no, not one of verified, required, optional', { peer_tls: { 'pec-b.test': 'no' } }],
    ['[routes] pec-b.test is x, neither HOST:PORT nor the path of a socket', { routes: { 'pec-b.test': 'x' } }],
  ]
  for (const [fault, sections] of faults) {
    test(fault, () => assert.deepEqual(faultsOf(ini(sections)), [fault]))
  }

  test('and all others with it', () => {
    const sections: Ini = { provider: { name: 'A' }, listeners: { reception: 'x' }, peers: { tls: 'no', dns: 'no' }, x: {} }
    assert.deepEqual(faultsOf(sections), [
      '[provider] domain is missing',
      '[provider] receipts is missing',
      '[listeners] reception: x is not a port',
      '[peers] tls is no, not one of verified, required, optional',
      '[peers] dns is not a setting',
      '[x] is not a section of pec.ini',
    ])
  })

  test('and nothing of the provider means that all of it is missing', () => {
    assert.deepEqual(faultsOf({}), [
      '[provider] domain is missing',
      '[provider] name is missing',
      '[provider] receipts is missing',
    ])
  })
})

describe('config/pec.ini', () => {
  const written = new Map<string, Record<string, string>>()
  const commented = new Map<string, string[]>()
  let section = ''
  for (const line of readFileSync(join(__dirname, '..', '..', 'config', 'pec.ini'), 'utf8').split('\n')) {
    section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section
    const [, comment, key = '', value = ''] = /^(; )?(\w+) =(?: (.*))?$/.exec(line) ?? []
    if (key === '') continue
    if (comment !== undefined) commented.set(section, [...(commented.get(section) ?? []), key])
    else written.set(section, { ...written.get(section), [key]: value })
  }

  test('has every setting, and no other', () => {
    const keys = Object.fromEntries([...commented, ...[...written].map(([name, values]) => [name, Object.keys(values)] as const)])
    const known = Object.values(SECTIONS).flatMap(({ name, keys }) => (keys === 'free' ? [] : [[name, keys] as const]))
    assert.deepEqual(keys, Object.fromEntries(known))
  })

  test('leaves out only what has no default', () => {
    assert.deepEqual([...commented], [['provider', Object.keys(PROVIDER)]])
  })

  test('has the defaults', () => {
    for (const [name, values] of written)
      for (const [key, value] of Object.entries(values))
        assert.deepEqual(parse({ [name]: { [key]: value } }), parse(), `[${name}] ${key}`)
    assert.deepEqual(parse(Object.fromEntries(written)), parse())
  })
})
