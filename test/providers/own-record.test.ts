import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { parseLdif, textsOf } from '../../src/providers/ldif.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
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
