// Haraka's own files of an instance, each thing wrong that would do harm. They are those of the package until a test changes them.
import assert from 'node:assert/strict'
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { setKeys, type Values } from '../../src/cli/settings.js'
import { parseConfig, type Config } from '../../src/config/config.js'
import { findBusyPorts, findSetupFaults } from '../../src/haraka/setup.js'
import { tlsIdentity } from '../harness/certificates.js'

let directory: string
let config: Config

beforeEach(async (t) => {
  directory = await mkdtemp(join(tmpdir(), 'pec-setup-'))
  assert.ok('after' in t)
  t.after(() => rm(directory, { recursive: true }))
  await cp(join(__dirname, '..', '..', 'config'), join(directory, 'config'), { recursive: true })
  for (const folder of ['queue', 'spool', 'quarantine', 'ledger', 'mail']) await mkdir(join(directory, folder), { mode: 0o700 })
  const { key, cert } = await tlsIdentity()
  await writeFile(join(directory, 'config', 'tls_key.pem'), key, { mode: 0o600 })
  await writeFile(join(directory, 'config', 'tls_cert.pem'), cert)
  await writeFile(join(directory, 'config', 'pec_key.pem'), key, { mode: 0o600 })
  config = parseConfig({ provider: { name: 'A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' } }, directory)
})

const at = (...path: readonly string[]): string => join(directory, ...path)
const set = (file: string, values: Values): Promise<void> => setKeys(at('config', file), values)
async function plugins(change: (text: string) => string): Promise<void> {
  const path = at('config', 'plugins')
  await writeFile(path, change(await readFile(path, 'utf8')))
}

test('the files of the package are in order', async () => {
  assert.deepEqual(await findSetupFaults(config), [])
})

const faults: readonly [string, () => Promise<unknown>, RegExp][] = [
  ['no guard', () => plugins((text) => text.replace('pec/guard', '')), /^config\/plugins has no line pec\/guard$/],
  ['a guard before the points', () => plugins((text) => `pec/guard\n${text.replace('pec/guard', '')}`), /in this order: tls, /],
  ['a plugin that relays', () => plugins((text) => `${text}queue/smtp_forward\n`), /past the gateway/],
  ['a plugin that takes recipients', () => plugins((text) => `rcpt_to.in_host_list\n${text}`), /accept recipients before/],
  ['a plugin that logs users in', () => plugins((text) => `auth/flat_file\n${text}`), /let users in/],
  [
    'a Received field',
    () => set('connection.ini', { headers: { add_received: 'true' } }),
    /\[headers\] add_received must be false/,
  ],
  ['a size below that of pec.ini', () => set('connection.ini', { max: { bytes: '1000' } }), /\[max\] bytes is less than/],
  [
    'lines that are broken',
    () => set('connection.ini', { max: { data_line_length: '992' } }),
    /data_line_length must be at least/,
  ],
  ['no stopping with care', () => set('smtp.ini', { main: { graceful_shutdown: 'false' } }), /graceful_shutdown must be true/],
  [
    'a Received field on the way out',
    () => set('outbound.ini', { main: { received_header: 'x' } }),
    /received_header must be disabled/,
  ],
  ['a file per recipient', () => set('outbound.ini', { main: { always_split: 'true' } }), /always_split must be false/],
  ['a listener that is not there', () => set('smtp.ini', { main: { listen: '[::0]:25,[::0]:465' } }), /listen lacks port 587/],
  [
    'a listener without a role',
    () => set('smtp.ini', { main: { listen: '[::0]:25,[::0]:465,[::0]:587,[::0]:26' } }),
    /port 26 .* no role/,
  ],
  ['no TLS certificate', () => rm(at('config', 'tls_cert.pem')), /TLS with .* cannot be: ENOENT/],
  ['the key of another one', async () => writeFile(at('config', 'tls_key.pem'), (await tlsIdentity()).key), /is not the key of/],
  ['a key for everybody', () => chmod(at('config', 'pec_key.pem'), 0o644), /pec_key\.pem may be read by everybody/],
  ['a queue for everybody', () => chmod(at('queue'), 0o755), /queue is open to everybody/],
  ['no queue', () => rm(at('queue'), { recursive: true }), /queue is missing: make it/],
  [
    'a spool that is a file',
    async () => (await rm(at('spool'), { recursive: true }), copyFile(__filename, at('spool'))),
    /spool is no folder/,
  ],
]
for (const [what, harm, line] of faults) {
  test(`${what} is a fault, and the only one`, async () => {
    await harm()
    const found = await findSetupFaults(config)
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', line)
  })
}

test('a port that is taken is named', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  await set('smtp.ini', { main: { listen: `127.0.0.1:${port}` } })
  assert.match(
    (await findBusyPorts(config)).join(),
    new RegExp(`^smtp.ini: 127.0.0.1:${port} cannot be listened on: .*EADDRINUSE`),
  )
})
