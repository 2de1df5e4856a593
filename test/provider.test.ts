import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseConfig, type Config } from '../src/config/config.js'
import type { Ini } from '../src/config/values.js'
import { PecError } from '../src/errors.js'
import { addDomain } from '../src/directory/directory-edit.js'
import { checkProvider, openProvider } from '../src/provider.js'
import { ownRecordLdif, type OwnRecord } from '../src/providers/own-record.js'
import { issueAuthority, issueProviderCertificate, issueRevocationList } from '../src/smime/issue.js'
import { readPem } from '../src/smime/pem.js'

const NAME = 'Gestore A S.p.A.'

/** Everything a provider has, in a directory, and some things that are wrong. */
let instance: string

before(async () => {
  instance = await mkdtemp(join(tmpdir(), 'pec-provider-'))
  const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' })
  const stranger = await issueAuthority({ name: 'Altra CA', keyKind: 'p-256' })
  const address = 'posta-certificata@pec-a.test'
  const provider = await issueProviderCertificate({ authority, providerName: NAME, address, keyKind: 'p-256' })
  const expired = await issueProviderCertificate({
    ...{ authority, providerName: NAME, address, keyKind: 'p-256' },
    from: new Date('2020-01-01'),
    days: 10,
  })
  await mkdir(join(instance, 'config'))
  const record: OwnRecord = {
    ...{ name: NAME, certificates: readPem(Buffer.from(provider.certificate), 'CERTIFICATE') },
    ...{ mailReceipt: 'ricevute@pec-a.test', domains: ['pec-a.test'] },
  }
  const files: Readonly<Record<string, string | Buffer>> = {
    'pec_key.pem': provider.key,
    'pec_certificate.pem': provider.certificate,
    'expired_key.pem': expired.key,
    'expired.pem': expired.certificate,
    'pec_anchors.pem': authority.certificate,
    'other_anchors.pem': stranger.certificate,
    'ca.crl': issueRevocationList({ authority, revoked: [] }),
    'pec_index.ldif': ownRecordLdif(record),
    'without_us.ldif': ownRecordLdif({ ...record, certificates: readPem(Buffer.from(expired.certificate), 'CERTIFICATE') }),
    'other_us.ldif': ownRecordLdif({ ...record, name: 'Altro', mailReceipt: 'altre@pec-b.test', domains: ['pec-b.test'] }),
    empty: '',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(instance, 'config', name), content, { mode: 0o600 })
  await addDomain(join(instance, 'directory.json'), 'pec-a.test')
})

after(() => rm(instance, { recursive: true }))

function config(sections: Ini = {}): Config {
  const provider = { name: NAME, domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }
  const settings = parseConfig({ provider, ...sections, trust: { crl: 'config/ca.crl', ...sections['trust'] } }, instance)
  return sections['ledger'] === undefined ? { ...settings, ledger: { engine: 'sqlite', file: ':memory:' } } : settings
}

async function faultsOf(sections: Ini): Promise<readonly string[]> {
  try {
    await checkProvider(config(sections))
  } catch (error) {
    assert.ok(error instanceof PecError && error.code === 'configuration' && !error.temporary)
    return error.message.replaceAll(`${instance}/`, '').split('\n')
  }
  return []
}

describe('a provider', () => {
  test('with everything in its place opens, signs, and closes', async () => {
    const lines: string[] = []
    const provider = await openProvider(config(), (line) => lines.push(line))
    assert.deepEqual(
      [provider.issuer.name, provider.issuer.address, provider.issuer.domain, provider.receipts],
      [NAME, 'posta-certificata@pec-a.test', 'pec-a.test', 'ricevute@pec-a.test'],
    )
    assert.ok((await provider.issuer.signer.sign(Buffer.from('x'))).length > 0)
    assert.ok(provider.directory.managesDomain('pec-a.test'))
    assert.equal(provider.index.byDomain('pec-a.test')?.name, NAME)
    await provider.close()
    assert.ok(lines.some((line) => line === 'the index of providers has 1 records with 1 domains'))
  })

  const faults: readonly [string, Ini, readonly RegExp[]][] = [
    ['without its key', { signer: { key: 'config/x' } }, [/^cannot sign: key config\/x: ENOENT/]],
    ['whose key is no key', { signer: { key: 'config/empty' } }, [/^cannot sign: key config\/empty/]],
    [
      'whose key is that of another certificate',
      { signer: { key: 'config/expired_key.pem' } },
      [/does not match the certificate/],
    ],
    [
      'whose certificate has expired',
      { signer: { key: 'config/expired_key.pem', certificate: 'config/expired.pem' } },
      [/the certificate expired at 2020-01-11/],
    ],
    [
      'whose certificate is of another provider',
      { provider: { name: 'B', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' } },
      [/certificate profile/],
    ],
    ['without an index', { index: { file: 'config/x' } }, [/config\/x/]],
    ['whose index is empty', { index: { file: 'config/empty' } }, [/config\/empty/]],
    [
      'that the index does not list',
      { index: { file: 'config/without_us.ldif' } },
      [/^our own certificate is not in the index of providers$/],
    ],
    [
      'that the index knows otherwise',
      { index: { file: 'config/other_us.ldif' } },
      [
        /^the index does not give pec-a\.test to us$/,
        /^the index calls us Altro, not Gestore A S\.p\.A\.$/,
        /^the index says that our receipts mailbox is altre@pec-b\.test, not ricevute@pec-a\.test$/,
      ],
    ],
    [
      'whose authority nobody trusts',
      { trust: { anchors: 'config/other_anchors.pem' } },
      [/^our own certificate is not to be trusted: /],
    ],
    ['without anchors', { trust: { anchors: 'config/empty' } }, [/^config\/empty holds no certificate$/]],
    ['without a revocation list', { trust: { crl: '' } }, [/^our own certificate is not to be trusted: /]],
    ['without a directory', { directory: { file: 'x' } }, [/^the directory x cannot be used/]],
    ['whose ledger is something else', { ledger: { file: 'config/pec_key.pem' } }, [/^config\/pec_key\.pem is not a database$/]],
    ['whose peers have no authorities', { peers: { ca: 'config/empty' } }, [/^config\/empty holds no certificate$/]],
  ]
  for (const [what, sections, expected] of faults) {
    test(`${what} does not open, and says why`, async () => {
      const found = await faultsOf(sections)
      assert.equal(found.length, expected.length, found.join('\n'))
      for (const [number, pattern] of expected.entries()) assert.match(found[number] ?? '', pattern)
    })
  }

  test('with several faults names them all', async () => {
    const found = await faultsOf({
      signer: { key: 'config/x' },
      index: { file: 'config/x' },
      trust: { anchors: 'config/empty' },
      directory: { file: 'x' },
      ledger: { file: 'config/pec_key.pem' },
    })
    assert.equal(found.length, 5, found.join('\n'))
  })

  test('with a fault leaves nothing open and nothing behind', async () => {
    const before = await readdir(instance)
    await faultsOf({ index: { file: 'config/x' } })
    assert.deepEqual(await readdir(instance), before)
  })
})
