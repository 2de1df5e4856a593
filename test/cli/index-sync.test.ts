import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { setKeys } from '../../src/cli/settings.js'
import { parseConfig } from '../../src/config/config.js'
import { isPecError } from '../../src/errors.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import { CrlCache } from '../../src/smime/crl.js'
import { OcspClient } from '../../src/smime/ocsp.js'
import { openSynchroniser } from '../../src/synchroniser.js'
import { readIndex } from '../../src/providers/provider-index.js'
import { contentOf } from '../../src/providers/signed-index.js'
import { issueProviderCertificate, issueRevocationList } from '../../src/smime/issue.js'
import { tlsIdentity } from '../harness/certificates.js'
import { slapdIsMissing, TestSlapd } from '../harness/slapd.js'
import { Centre } from '../providers/centre.js'
import { derOf, openssl } from '../smime/fixtures.js'

const PROGRAM = join(__dirname, '..', '..', 'src', 'cli', 'pec.ts')
let centre: Centre
const at = (name: string): string => join(centre.folder, 'config', name)
/** Our copy with our own record only, and our certificate. */
let alone: Buffer
let certificate: Buffer
const B = { name: 'Provider B', domains: ['b.test'] }

before(async () => {
  centre = await Centre.open()
  const { authority, tls, signer } = centre
  const address = 'posta-certificata@ours.test'
  const own = await issueProviderCertificate({ authority, providerName: 'Ours', address, keyKind: 'p-256' })
  certificate = derOf(own)
  alone = centre.ldif({ name: 'Ours', domains: ['ours.test'], certificate })
  for (const folder of ['config', 'ledger']) await mkdir(join(centre.folder, folder))
  const files = {
    'pec_key.pem': own.key,
    'pec_certificate.pem': own.certificate,
    'pec_anchors.pem': authority.certificate,
    'crl.pem': issueRevocationList({ authority, revoked: [] }),
    'client_key.pem': tls.client.key,
    'client.pem': tls.client.certificate,
    'signers.pem': signer.certificate,
    'pec_index.ldif': alone,
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

test('a name in the index that would steer the terminal is shown, not obeyed', async () => {
  const name = 'Provider C\x1b[2J\rOurs\u009b2J'
  await writeFile(at('next.p7m'), await centre.signed(centre.ldif(B, { name, domains: ['c.test'] })))
  assert.match((await pec('diff', at('next.p7m'))).stdout, /^Provider C\\u001b\[2J\\u000dOurs\\u009b2J: added;/m)
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

describe('pec index sync from an LDAP server that wants TLS and a name', { skip: slapdIsMissing }, () => {
  const READER = 'cn=reader,dc=pec'
  let slapd: TestSlapd

  before(async () => {
    const { server } = centre.tls
    for (const [name, text] of [
      ['server_key.pem', server.key],
      ['server.pem', server.certificate],
      ['other_ca.pem', (await tlsIdentity()).ca],
      ['password', 'of-the-reader\n'],
      ['wrong_password', 'of-somebody-else\n'],
    ] as const)
      await writeFile(at(name), text, { mode: 0o600 })
    const people = `dn: ${READER}\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: of-the-reader\n`
    const root = 'dn: o=postacert\nobjectClass: organization\nobjectClass: LDIFLocationURLObject\no: postacert\n'
    slapd = await TestSlapd.start({
      ldif: `dn: dc=pec\nobjectClass: dcObject\nobjectClass: organization\no: pec\n\n${people}`,
      postacert: `${root}LDIFLocationURL: https://centre.test/igpec.ldif.p7m\n${centre.ldif(B, { name: 'D', domains: ['d.test'] }).toString('latin1')}`,
      tls: { certificate: at('server.pem'), key: at('server_key.pem') },
      closedIndex: true,
    })
  })
  after(() => slapd.close())

  const access = { ca: 'config/pec_anchors.pem', bind_dn: READER, bind_password_file: 'config/password', starttls: 'false' }

  test('takes it over ldaps:// and over StartTLS', async () => {
    for (const how of [{ source: slapd.secureUrl }, { source: slapd.url, starttls: 'true' }]) {
      await writeFile(at('pec_index.ldif'), alone)
      const https = { signers: '', client_key: '', client_certificate: '' }
      await setKeys(at('pec.ini'), { index: { ...https, ...access, ...how } })
      const { stdout } = await pec('sync')
      assert.match(stdout, /^Provider B: added; .*\nD: added; domains added: d\.test;/m)
      assert.equal(readIndex(await readFile(at('pec_index.ldif'))).records.length, 3)
    }
  })

  test('takes nothing from a server of another authority, with another password, without TLS or without a name', async () => {
    await writeFile(at('pec_index.ldif'), alone)
    const ledger = await openLedger(':memory:')
    const crls = new CrlCache({ sources: [], interval: 1000, onEvent: () => undefined })
    const parts = { ledger, crls, ocsp: new OcspClient(), certificate: () => certificate, clock: () => new Date() }
    const [source, starttls, other] = [slapd.secureUrl, 'true', 'config/other_ca.pem']
    for (const [settings, reason] of [
      [{ source, ca: other }, /certificate/],
      [{ source: slapd.url, starttls, ca: other }, /certificate/],
      [{ source, bind_password_file: 'config/wrong_password' }, /InvalidCredentialsError/],
      [{ source: slapd.url }, /NoSuchObjectError/],
      [{ source, bind_dn: '', bind_password_file: '' }, /NoSuchObjectError/],
    ] as const) {
      const provider = { name: 'Ours', domain: 'ours.test', receipts: 'r@ours.test' }
      const config = parseConfig({ provider, index: { ...access, ...settings } }, centre.folder)
      const synchroniser = await openSynchroniser(config, parts)
      await assert.rejects(synchroniser?.run() ?? Promise.resolve(), (error) => isPecError(error) && reason.test(error.message))
      assert.deepEqual(await readFile(at('pec_index.ldif')), alone)
    }
    await ledger.close()
  })
})
