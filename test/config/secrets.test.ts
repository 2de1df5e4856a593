import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig, SECTIONS } from '../../src/config/config.js'
import { secretsOf } from '../../src/config/secrets.js'
import type { Ini } from '../../src/config/values.js'

const KEYS = /^(?:key|client_key|(?:bind_)?(?:password|passphrase|pin|credentials)_file)$/

/** What the sections need beside their secrets; other sections come along. */
const BESIDES: Ini = {
  tokens: { module: '/hsm.so', token: 'a', key_id: '0x01' },
  ldap: { bind_dn: 'cn=pec' },
  ledger: { engine: 'mysql' },
  retrieval: { mailbox: 'r@pec-a.test' },
  interoperability: { mailbox: 'v@pec-a.test', to: 'u@pec-b.test' },
}
const SOURCES: Readonly<Record<string, Ini[string]>> = {
  client_key: { source: 'https://index.test/', client_certificate: 'c.pem', signers: 's.pem' },
  bind_password_file: { source: 'ldaps://index.test/', bind_dn: 'cn=pec' },
}
const PROVIDER = { name: 'Provider A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }

test('every setting that names a key, a password or a PIN is among the secrets', () => {
  const names = Object.values(SECTIONS).flatMap(({ name, keys }) =>
    keys === 'free' ? [] : keys.filter((key) => KEYS.test(key)).map((key) => ({ section: name, key })),
  )
  assert.ok(names.length >= 9, JSON.stringify(names))
  for (const { section, key } of names) {
    const path = `/secret/${section}-${key}`
    const besides = section === 'index' ? SOURCES[key] : BESIDES[section]
    const directory = { engine: section === 'ldap' ? 'ldap' : 'file' }
    const ini: Ini = { main: {}, provider: PROVIDER, directory, [section]: { ...besides, [key]: path } }
    assert.ok(secretsOf(parseConfig(ini, '/instance')).includes(path), `[${section}] ${key}`)
  }
})
