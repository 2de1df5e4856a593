import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { parseLdif, textsOf } from '../../src/providers/ldif.js'
import { ownRecordLdif, withOwnCertificate, withOwnDomain, withoutOwnCertificate } from '../../src/providers/own-record.js'
import { readIndex } from '../../src/providers/provider-index.js'
import { makeCertificate } from './certificates.js'

const main = {
  name: 'Gestore, S.p.A.',
  certificates: [makeCertificate('old'), makeCertificate('new')],
  mailReceipt: 'ricevute@pec.example',
  domains: ['PEC.example', 'cliente.example'],
  ldifLocation: 'https://pec.example/gestore.ldif.p7m',
}

test('makes a record that an index accepts as it is', () => {
  const { records, faults } = readIndex(ownRecordLdif(main))
  assert.deepEqual(faults, [])
  assert.equal(records[0]?.name, 'Gestore, S.p.A.')
  assert.deepEqual([...records[0].managedDomains], ['pec.example', 'cliente.example'])
  assert.deepEqual(records[0].certificates, main.certificates)
})

test('says where the LDIF is published in the main environment only', () => {
  const entries = parseLdif(
    ownRecordLdif(main, { ...main, unit: 'Due', domains: ['due.example'], ldifLocation: undefined as never }),
  )
  assert.deepEqual(
    entries.map((entry) => textsOf(entry, 'LDIFLocationURL')),
    [['https://pec.example/gestore.ldif.p7m'], []],
  )
})

test('names every fault at once', () => {
  assert.throws(
    () =>
      ownRecordLdif({
        name: ' ',
        certificates: [Buffer.from('x')],
        mailReceipt: 'x',
        domains: ['a b'],
        ldifLocation: 'http://x.example',
      }),
    (error: unknown) => {
      assert(isPecError(error) && error.code === 'configuration')
      for (const words of ['no name', 'not X.509', 'receipts mailbox', '"a b" is no domain', 'no https URL']) {
        assert(error.message.includes(words), words)
      }
      return true
    },
  )
  assert.throws(() => ownRecordLdif({ ...main, certificates: [], domains: [] }), /no certificate.*no domain/)
  assert.throws(() => ownRecordLdif(main, { ...main, unit: 'Due' }), /no LDIF location of its own/)
  assert.throws(() => ownRecordLdif(main, main), /needs a unit/)
})

test('takes one more domain into our own record, and changes nothing else', () => {
  const other = { ...main, name: 'Altro', certificates: [makeCertificate('other')], domains: ['altro.example'] }
  const unit = { ...main, unit: 'Due', domains: ['due.example'], ldifLocation: undefined as never }
  const before = Buffer.concat([ownRecordLdif(other), ownRecordLdif(main, unit)])
  const [, certificate = Buffer.alloc(0)] = main.certificates
  const after = withOwnDomain(before, certificate, 'Nuovo.example')
  const { records, faults } = readIndex(after)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    records.map(({ name, unit, managedDomains }) => [name, unit, [...managedDomains]]),
    [
      ['Altro', undefined, ['altro.example']],
      ['Gestore, S.p.A.', undefined, ['pec.example', 'cliente.example', 'nuovo.example']],
      ['Gestore, S.p.A.', 'Due', ['due.example']],
    ],
  )
  const withoutIt = parseLdif(after).map((entry) => ({
    ...entry,
    attributes: entry.attributes.filter(({ value }) => value.toString() !== 'nuovo.example'),
  }))
  assert.deepEqual(withoutIt, parseLdif(before))
  assert.equal(withOwnDomain(after, certificate, 'nuovo.example'), after)
  assert.equal(withOwnDomain(after, certificate, 'due.example'), after)
})

test("does not take another provider's domain, nor one into an index that we are not in", () => {
  const other = { ...main, name: 'Altro', certificates: [makeCertificate('other')], domains: ['altro.example'] }
  const [certificate = Buffer.alloc(0)] = main.certificates
  const index = Buffer.concat([ownRecordLdif(other), ownRecordLdif(main)])
  assert.throws(() => withOwnDomain(index, certificate, 'altro.example'), /the index gives altro\.example to Altro/)
  assert.throws(() => withOwnDomain(ownRecordLdif(other), certificate, 'x.example'), /our own certificate is not in the index/)
})

test('takes the next certificate into our own record beside the old one, and the old one out again', () => {
  const other = { ...main, name: 'Altro', certificates: [makeCertificate('other')], domains: ['altro.example'] }
  const [old = Buffer.alloc(0)] = main.certificates
  const before = Buffer.concat([ownRecordLdif(other), ownRecordLdif({ ...main, certificates: [old] })])
  const next = makeCertificate('next')
  const both = withOwnCertificate(before, old, next)
  const { records, index, faults } = readIndex(both)
  assert.deepEqual(faults, [])
  assert.deepEqual(records[1]?.certificates, [old, next])
  for (const certificate of [old, next]) assert.deepEqual(index.byCertificate(certificate), [records[1]])
  assert.equal(withOwnCertificate(both, old, next), both)
  const afterwards = readIndex(withoutOwnCertificate(both, next, old))
  assert.deepEqual(afterwards.faults, [])
  assert.deepEqual(
    afterwards.records.map(({ certificates }) => certificates),
    [other.certificates, [next]],
  )
})

test("does not take another provider's certificate for ours", () => {
  const other = { ...main, name: 'Altro', certificates: [makeCertificate('other')], domains: ['altro.example'] }
  const [old = Buffer.alloc(0)] = main.certificates
  const [theirs = Buffer.alloc(0)] = other.certificates
  const index = Buffer.concat([ownRecordLdif(other), ownRecordLdif(main)])
  assert.throws(() => withOwnCertificate(index, old, theirs), /the index has this certificate as one of Altro/)
})
