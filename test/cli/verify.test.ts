/** `pec verify` as it is run: what it prints, its JSON, its exit status, the files it writes. */
import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readAll } from '../../src/mail/source.js'
import { DAY, makeKnownProvider } from '../points/known-provider.js'
import { makeAll } from '../pec/messages.js'

const ROOT = resolve(__dirname, '..', '..')
const SAMPLES = resolve(ROOT, '..', 'shared', 'samples')
const folder = mkdtempSync(join(tmpdir(), 'pec-verify-'))
after(() => rmSync(folder, { recursive: true }))

/** A receipt of 2019, whose certificate ended with the year. */
const FROM = new Date('2019-01-01T00:00:00Z')
const SIGNED = new Date('2019-06-01T10:00:00Z')

interface Run {
  readonly status: number
  readonly output: string
  readonly complaint: string
}

function verify(...args: readonly string[]): Promise<Run> {
  const program = ['--import', 'tsx', join(ROOT, 'src', 'cli', 'pec.ts'), 'verify', ...args]
  return new Promise((done) => {
    execFile(process.execPath, program, { cwd: ROOT }, (error, output, complaint) => {
      done({ status: error === null ? 0 : Number(error.code), output, complaint })
    })
  })
}

async function verdict(...args: readonly string[]): Promise<{ readonly status: number; readonly facts: Facts }> {
  const { status, output, complaint } = await verify(...args, '--json')
  assert.equal(complaint, '')
  return { status, facts: JSON.parse(output) as Facts }
}

interface Facts {
  readonly kind: string | null
  readonly integrity: string
  readonly signer: { readonly name: string; readonly address: string; readonly validNow: boolean } | null
  readonly trust: { readonly status: string; readonly reason: string }
  readonly certificateStatus: string
  readonly index: { readonly status: string }
  readonly data: Readonly<Record<string, unknown>> | null
  readonly original: Readonly<Record<string, unknown>> | null
  readonly notes: readonly string[]
  readonly findings: readonly { readonly code: string; readonly text: string }[]
}

const at = (name: string): string => join(folder, name)
const codes = ({ findings }: Facts): string[] => findings.map(({ code }) => code)
const means = (): string[] => ['--ca', at('ca.pem'), '--crl', at('crl.pem'), '--index', at('index.ldif')]

before(async () => {
  const provider = await makeKnownProvider(FROM, 365, 'altro.test')
  const stranger = await makeKnownProvider(FROM, 365)
  for (const [name, { message }] of (await makeAll(provider.issuer, SIGNED)).messages) {
    writeFileSync(at(`${name}.eml`), await readAll(message))
  }
  const altered = readFileSync(at('acceptance.eml'), 'latin1').replace('Il giorno', 'Il Giorno')
  writeFileSync(at('altered.eml'), altered, 'latin1')
  writeFileSync(at('mail.eml'), 'From: a@b.test\r\nSubject: s\r\n\r\nciao\r\n')
  writeFileSync(at('ca.pem'), provider.authority.certificate)
  writeFileSync(at('crl.pem'), provider.revocationList(SIGNED))
  writeFileSync(at('revoked.pem'), provider.revocationList(new Date(SIGNED.getTime() + DAY), new Date(SIGNED.getTime() - DAY)))
  writeFileSync(at('index.ldif'), provider.index)
  writeFileSync(at('other.ldif'), stranger.index)
})

describe('an old receipt that is right', () => {
  test('is told to people, with its certificate that expired since, and exits 0', async () => {
    const { status, output, complaint } = await verify(at('delivery-complete.eml'), ...means())
    assert.equal(complaint, '')
    assert.equal(status, 0)
    for (const line of [
      /What it is +Delivery receipt \(avvenuta-consegna\)/,
      /Certified by +Gestore S\.p\.A\./,
      /Certified time +2019-06-01 12:00:00 \+0200/,
      /From +ugo@gestore\.test/,
      /To +livia@altro\.test \(certified mail\)/,
      / +anna@posta\.test \(ordinary mail\)/,
      /Subject +Perizia €/,
      /About recipient +livia@altro\.test/,
      /Attached message +Message-ID <pec20241105090000aa@gestore\.test>/,
      /Integrity +intact/,
      /valid at the time of the signature, expired now/,
      /Trust +trusted: /,
      /Revoked +no: /,
      /Provider index +listed: Gestore S\.p\.A\./,
      /expired later, on 2020-01-01 01:00:00 \+0100/,
      /^Verdict: genuine/m,
    ]) {
      assert.match(output, line)
    }
    assert.doesNotMatch(output, /What is wrong/)
  })

  test('is told to programs in the words of the wire', async () => {
    const { status, facts } = await verdict(at('acceptance.eml'), ...means())
    assert.equal(status, 0)
    for (const key of ['kind', 'integrity', 'signer', 'trust', 'certificateStatus', 'data', 'findings'])
      assert.ok(key in facts, key)
    assert.equal(facts.kind, 'accettazione')
    assert.equal(facts.integrity, 'intact')
    assert.equal(facts.signer?.name, 'Gestore S.p.A.')
    assert.equal(facts.signer.address, 'posta-certificata@gestore.test')
    assert.equal(facts.signer.validNow, false)
    assert.equal(facts.trust.status, 'trusted')
    assert.notEqual(facts.trust.reason, '')
    assert.equal(facts.certificateStatus, 'good')
    assert.equal(facts.index.status, 'listed')
    assert.deepEqual(facts.findings, [])
    assert.equal(facts.data?.kind, 'accettazione')
    assert.equal(facts.data.error, 'nessuno')
    assert.equal(facts.data.sender, 'ugo@gestore.test')
    assert.equal(facts.data.identifier, 'pec20241105090000aa@gestore.test')
    assert.equal(facts.data.time, SIGNED.toISOString())
    assert.deepEqual(facts.data.recipients, [
      { address: 'livia@altro.test', type: 'certificato' },
      { address: 'carlo@altro.test', type: 'certificato' },
      { address: 'anna@posta.test', type: 'esterno' },
    ])
  })

  test('exits 0 without an authority and an index, and says what was not checked', async () => {
    const { status, facts } = await verdict(at('acceptance.eml'))
    assert.equal(status, 0)
    assert.equal(facts.trust.status, 'not-checked')
    assert.notEqual(facts.trust.reason, '')
    assert.equal(facts.index.status, 'not-checked')
    assert.equal(facts.certificateStatus, 'unknown')
    assert.match((await verify(at('acceptance.eml'))).output, /not fully checked: give --ca and --index/)
  })

  test('that is an anomaly envelope certifies nothing, and says so', async () => {
    const { status, output } = await verify(at('anomaly.eml'), ...means())
    assert.equal(status, 0)
    assert.match(output, /Anomaly envelope \(errore\)/)
    assert.match(output, /Verdict: genuine.*certifies nothing about the mail attached/)
    assert.equal((await verdict(at('anomaly.eml'))).facts.kind, 'errore')
  })
})

describe('anything wrong exits 1:', () => {
  test('a change', async () => {
    const { status, facts } = await verdict(at('altered.eml'), ...means())
    assert.equal(status, 1)
    assert.equal(facts.kind, 'accettazione')
    assert.equal(facts.integrity, 'altered')
    assert.equal(facts.trust.status, 'not-checked')
    assert.deepEqual(codes(facts), ['content-altered'])
    const { output } = await verify(at('altered.eml'))
    assert.match(output, /What it claims \(nothing of this is proven\)/)
    assert.match(output, /Verdict: NOT as it was signed/)
  })

  test('ordinary mail', async () => {
    const { status, facts } = await verdict(at('mail.eml'), ...means())
    assert.equal(status, 1)
    assert.equal(facts.kind, null)
    assert.equal(facts.integrity, 'unsigned')
    assert.equal(facts.signer, null)
    assert.equal(facts.data, null)
  })

  test('a certificate revoked by the newer of two lists', async () => {
    const { status, facts } = await verdict(
      ...['--ca', at('ca.pem'), '--crl', at('crl.pem'), '--crl', at('revoked.pem'), at('acceptance.eml')],
    )
    assert.equal(status, 1)
    assert.equal(facts.integrity, 'intact')
    assert.equal(facts.trust.status, 'untrusted')
    assert.match(facts.trust.reason, /revoked/)
    assert.equal(facts.certificateStatus, 'revoked')
  })

  test('a signer that is not in the index', async () => {
    const { status, facts } = await verdict(at('acceptance.eml'), '--index', at('other.ldif'))
    assert.equal(status, 1)
    assert.equal(facts.index.status, 'not-listed')
    assert.deepEqual(codes(facts), ['signer-unknown'])
    assert.match(facts.notes.join(' '), /that of the time of the message would tell/)
  })
})

describe('what cannot be checked exits 2 with one line:', () => {
  before(() => {
    writeFileSync(at('endless.eml'), 'X-A: b\r\n'.repeat(300_000))
    writeFileSync(at('junk.txt'), 'no such thing\n')
    writeFileSync(at('bad.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  })
  const cases: Readonly<Record<string, () => string[]>> = {
    'no such file': () => [at('none.eml')],
    'a directory': () => [folder],
    'a header without end': () => [at('endless.eml')],
    'an index that is none': () => [at('acceptance.eml'), '--index', at('junk.txt')],
    'an authority that is none': () => [at('acceptance.eml'), '--ca', at('junk.txt')],
    'an authority that is damaged': () => [at('acceptance.eml'), '--ca', at('bad.pem')],
    'a revocation list that is none': () => [at('acceptance.eml'), '--ca', at('ca.pem'), '--crl', at('junk.txt')],
    'a revocation list without an authority': () => [at('acceptance.eml'), '--crl', at('crl.pem')],
  }
  for (const [name, args] of Object.entries(cases)) {
    test(name, async () => {
      const { status, output, complaint } = await verify(...args())
      assert.equal(status, 2)
      assert.equal(output, '')
      assert.match(complaint, /^pec: [^\n]+\n$/)
    })
  }

  test('an option that is not there', async () => {
    assert.equal((await verify(at('acceptance.eml'), '--nonsense')).status, 2)
    assert.equal((await verify()).status, 2)
    assert.equal((await verify('--help')).status, 0)
  })
})

test('what would steer the terminal or turn the writing around is not printed', async () => {
  const text = 'From: a@b.test\r\nX-Ricevuta: accettazione\r\n\r\n'
  const path = at('\u001b[2J\u202e.eml')
  writeFileSync(path, text)
  const { output } = await verify(path)
  assert.doesNotMatch(output, /\u001b|\u202e/)
})

test('--extract writes the pieces, which openssl takes, and over nothing', async (context) => {
  const pieces = at('pieces')
  const { status, output } = await verify(at('delivery-complete.eml'), '--extract', pieces)
  assert.equal(status, 0)
  const message = readFileSync(at('delivery-complete.eml'), 'latin1')
  assert.match(readFileSync(join(pieces, 'daticert.xml'), 'utf8'), /<identificativo>pec20241105090000aa@gestore\.test</)
  const original = readFileSync(join(pieces, 'postacert.eml'), 'latin1')
  assert.match(original, /JVBERi0xLjQK/)
  assert.ok(message.includes(original))
  assert.match(output, /openssl cms -verify/)
  if (spawnSync('openssl', ['version']).status === 0) {
    const [signature, content] = [join(pieces, 'smime.p7s'), join(pieces, 'signed-part.eml')]
    const at2019 = String(SIGNED.getTime() / 1000)
    const judged = spawnSync('openssl', [
      ...['cms', '-verify', '-binary', '-inform', 'DER', '-in', signature, '-content', content, '-out', '/dev/null'],
      ...['-CAfile', at('ca.pem'), '-attime', at2019],
    ])
    assert.equal(judged.status, 0, judged.stderr.toString())
  } else context.diagnostic('openssl is not installed')
  const again = await verify(at('acceptance.eml'), '--extract', pieces)
  assert.equal(again.status, 2)
  assert.equal(readFileSync(join(pieces, 'postacert.eml'), 'latin1'), original)
})

test(
  'an altered message of a provider in service exits 1, an intact one 0',
  { skip: existsSync(SAMPLES) ? false : 'the samples are not beside the repository' },
  async () => {
    assert.equal((await verify(join(SAMPLES, 'aruba-accettazione.eml'))).status, 0)
    assert.equal((await verify(join(SAMPLES, 'sogei-busta-altered.eml'))).status, 1)
  },
)

test('whoever has seen enough of the output does not end the work', async () => {
  const child = spawn(process.execPath, [
    '--import',
    'tsx',
    join(ROOT, 'src', 'cli', 'pec.ts'),
    'verify',
    at('acceptance.eml'),
    ...means(),
  ])
  child.stdout.destroy()
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  const status = await new Promise((done) => child.on('close', done))
  assert.deepEqual([status, complaint], [0, ''])
})
