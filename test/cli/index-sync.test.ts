import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { readIndex } from '../../src/providers/provider-index.js'
import { contentOf } from '../../src/providers/signed-index.js'
import { issueProviderCertificate, issueRevocationList } from '../../src/smime/issue.js'
import { Centre } from '../providers/centre.js'
import { derOf, openssl } from '../smime/fixtures.js'

const PROGRAM = join(__dirname, '..', '..', 'src', 'cli', 'pec.ts')
let centre: Centre
const at = (name: string): string => join(centre.folder, 'config', name)
const B = { name: 'Provider B', domains: ['b.test'] }

before(async () => {
  centre = await Centre.open()
  const { authority, tls, signer } = centre
  const address = 'posta-certificata@ours.test'
  const own = await issueProviderCertificate({ authority, providerName: 'Ours', address, keyKind: 'p-256' })
  for (const folder of ['config', 'ledger']) await mkdir(join(centre.folder, folder))
  const files = {
    'pec_key.pem': own.key,
    'pec_certificate.pem': own.certificate,
    'pec_anchors.pem': authority.certificate,
    'crl.pem': issueRevocationList({ authority, revoked: [] }),
    'client_key.pem': tls.client.key,
    'client.pem': tls.client.certificate,
    'signers.pem': signer.certificate,
    'pec_index.ldif': centre.ldif({ name: 'Ours', domains: ['ours.test'], certificate: derOf(own) }),
    'pec.ini': [
      ...['[provider]', 'name = Ours', 'domain = ours.test', 'receipts = r@ours.test', '[trust]', 'crl = config/crl.pem'],
      ...['[index]', `source = ${centre.url}`, 'ca = config/pec_anchors.pem', 'signers = config/signers.pem'],
      ...['client_key = config/client_key.pem', 'client_certificate = config/client.pem', ''],
    ].join('\n'),
  }
  for (const [name, contents] of Object.entries(files)) await writeFile(at(name), contents, { mode: 0o600 })
})
after(() => centre.close())

const pec = (command: string, ...more: readonly string[]) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', PROGRAM, 'index', command, centre.folder, ...more])

test('pec index sync takes the index over and says what changed', async () => {
  centre.serve(await centre.signed(centre.ldif(B), { at: new Date() }))
  const { stdout } = await pec('sync')
  assert.match(
    stdout,
    /^Provider B: added; domains added: b\.test;.*\nNote: the centre has no record of Ours: hand it ours\n1 records changed; the index has 2, with 2 domains/,
  )
  assert.equal(readIndex(await readFile(at('pec_index.ldif'))).domains, 2)
})

test('pec index diff says what a file would change, and changes nothing', async () => {
  const present = await readFile(at('pec_index.ldif'))
  await writeFile(at('next.p7m'), await centre.signed(centre.ldif(B, { name: 'Provider C', domains: ['c.test'] })))
  const { stdout } = await pec('diff', at('next.p7m'))
  assert.match(
    stdout,
    /Provider C: added; domains added: c\.test;.*\n1 records would change; the index would have 3, with 3 domains/s,
  )
  assert.deepEqual(await readFile(at('pec_index.ldif')), present)
})

test('pec index publish writes our record signed, for openssl and for ourselves', async () => {
  await pec('publish', '--out', at('own.p7m'))
  const how = [
    '-verify',
    '-binary',
    '-inform',
    'DER',
    '-in',
    at('own.p7m'),
    '-CAfile',
    at('pec_anchors.pem'),
    '-out',
    at('own.ldif'),
  ]
  await openssl('cms', ...how)
  const [opened, theirs] = [await contentOf(await readFile(at('own.p7m'))), await readFile(at('own.ldif'))]
  assert.deepEqual(opened, theirs)
  assert.deepEqual([...(readIndex(opened).records[0]?.managedDomains ?? [])], ['ours.test'])
})
