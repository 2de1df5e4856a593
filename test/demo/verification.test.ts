import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, after, test } from 'node:test'
import { Authority } from '../../src/demo/authority.js'
import type { Letter } from '../../src/demo/letter.js'
import { findOpenssl, type Openssl } from '../../src/demo/openssl.js'
import type { Eyes } from '../../src/demo/provider.js'
import { verify } from '../../src/demo/verification.js'
import { readAll } from '../../src/mail/source.js'
import { indexRecords, readIndex } from '../../src/providers/provider-index.js'
import { readPem } from '../../src/smime/pem.js'
import { openFileSigner } from '../../src/smime/signer.js'
import { TrustStore } from '../../src/smime/trust.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
import { makeAll } from '../pec/messages.js'

const NAME = 'Gestore S.p.A.'
let folder: string
let eyes: Eyes
let openssl: Openssl | undefined
let receipt: Letter
let anomaly: Letter

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pec-verification-'))
  const authority = await Authority.open(folder)
  const { signing } = await authority.accredit(NAME, 'gestore.test')
  const signer = await openFileSigner(signing)
  const anchors = readPem(Buffer.from(authority.certificate), 'CERTIFICATE')
  const record = {
    name: NAME,
    certificates: [signer.certificate],
    mailReceipt: 'ricevute@gestore.test',
    domains: ['gestore.test'],
  }
  eyes = {
    name: NAME,
    index: readIndex(ownRecordLdif(record)).index,
    trust: new TrustStore({ anchors, crls: undefined, crlRequired: false }),
  }
  openssl = await findOpenssl(authority, folder)
  const issuer = { name: NAME, address: 'posta-certificata@gestore.test', domain: 'gestore.test', signer }
  const { messages } = await makeAll(issuer, new Date())
  const letterOf = async (name: string): Promise<Letter> => {
    const made = messages.get(name)
    assert.ok(made)
    return { inbox: 'ugo@gestore.test', arrivedAt: new Date(), bytes: await readAll(made.message) }
  }
  receipt = await letterOf('acceptance')
  anomaly = await letterOf('anomaly')
})

after(() => rm(folder, { recursive: true }))

test('a receipt as its provider made it passes every check', async () => {
  const { passed, faults, certified } = await verify(receipt, [eyes, eyes], openssl)
  assert.deepEqual(faults, [])
  assert.deepEqual(passed, ['signature', 'index', 'chain', 'data', ...(openssl === undefined ? [] : ['openssl'])])
  assert.equal(certified?.kind, 'acceptance')
  assert.equal(certified.provider, NAME)
})

test('one altered byte fails the signature, and openssl agrees', async () => {
  const bytes = Buffer.from(receipt.bytes)
  const at = bytes.indexOf('ugo@gestore.test', bytes.indexOf('\r\n\r\n'))
  bytes.write('a', at)
  const { passed, faults, certified } = await verify({ ...receipt, bytes }, [eyes], openssl)
  assert.deepEqual(passed, [])
  assert.match(faults.join(), /the signature does not verify/)
  if (openssl !== undefined) assert.match(faults.join(), /openssl: /)
  assert.equal(certified, undefined)
})

test('an anomaly envelope passes every check, and tells its reason and what it carries', async () => {
  const { passed, faults, certified } = await verify(anomaly, [eyes, eyes], openssl)
  assert.deepEqual(faults, [])
  assert.deepEqual(passed, ['signature', 'index', 'chain', 'data', ...(openssl === undefined ? [] : ['openssl'])])
  assert.ok(certified?.kind === 'anomaly')
  assert.equal(certified.provider, NAME)
  assert.equal(certified.reason, 'il messaggio non è firmato digitalmente')
  assert.ok(certified.original)
  assert.match((await readAll(certified.original)).toString('latin1'), /^Received: from client\.test/)
})

test('an altered anomaly envelope, and one with another kind of fault, do not pass', async () => {
  const bytes = Buffer.from(anomaly.bytes)
  bytes.write('A', bytes.indexOf('Anomalia nel') + 1)
  assert.deepEqual((await verify({ ...anomaly, bytes }, [eyes], undefined)).passed, [])
  const text = anomaly.bytes.toString('latin1').replace(/^From: .*$/m, 'From: <altro@gestore.test>')
  const { passed, faults } = await verify({ ...anomaly, bytes: Buffer.from(text, 'latin1') }, [eyes], undefined)
  assert.deepEqual(passed, ['signature', 'index', 'chain'])
  assert.equal(faults.length, 1)
})

test('a check fails if it fails for one provider only', async () => {
  const stranger = { ...eyes, name: 'Altro', index: indexRecords([]) }
  const { passed, faults } = await verify(receipt, [eyes, stranger], undefined)
  assert.deepEqual(passed, ['signature'])
  assert.equal(faults.length, 1)
  assert.match(faults[0] ?? '', /^Altro: .*not in the index/)
})

test('a signer without a path to the anchor fails the chain', async () => {
  const other = await Authority.open(join(folder, 'other'))
  const anchors = readPem(Buffer.from(other.certificate), 'CERTIFICATE')
  const wary = { ...eyes, trust: new TrustStore({ anchors, crls: undefined, crlRequired: false }) }
  const { passed } = await verify(receipt, [wary], await findOpenssl(other, folder))
  assert.deepEqual(passed, ['signature', 'index'])
})
