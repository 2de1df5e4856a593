// What a backup does not have, and says so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elsewhereOf } from '../../src/backup/backup.js'
import { parseConfig } from '../../src/config/config.js'
import type { Ini } from '../../src/config/values.js'

const MAIN: Ini = { main: {}, provider: { name: 'Provider A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' } }

const elsewhere = (ini: Ini): readonly string[] => elsewhereOf(parseConfig({ ...MAIN, ...ini }, '/instance'))

test('files and folders that the settings name outside of the instance are not in its backup', () => {
  assert.deepEqual(elsewhere({}), [])
  const besides = {
    index: { source: 'https://index.test/', signers: '/etc/pec/signers.pem', client_key: 'k.pem', client_certificate: 'c.pem' },
    client_certificates: { login: 'allowed' },
    ldap: {},
  }
  for (const [section, key, more] of [
    ['signer', 'certificate', {}],
    ['trust', 'anchors', {}],
    ['timestamp', 'anchors', {}],
    ['client_certificates', 'authorities', { client_certificates: besides.client_certificates }],
    ['peers', 'ca', {}],
    ['index', 'ca', { index: besides.index }],
    ['index', 'client_certificate', { index: besides.index }],
    ['index', 'signers', { index: besides.index }],
    ['directory', 'file', {}],
    ['ldap', 'ca', { directory: { engine: 'ldap' } }],
    ['archive', 'directory', {}],
    ['options', 'copies', {}],
    ['interoperability', 'password_file', { interoperability: { mailbox: 'v@pec-a.test', to: 'u@pec-b.test' } }],
  ] as const) {
    const path = `/elsewhere/${section}-${key}`
    const ini: Ini = { ...more, [section]: { ...(more as Ini)[section], [key]: path } }
    assert.ok(elsewhere(ini).includes(path), `[${section}] ${key}`)
  }
})
