import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLdif, writeLdif, type LdifEntry } from '../../src/providers/ldif.js'
import { certificateHash, isProviderEntry, readRecord, recordDn, writeRecord } from '../../src/providers/record.js'
import { makeCertificate } from './certificates.js'

const first = makeCertificate('first')
const second = makeCertificate('second')

function entryOf(attributes: readonly (readonly [string, string | Buffer])[]): LdifEntry {
  return {
    dn: 'providerName=P,o=postacert',
    attributes: attributes.map(([description, value]) => ({ description, value: Buffer.from(value as string) })),
  }
}

const good: readonly (readonly [string, string | Buffer])[] = [
  ['objectclass', 'Provider'],
  ['providername', 'P'],
  ['providerCertificateHash', certificateHash(first).toUpperCase()],
  ['providerCertificate;binary', first],
  ['mailReceipt', 'ricevute@p.example'],
  ['managedDomains', 'PEC.P.Example'],
]
const without = (name: string) => good.filter(([description]) => description !== name)

test('reads a record, hashes and domains in lower case', () => {
  const { record, faults } = readRecord(entryOf(good))
  assert.deepEqual(faults, [])
  assert.deepEqual(record, {
    name: 'P',
    unit: undefined,
    certificateHashes: new Set([certificateHash(first)]),
    certificates: [first],
    mailReceipt: 'ricevute@p.example',
    managedDomains: new Set(['pec.p.example']),
  })
})

test('knows a provider by its object class, not the root of the directory', () => {
  assert.equal(isProviderEntry(entryOf(good)), true)
  assert.equal(isProviderEntry(entryOf([['objectClass', 'organization']])), false)
})

test('pairs hashes and certificates whatever their order', () => {
  const { record, faults } = readRecord(
    entryOf([['providerCertificateHash', certificateHash(second)], ...good, ['providerCertificate;binary', second]]),
  )
  assert.deepEqual(faults, [])
  assert.deepEqual(record?.certificates, [first, second])
})

test('leaves out and reports a certificate whose hash is not listed', () => {
  const { record, faults } = readRecord(entryOf([...good, ['providerCertificate;binary', second]]))
  assert.deepEqual(record?.certificates, [first])
  assert.deepEqual(faults, [`the certificate with hash ${certificateHash(second)} is not among the hashes: left out`])
})

test('leaves out and reports a hash without a certificate', () => {
  const { record, faults } = readRecord(entryOf([...good, ['providerCertificateHash', certificateHash(second)]]))
  assert.deepEqual(record?.certificateHashes, new Set([certificateHash(first)]))
  assert.deepEqual(faults, [`no certificate has the hash "${certificateHash(second)}"`])
})

test('keeps the domains of a record that is left without certificates', () => {
  const { record, faults } = readRecord(entryOf(without('providerCertificate;binary')))
  assert.equal(record?.managedDomains.size, 1)
  assert.equal(record.certificateHashes.size, 0)
  assert.equal(faults.at(-1), 'no usable certificate')
})

test('leaves out bytes that are no certificate, even with the right hash', () => {
  for (const bytes of [Buffer.from('nonsense'), Buffer.concat([first, Buffer.from([0])])]) {
    const { record, faults } = readRecord(
      entryOf([...good, ['providerCertificateHash', certificateHash(bytes)], ['providerCertificate;binary', bytes]]),
    )
    assert.deepEqual(record?.certificates, [first])
    assert.deepEqual(faults, [`the certificate with hash ${certificateHash(bytes)} is not X.509: left out`])
  }
})

test('has no use for an entry without a name or a receipts mailbox', () => {
  for (const name of ['providername', 'mailReceipt']) assert.equal(readRecord(entryOf(without(name))).record, undefined)
})

for (const address of ['no-at', 'a b@c', '"a"@b', 'a@b@c', '<a@b>', 'a..b@c', '.a@b', 'a@[1.2.3.4]']) {
  test(`does not take ${address} for a receipts mailbox`, () => {
    const { record, faults } = readRecord(entryOf([...without('mailReceipt'), ['mailReceipt', address]]))
    assert.equal(record, undefined)
    assert.match(faults.join(), /is no address/)
  })
}

test('leaves out what is no domain', () => {
  const { record, faults } = readRecord(
    entryOf([...good, ['managedDomains', '*'], ['managedDomains', 'a..b'], ['managedDomains', '']]),
  )
  assert.deepEqual(record?.managedDomains, new Set(['pec.p.example']))
  assert.equal(faults.length, 3)
})

test('takes the first of several values where one is allowed, and says so', () => {
  const { record, faults } = readRecord(entryOf([...good, ['mailReceipt', 'other@p.example']]))
  assert.equal(record?.mailReceipt, 'ricevute@p.example')
  assert.deepEqual(faults, ['2 values of mailReceipt: the first counts'])
})

test('escapes names in a dn', () => {
  assert.equal(recordDn('Rossi, Bianchi & "C" S.p.A.', undefined), 'providerName=Rossi\\, Bianchi & \\"C\\" S.p.A.,o=postacert')
  assert.equal(recordDn('a+b=c;<d>\\', undefined), 'providerName=a\\+b\\=c\\;\\<d\\>\\\\,o=postacert')
  assert.equal(recordDn(' #x ', undefined), 'providerName=\\ #x\\ ,o=postacert')
  assert.equal(recordDn('#x', 'Due'), 'providerUnit=Due,providerName=\\#x,o=postacert')
})

test('reads back a record it wrote, through LDIF', () => {
  const record = {
    name: 'Società, S.p.A.',
    unit: 'Secondary',
    certificateHashes: new Set([certificateHash(first), certificateHash(second)]),
    certificates: [first, second],
    mailReceipt: 'ricevute@p.example',
    managedDomains: new Set(['a.example', 'b.example']),
  }
  const [entry] = parseLdif(writeLdif([writeRecord(record, { ldifLocation: 'https://p.example/x.p7m', description: 'è' })]))
  assert(entry)
  assert.deepEqual(readRecord(entry), { record, faults: [] })
  assert.equal(entry.dn, 'providerUnit=Secondary,providerName=Società\\, S.p.A.,o=postacert')
  assert(!entry.attributes.some(({ description }) => description === 'LDIFLocationURL'))
})
