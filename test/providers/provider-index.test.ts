import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ProviderRecord } from '../../src/points/ports.js'
import { indexRecords, readIndex } from '../../src/providers/provider-index.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
import { certificateHash } from '../../src/providers/record.js'
import { makeCertificate } from './certificates.js'

// The second example of RFC 6109 §4.5.10, without the page breaks of the RFC.
const example = readFileSync(join(__dirname, 'rfc6109-example2.ldif'))

test('reads the example of RFC 6109 §4.5.10, and its hashes are right', () => {
  const { index, records, domains, faults } = readIndex(example)
  assert.deepEqual(faults, [])
  assert.equal(domains, 7)
  assert.deepEqual(
    records.map(({ name, unit }) => [name, unit]),
    [
      ['Anonymous Certified Mail S.p.A.', undefined],
      ['Certified Mail S.p.A.', 'Secondary Environment'],
      ['Postal Services S.r.l.', undefined],
    ],
  )
  const postal = index.byDomain('receivedmail.example.com')
  assert.deepEqual([...(postal?.certificateHashes ?? [])], ['e00fdd9d88be0e2cc766b893315caf93d5701a6a'])
  assert.equal(postal?.mailReceipt, 'ssacceptance@postalser.example.com')
  assert.equal(index.byDomain('personnel.anpocert.example.com')?.unit, 'Secondary Environment')
})

test('finds a domain without case, and no sub-domain of it', () => {
  const { index } = readIndex(example)
  assert.equal(index.byDomain('Mail.ANPOCERT.example.com')?.mailReceipt, 'notifications@anpocert.it.example')
  assert.equal(index.byDomain('x.mail.anpocert.example.com'), undefined)
})

test('finds every record that lists a certificate', () => {
  const { index, records } = readIndex(example)
  const shared = records[0]?.certificates[0]
  assert(shared)
  assert.deepEqual(
    index.byCertificate(Buffer.from(shared)).map(({ unit }) => unit),
    [undefined, 'Secondary Environment'],
  )
  assert.deepEqual(index.byCertificate(makeCertificate('stranger')), [])
})

test('compares the certificate itself, not only its hash', () => {
  const listed = makeCertificate('listed')
  const stranger = makeCertificate('stranger')
  const record: ProviderRecord = {
    name: 'P',
    unit: undefined,
    certificates: [listed],
    certificateHashes: new Set([certificateHash(stranger)]),
    mailReceipt: 'a@p.example',
    managedDomains: new Set(),
  }
  assert.deepEqual(indexRecords([record]).byCertificate(stranger), [])
})

test('lets the first of two records have a domain that both list, and says so', () => {
  const own = (name: string) =>
    ownRecordLdif({ name, certificates: [makeCertificate(name)], mailReceipt: `a@${name}.example`, domains: ['pec.example'] })
  const text = `${own('one').toString()}\n${own('two').toString().replace('version: 1\n', '')}`
  const { index, faults } = readIndex(Buffer.from(text))
  assert.equal(index.byDomain('pec.example')?.name, 'one')
  assert.deepEqual(faults, [
    { dn: 'providerName=two,o=postacert', fault: 'pec.example is managed by one already: that record counts' },
  ])
})
