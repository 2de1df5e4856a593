/** What a message proves: every kind, every change, certificates that expired or were revoked, copies as mail programs save them. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fromBuffer, fromFile } from '../../src/mail/source.js'
import { momentOf } from '../../src/pec/moment.js'
import { examine, type Evidence } from '../../src/points/evidence.js'
import type { ProviderIndex } from '../../src/points/ports.js'
import type { TrustMeans } from '../../src/points/standing.js'
import { readIndex } from '../../src/providers/provider-index.js'
import { CrlCache } from '../../src/smime/crl.js'
import { issueAuthority } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { TrustStore } from '../../src/smime/trust.js'
import { bytesOf, DAY, makeKnownProvider, type KnownProvider } from './known-provider.js'

const SAMPLES = join(__dirname, '..', '..', '..', 'shared', 'samples')

const FROM = new Date('2019-01-01T00:00:00Z')
const SIGNED = new Date('2019-06-01T10:00:00Z')
/** Of the certificate. */
const END = new Date('2020-01-01T00:00:00Z')
const NOW = new Date('2025-03-01T00:00:00Z')

let provider: KnownProvider
let index: ProviderIndex
let messages: ReadonlyMap<string, Buffer>
const folder = mkdtempSync(join(tmpdir(), 'pec-evidence-'))
after(() => rmSync(folder, { recursive: true }))

before(async () => {
  provider = await makeKnownProvider(FROM, 365, 'altro.test')
  index = readIndex(provider.index).index
  messages = await bytesOf(provider, SIGNED)
})

/** A time at which a system signs that does not look at its own certificate; ours would refuse. */
class Careless extends Date {
  override valueOf(): number {
    return SIGNED.getTime()
  }
}

function bytes(name: string): Buffer {
  const found = messages.get(name)
  assert.ok(found)
  return found
}

async function trustIn(pem: string, ...lists: readonly string[]): Promise<TrustMeans> {
  const sources = lists.map((list, number) => {
    const path = join(folder, `list-${number}.pem`)
    writeFileSync(path, list)
    return path
  })
  const crls = lists.length === 0 ? undefined : new CrlCache({ sources })
  await crls?.refresh()
  return { trust: new TrustStore({ anchors: readPem(Buffer.from(pem), 'CERTIFICATE'), crls, crlRequired: false }), lists: crls }
}

const codes = ({ findings }: Evidence): string[] => findings.map(({ code }) => code)

describe('a message whose certificate expired after the signature', () => {
  const KINDS: Readonly<Record<string, string>> = {
    transport: 'transport',
    anomaly: 'anomaly',
    acceptance: 'acceptance',
    'non-acceptance': 'non-acceptance',
    'non-acceptance-virus': 'non-acceptance',
    'take-charge': 'take-charge',
    'virus-detection': 'virus-detection',
    'delivery-complete': 'delivery',
    'delivery-brief': 'delivery',
    'delivery-concise': 'delivery',
    'non-delivery': 'non-delivery',
    'non-delivery-virus': 'non-delivery',
    'time-limit-12': 'time-limit',
    'time-limit-24': 'time-limit',
  }

  test('proves what it says, of every kind, with every means to check', async () => {
    const trust = await trustIn(provider.authority.certificate, provider.revocationList(SIGNED))
    assert.deepEqual([...messages.keys()].sort(), Object.keys(KINDS).sort())
    for (const [name, kind] of Object.entries(KINDS)) {
      const evidence = await examine(fromBuffer(bytes(name)), { now: NOW, trust, index })
      assert.deepEqual(codes(evidence), [], name)
      assert.equal(evidence.kind, kind, name)
      assert.equal(evidence.integrity, 'intact')
      assert.equal(evidence.standing?.trust, 'trusted')
      assert.equal(evidence.standing.status, 'good')
      assert.equal(evidence.signingTime?.getTime(), SIGNED.getTime())
      assert.equal(evidence.records?.[0]?.name, 'Gestore S.p.A.')
      assert.equal(evidence.data === undefined, name === 'anomaly')
    }
  })

  test('says that nothing was checked where there were no means', async () => {
    const evidence = await examine(fromBuffer(bytes('acceptance')), { now: NOW })
    assert.deepEqual(codes(evidence), [])
    assert.equal(evidence.standing?.trust, 'not-checked')
    assert.equal(evidence.standing.status, 'unknown')
    assert.equal(evidence.records, undefined)
  })

  test('is refused if it was signed before or after the validity, with and without an authority', async () => {
    for (const [at, status] of [
      [new Date(FROM.getTime() - DAY), 'not-yet-valid'],
      [new Date(END.getTime() + DAY), 'expired'],
    ] as const) {
      const message = (await bytesOf(provider, { ...momentOf(at), date: new Careless(at) })).get('acceptance') ?? Buffer.alloc(0)
      const { certificate } = provider.authority
      // The path of a certificate that is not valid yet ends at an authority that is not either.
      const judged = await examine(fromBuffer(message), { now: NOW, trust: await trustIn(certificate) })
      assert.equal(judged.standing?.trust, 'untrusted')
      assert.equal(judged.findings.length, 1)
      const alone = await examine(fromBuffer(message), { now: NOW })
      assert.deepEqual(codes(alone), [`certificate-${status}`])
      assert.equal(alone.standing?.status, status)
    }
  })
})

describe('a change of one byte', () => {
  test('anywhere in the signed part leaves no message intact', async () => {
    for (const [name, message] of messages) {
      const boundary = `--=_outer-${name}`
      const start = message.indexOf(`${boundary}\r\n`) + boundary.length + 2
      const end = message.lastIndexOf(`\r\n${boundary}\r\n`)
      assert.ok(end - start > 1000)
      const step = Math.ceil((end - start) / 60)
      for (const at of [
        ...Array.from({ length: 60 }, (_, i) => start + i * step).filter((position) => position < end),
        end - 1,
      ]) {
        const changed = Buffer.from(message)
        changed[at] = (changed[at] ?? 0) ^ 1
        const { integrity, standing, findings } = await examine(fromBuffer(changed), { now: NOW, index })
        assert.equal(integrity, 'altered', `${name} at ${at}`)
        assert.equal(standing, undefined)
        assert.ok(findings.length > 0)
      }
    }
  })

  test('anywhere at all is survived, and so is a cut', async () => {
    const message = bytes('delivery-complete')
    const signature = message.indexOf('application/pkcs7-signature; name')
    for (let at = 0; at < message.length; at += 97) {
      const changed = Buffer.from(message)
      changed[at] = 0x0a
      await examine(fromBuffer(changed), { now: NOW, index })
      const { integrity } = await examine(fromBuffer(message.subarray(0, at)), { now: NOW, index })
      if (at < signature) assert.notEqual(integrity, 'intact')
    }
  })

  test('of the kind in the header, which is not signed, is found', async () => {
    const text = bytes('acceptance').toString('latin1').replace('X-Ricevuta: accettazione', 'X-Ricevuta: avvenuta-consegna')
    const evidence = await examine(fromBuffer(Buffer.from(text, 'latin1')), { now: NOW })
    assert.equal(evidence.integrity, 'intact')
    assert.equal(evidence.kind, 'acceptance')
    assert.ok(codes(evidence).includes('other-kind'))
  })

  test('into an anomaly envelope does not pass for one', async () => {
    const text = bytes('transport').toString('latin1').replace('X-Trasporto: posta-certificata', 'X-Trasporto: errore')
    const evidence = await examine(fromBuffer(Buffer.from(text, 'latin1')), { now: NOW })
    assert.deepEqual(codes(evidence), ['unwanted-certification'])
    assert.equal(evidence.kind, 'transport')
  })
})

describe('a revoked certificate', () => {
  test('proves nothing, whether revoked before the signature or after it', async () => {
    for (const revokedAt of [new Date(SIGNED.getTime() - DAY), new Date(SIGNED.getTime() + DAY)]) {
      const trust = await trustIn(provider.authority.certificate, provider.revocationList(NOW, revokedAt))
      const evidence = await examine(fromBuffer(bytes('acceptance')), { now: NOW, trust, index })
      assert.deepEqual(codes(evidence), ['certificate-revoked'])
      assert.equal(evidence.integrity, 'intact')
      assert.equal(evidence.standing?.status, 'revoked')
      assert.equal(evidence.standing.trust, 'untrusted')
      assert.equal(evidence.standing.revocation.answer, 'revoked')
      assert.match(evidence.findings[0]?.text ?? '', new RegExp(revokedAt.toISOString()))
    }
  })

  test('is not taken for good by a list that need not name it any more', async () => {
    const trust = await trustIn(provider.authority.certificate, provider.revocationList(NOW))
    const evidence = await examine(fromBuffer(bytes('acceptance')), { now: NOW, trust, index })
    assert.deepEqual(codes(evidence), [])
    assert.equal(evidence.standing?.revocation.answer, 'too-late')
    assert.equal(evidence.standing.status, 'unknown')
  })

  test('is not taken for good by a list from before the signature, or by that of another authority', async () => {
    const other = await makeKnownProvider(FROM, 365)
    for (const list of [provider.revocationList(FROM), other.revocationList(SIGNED)]) {
      const trust = await trustIn(provider.authority.certificate, list)
      const evidence = await examine(fromBuffer(bytes('acceptance')), { now: NOW, trust, index })
      assert.deepEqual(codes(evidence), ['revocation-unknown'])
      assert.equal(evidence.standing?.status, 'unknown')
    }
  })
})

describe('a stranger', () => {
  test('under another authority is not trusted', async () => {
    const { certificate } = await issueAuthority({ name: 'Altra CA', keyKind: 'p-256', from: FROM })
    const evidence = await examine(fromBuffer(bytes('acceptance')), { now: NOW, trust: await trustIn(certificate), index })
    assert.deepEqual(codes(evidence), ['certificate-untrusted'])
    assert.equal(evidence.standing?.status, 'untrusted')
  })

  test('of the same name is not in the index', async () => {
    const stranger = await makeKnownProvider(FROM, 365)
    const message = (await bytesOf(stranger, SIGNED)).get('acceptance') ?? Buffer.alloc(0)
    const evidence = await examine(fromBuffer(message), { now: NOW, index })
    assert.deepEqual(codes(evidence), ['signer-unknown'])
    assert.deepEqual(evidence.records, [])
    assert.equal(evidence.integrity, 'intact')
  })

  test('cannot certify for domains that the index gives to others', async () => {
    const { index: narrow } = readIndex(Buffer.from(provider.index.toString().replaceAll('altro.test', 'terzo.test')))
    const delivery = await examine(fromBuffer(bytes('delivery-concise')), { now: NOW, index: narrow })
    assert.deepEqual(codes(delivery), ['recipient-not-managed'])
  })

  test('is found by a From that its certificate does not have, without an index too', async () => {
    const text = bytes('acceptance').toString('latin1').replace('posta-certificata@gestore.test', 'posta-certificata@altro.test')
    for (const means of [{ now: NOW }, { now: NOW, index }]) {
      assert.ok(codes(await examine(fromBuffer(Buffer.from(text, 'latin1')), means)).includes('from-not-certified'))
    }
  })
})

test('a signature from the future is told', async () => {
  const evidence = await examine(fromBuffer(bytes('acceptance')), { now: new Date(SIGNED.getTime() - DAY) })
  assert.deepEqual(codes(evidence), ['signed-in-future'])
})

test(
  'messages of providers in service are intact, but the one that was altered',
  { skip: existsSync(SAMPLES) ? false : 'the samples are not beside the repository' },
  async () => {
    const judged = async (name: string): Promise<Evidence> => examine(await fromFile(join(SAMPLES, `${name}.eml`)), { now: NOW })
    const receipt = await judged('aruba-accettazione')
    assert.equal(receipt.integrity, 'intact')
    assert.equal(receipt.kind, 'acceptance')
    assert.deepEqual(codes(receipt), [])
    const envelope = await judged('sogei-busta-trasporto')
    assert.equal(envelope.integrity, 'intact')
    assert.equal(envelope.kind, 'transport')
    assert.deepEqual(codes(envelope), [])
    assert.equal((await judged('sogei-busta-altered')).integrity, 'altered')
  },
)
