// A key, its certificate and the anchors replaced under a running gateway: the new ones must pass the checks of the start. K4
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { parseConfig, type Config } from '../src/config/config.js'
import { isPecError } from '../src/errors.js'
import { openSigner } from '../src/keys.js'
import { fromBuffer } from '../src/mail/source.js'
import type { ProviderRecord } from '../src/points/ports.js'
import { indexRecords } from '../src/providers/provider-index.js'
import { certificateHash } from '../src/providers/record.js'
import { keyStamps, watchRollOver, type Held } from '../src/roll-over.js'
import { issueAuthority, issueProviderCertificate, type KeyAndCertificate } from '../src/smime/issue.js'
import { signDetached } from '../src/smime/sign.js'
import { TrustStore } from '../src/smime/trust.js'
import { verifyDetached } from '../src/smime/verify.js'
import { derOf } from './smime/fixtures.js'

const NAME = 'Gestore A S.p.A.'
const CONTENT = fromBuffer(Buffer.from('ricevuta'))

let directory: string
let authority: KeyAndCertificate
let config: Config
/** Certificates of ours: in the index, but for the last one. */
let first: KeyAndCertificate
let second: KeyAndCertificate
let unlisted: KeyAndCertificate
let ofAnotherAuthority: KeyAndCertificate
let otherAuthority: KeyAndCertificate

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pec-roll-over-'))
  await mkdir(join(directory, 'config'))
  authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' })
  otherAuthority = await issueAuthority({ name: 'Altra CA', keyKind: 'p-256' })
  const holder = { providerName: NAME, address: 'posta-certificata@pec-a.test', keyKind: 'p-256' } as const
  ;[first, second, unlisted, ofAnotherAuthority] = await Promise.all([
    issueProviderCertificate({ authority, ...holder }),
    issueProviderCertificate({ authority, ...holder }),
    issueProviderCertificate({ authority, ...holder }),
    issueProviderCertificate({ authority: otherAuthority, ...holder }),
  ])
  const provider = { name: NAME, domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }
  const client_certificates = { login: 'allowed', authorities: 'config/users.pem' }
  config = parseConfig({ provider, client_certificates }, directory)
})

after(() => rm(directory, { recursive: true }))

beforeEach(async () => {
  await put(first, authority)
  await writeFile(usersFile(), authority.certificate)
})

const usersFile = (): string => join(directory, 'config', 'users.pem')

/** Writes them where the settings say. */
async function put({ key, certificate }: KeyAndCertificate, anchor: KeyAndCertificate): Promise<void> {
  await writeFile(config.signer.key, key)
  await writeFile(config.signer.certificate, certificate)
  await writeFile(config.trust.anchors, anchor.certificate)
}

function recordWith(certificates: readonly Buffer[]): ProviderRecord {
  return {
    ...{ name: NAME, unit: undefined, certificates, certificateHashes: new Set(certificates.map(certificateHash)) },
    ...{ mailReceipt: 'ricevute@pec-a.test', managedDomains: new Set(['pec-a.test']) },
  }
}

async function running(t: { after(fn: () => unknown): void }) {
  const signer = await openSigner(config, 'strict', () => undefined)
  const clientTrust = new TrustStore({ anchors: [derOf(authority)], crls: undefined, crlRequired: false })
  const held: Held = { signer, peerAuthorities: undefined, clientTrust }
  const trust = new TrustStore({ anchors: [derOf(authority)], crls: undefined, crlRequired: false })
  const listed = [first, second, ofAnotherAuthority].map(derOf)
  const index = indexRecords([recordWith(listed)])
  const lines: string[] = []
  const watch = watchRollOver(
    config,
    held,
    { index, trust },
    { seen: await keyStamps(config), onEvent: (line) => lines.push(line) },
  )
  t.after(() => watch.stop())
  const signsWith = async (): Promise<Buffer> => {
    const verdict = await verifyDetached(CONTENT, await signDetached(CONTENT, held.signer, new Date()))
    assert.ok(verdict.valid)
    return verdict.certificate
  }
  return { clientTrust, held, index, trust, lines, watch, signsWith }
}

describe('under a running gateway', () => {
  test('a new key and its certificate are taken over, and what the old one signed stays ours', async (t) => {
    const { index, trust, lines, watch, signsWith } = await running(t)
    const old = await signsWith()
    await put(second, authority)
    await watch.look()
    const fresh = await signsWith()
    assert.ok(fresh.equals(derOf(second)))
    assert.ok(old.equals(derOf(first)))
    assert.match(lines.join('\n'), /^the signing key and certificate: taken over, valid until 20/)
    for (const certificate of [old, fresh]) {
      assert.equal(index.byCertificate(certificate)[0]?.name, NAME)
      assert.ok((await trust.judge(certificate, [], new Date())).trusted)
    }
  })

  const refused: readonly [string, () => Promise<void>, RegExp][] = [
    [
      'a certificate without its key',
      () => put({ ...second, key: first.key }, authority),
      /the key does not match the certificate/,
    ],
    ['a key that is no key', () => put({ ...second, key: 'x' }, authority), /key .*pec_key\.pem/],
    ['a certificate that is not in the index', () => put(unlisted, authority), /our own certificate is not in the index/],
    ['a certificate of an authority that is not trusted', () => put(ofAnotherAuthority, authority), /not to be trusted/],
    ['a certificate file that has gone', () => rm(config.signer.certificate), /ENOENT/],
  ]
  for (const [what, replace, line] of refused) {
    test(`${what} is not taken over: the old one goes on, and the log says why`, async (t) => {
      const { lines, watch, signsWith } = await running(t)
      await replace()
      for (let look = 0; look < 3; look++) await watch.look()
      const told = lines.filter((each) =>
        each.startsWith('the signing key and certificate: NOT taken over, the old one goes on: '),
      )
      assert.equal(told.length, 1, lines.join('\n'))
      assert.match(told[0] ?? '', line)
      assert.ok((await signsWith()).equals(derOf(first)))
      await put(second, authority)
      await watch.look()
      assert.ok((await signsWith()).equals(derOf(second)), 'recovers once the files are right')
    })
  }

  test('other anchors are taken over, and a faulty file of them is not', async (t) => {
    const { trust, lines, watch } = await running(t)
    const isTrusted = async (owner: KeyAndCertificate) => (await trust.judge(derOf(owner), [], new Date())).trusted
    assert.deepEqual([await isTrusted(first), await isTrusted(ofAnotherAuthority)], [true, false])
    await writeFile(config.trust.anchors, authority.certificate + otherAuthority.certificate)
    await watch.look()
    assert.deepEqual([await isTrusted(first), await isTrusted(ofAnotherAuthority)], [true, true])
    await writeFile(config.trust.anchors, 'nothing')
    for (let look = 0; look < 3; look++) await watch.look()
    assert.deepEqual([await isTrusted(first), await isTrusted(ofAnotherAuthority)], [true, true])
    await writeFile(config.trust.anchors, otherAuthority.certificate)
    await watch.look()
    assert.deepEqual([await isTrusted(first), await isTrusted(ofAnotherAuthority)], [false, true], 'paths kept are forgotten')
    assert.deepEqual(
      lines.map((line) => line.replace(/holds no.*/, '')),
      [
        'the trust anchors: taken over, 2 certificates',
        `the trust anchors: NOT taken over, the old one goes on: ${config.trust.anchors} `,
        'the trust anchors: taken over, 1 certificates',
      ],
    )
  })

  test("other authorities of users' certificates are taken over, and a faulty file of them is not", async (t) => {
    const { clientTrust, lines, watch } = await running(t)
    const opens = async (): Promise<boolean> => (await clientTrust.judge(derOf(ofAnotherAuthority), [], new Date())).trusted
    assert.equal(await opens(), false)
    await writeFile(usersFile(), otherAuthority.certificate)
    await watch.look()
    assert.equal(await opens(), true)
    await writeFile(usersFile(), 'nothing')
    for (let look = 0; look < 3; look++) await watch.look()
    assert.equal(await opens(), true)
    assert.match(lines[0] ?? '', /^the authorities of users' certificates: taken over, 1 certificates$/)
    assert.match(lines[1] ?? '', /NOT taken over, the old one goes on/)
  })

  test('an expired certificate signs nothing, until the next one is in its place', async (t) => {
    const { held, watch, signsWith } = await running(t)
    const later = new Date(Date.now() + 20 * 365 * 86_400_000)
    await assert.rejects(
      signDetached(CONTENT, held.signer, later),
      (error) =>
        isPecError(error) && error.code === 'signer' && error.temporary && /our certificate expired at/.test(error.message),
    )
    await put(second, authority)
    await watch.look()
    assert.ok((await signsWith()).equals(derOf(second)))
  })
})
