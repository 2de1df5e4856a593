import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { fromBuffer } from '../../src/mail/source.js'
import type { KeyAndCertificate } from '../../src/smime/issue.js'
import { signDetached } from '../../src/smime/sign.js'
import { createSigner, keyMatches, openFileSigner, type SignerFiles } from '../../src/smime/signer.js'
import { verifyDetached } from '../../src/smime/verify.js'
import { ADDRESS, NAME, derOf, makeProvider, openssl, signerOf, temporaryDirectory, writeFiles } from './fixtures.js'

const CONTENT = fromBuffer(Buffer.from('content\r\n'))

describe('a signer in files', () => {
  let directory: string
  let owners: Readonly<Record<'rsa' | 'ec', { authority: KeyAndCertificate; provider: KeyAndCertificate }>>
  const path = (name: string) => join(directory, name)

  before(async () => {
    directory = await temporaryDirectory()
    owners = { rsa: await makeProvider({ keyKind: 'rsa-2048' }), ec: await makeProvider() }
    await writeFiles(directory, { passphrase: 'segreto\n', wrong: 'sbagliato\n', garbage: 'garbage' })
    for (const [kind, { authority, provider }] of Object.entries(owners)) {
      await writeFiles(directory, {
        [`${kind}.key`]: provider.key,
        [`${kind}.pem`]: provider.certificate,
        [`${kind}-ca.pem`]: authority.certificate,
      })
      await writeFiles(directory, { [`${kind}.der`]: derOf(provider) })
      await openssl(
        'pkcs8',
        '-topk8',
        '-in',
        path(`${kind}.key`),
        '-out',
        path(`${kind}.enc`),
        '-passout',
        `file:${path('passphrase')}`,
      )
      const files = ['-inkey', path(`${kind}.key`), '-in', path(`${kind}.pem`), '-certfile', path(`${kind}-ca.pem`)]
      await openssl('pkcs12', '-export', ...files, '-out', path(`${kind}.p12`), '-passout', `file:${path('passphrase')}`)
    }
  })

  const faultsOf = async (files: SignerFiles): Promise<string> => {
    const error: unknown = await openFileSigner(files).then(
      () => assert.fail('it opened'),
      (reason: unknown) => reason,
    )
    assert.ok(isPecError(error) && error.code === 'configuration' && !error.temporary)
    return error.message
  }

  for (const kind of ['rsa', 'ec'] as const) {
    const cases: Readonly<Record<string, () => SignerFiles>> = {
      PEM: () => ({ key: path(`${kind}.key`), certificate: path(`${kind}.pem`), chain: [path(`${kind}-ca.pem`)] }),
      'a certificate in DER': () => ({
        key: path(`${kind}.key`),
        certificate: path(`${kind}.der`),
        chain: [path(`${kind}-ca.pem`)],
      }),
      'encrypted PEM': () => ({
        key: path(`${kind}.enc`),
        certificate: path(`${kind}.pem`),
        chain: [path(`${kind}-ca.pem`)],
        passphraseFile: path('passphrase'),
      }),
      'PKCS#12': () => ({ key: path(`${kind}.p12`), certificate: path(`${kind}.p12`), passphraseFile: path('passphrase') }),
    }
    for (const [form, files] of Object.entries(cases)) {
      test(`opens ${form} with a key of kind ${kind}, with its chain, and signs`, async () => {
        const signer = await openFileSigner(files())
        assert.equal(signer.algorithm, kind)
        assert.ok(signer.certificate.equals(derOf(owners[kind].provider)))
        assert.deepEqual(signer.chain, [derOf(owners[kind].authority)])
        assert.ok((await verifyDetached(CONTENT, await signDetached(CONTENT, signer, new Date()))).valid)
      })
    }
  }

  test('opens a certificate that has the profile of its holder', async () => {
    await openFileSigner({ key: path('rsa.key'), certificate: path('rsa.pem'), holder: { providerName: NAME, address: ADDRESS } })
  })

  test('finds its certificate among those of the file, the others being the chain', async () => {
    await writeFiles(directory, { 'both.pem': owners.rsa.authority.certificate + owners.rsa.provider.certificate })
    const signer = await openFileSigner({ key: path('rsa.key'), certificate: path('both.pem') })
    assert.ok(signer.certificate.equals(derOf(owners.rsa.provider)))
    assert.deepEqual(signer.chain, [derOf(owners.rsa.authority)])
  })

  test('tells every fault at once', async () => {
    const faults = await faultsOf({
      key: path('ec.key'),
      certificate: path('rsa.pem'),
      chain: [path('missing.pem')],
      at: new Date('2099-01-01T00:00:00Z'),
      holder: { providerName: 'Altro Gestore', address: 'posta-certificata@altro.test' },
    })
    for (const expected of [/missing\.pem/, /does not match/, /expired/, /Altro Gestore/, /altro\.test/])
      assert.match(faults, expected)
  })

  test('tells what cannot be read', async () => {
    assert.match(await faultsOf({ key: path('none.key'), certificate: path('garbage') }), /none\.key.*no certificate in it/)
    assert.match(await faultsOf({ key: path('garbage'), certificate: path('rsa.pem') }), /key .*garbage/)
    const encrypted = { key: path('rsa.enc'), certificate: path('rsa.pem') }
    assert.match(await faultsOf(encrypted), /key .*rsa\.enc/)
    assert.match(await faultsOf({ ...encrypted, passphraseFile: path('wrong') }), /key .*rsa\.enc/)
    assert.match(await faultsOf({ ...encrypted, passphraseFile: path('nowhere') }), /passphrase file/)
    assert.match(
      await faultsOf({ key: path('rsa.p12'), certificate: path('rsa.p12'), passphraseFile: path('wrong') }),
      /rsa\.p12/,
    )
  })

  test('tells a certificate that is not valid yet', async () => {
    const at = new Date('2020-01-01T00:00:00Z')
    assert.match(await faultsOf({ key: path('rsa.key'), certificate: path('rsa.pem'), at }), /not valid before/)
  })

  test('knows whether a key and a certificate belong together', () => {
    assert.equal(keyMatches(createPrivateKey(owners.rsa.provider.key), derOf(owners.rsa.provider)), true)
    assert.equal(keyMatches(createPrivateKey(owners.rsa.provider.key), derOf(owners.rsa.authority)), false)
  })

  test('rejects with a temporary PecError when the key cannot sign', async () => {
    // Ed25519 takes no digest.
    const broken = createSigner(generateKeyPairSync('ed25519').privateKey, derOf(owners.rsa.provider), [])
    await assert.rejects(
      broken.sign(Buffer.from('x')),
      (error) => isPecError(error) && error.code === 'signer' && error.temporary,
    )
  })

  test('keeps its chain free of repetitions and of its own certificate', async () => {
    const files = {
      key: path('rsa.key'),
      certificate: path('rsa.pem'),
      chain: [path('rsa-ca.pem'), path('rsa.pem'), path('rsa-ca.pem')],
    }
    assert.deepEqual((await openFileSigner(files)).chain, signerOf(owners.rsa.provider, owners.rsa.authority).chain)
  })
})
