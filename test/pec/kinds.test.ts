import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ERROR_WORDS,
  KINDS,
  RECEIPT_WORDS,
  RECIPIENT_WORDS,
  errorKindOf,
  kindOfCertification,
  kindOfReceipt,
  kindOfTransport,
  receiptTypeOf,
  recipientTypeOf,
  subjectPrefix,
  type Kind,
} from '../../src/pec/kinds.js'

const kinds = Object.keys(KINDS) as Kind[]

test('the words are those of RFC 6109, Appendix A', () => {
  const rows = kinds.map((kind) => [
    kind,
    KINDS[kind].field,
    KINDS[kind].value,
    KINDS[kind].certification ?? '-',
    KINDS[kind].original,
  ])
  assert.deepEqual(rows, [
    ['acceptance', 'X-Ricevuta', 'accettazione', 'accettazione', 'forbidden'],
    ['non-acceptance', 'X-Ricevuta', 'non-accettazione', 'non-accettazione', 'forbidden'],
    ['take-charge', 'X-Ricevuta', 'presa-in-carico', 'presa-in-carico', 'forbidden'],
    ['delivery', 'X-Ricevuta', 'avvenuta-consegna', 'avvenuta-consegna', 'optional'],
    ['non-delivery', 'X-Ricevuta', 'errore-consegna', 'errore-consegna', 'forbidden'],
    ['time-limit', 'X-Ricevuta', 'preavviso-errore-consegna', 'preavviso-errore-consegna', 'forbidden'],
    ['virus-detection', 'X-Ricevuta', 'rilevazione-virus', 'rilevazione-virus', 'forbidden'],
    ['transport', 'X-Trasporto', 'posta-certificata', 'posta-certificata', 'required'],
    ['anomaly', 'X-Trasporto', 'errore', '-', 'required'],
  ])
})

test('a kind is found again by its words, in any case', () => {
  for (const kind of kinds) {
    const { field, value, certification } = KINDS[kind]
    const [mine, other] = field === 'X-Ricevuta' ? [kindOfReceipt, kindOfTransport] : [kindOfTransport, kindOfReceipt]
    assert.equal(mine(` ${value.toUpperCase()} `), kind)
    assert.equal(other(value), undefined)
    if (certification !== undefined) assert.equal(kindOfCertification(certification), kind)
  }
})

test('words that are no kind, such as names of object members, are unknown', () => {
  for (const word of ['', 'mancata-consegna', 'constructor', '__proto__', 'certdata']) {
    assert.equal(kindOfReceipt(word), undefined)
    assert.equal(kindOfTransport(word), undefined)
    assert.equal(kindOfCertification(word), undefined)
    assert.equal(receiptTypeOf(word), undefined)
  }
  assert.equal(kindOfCertification('errore'), undefined)
})

test('the values of daticert.xml are found again by their words', () => {
  for (const [name, word] of Object.entries(RECEIPT_WORDS)) assert.equal(receiptTypeOf(word.toUpperCase()), name)
  for (const [name, word] of Object.entries(RECIPIENT_WORDS)) assert.equal(recipientTypeOf(word), name)
  for (const [name, word] of Object.entries(ERROR_WORDS)) assert.equal(errorKindOf(word), name)
})

test('a virus changes the subject of non-acceptance and non-delivery only', () => {
  const changed = kinds.filter((kind) => subjectPrefix(kind, 'virus') !== subjectPrefix(kind))
  assert.deepEqual(changed, ['non-acceptance', 'non-delivery'])
  assert.equal(subjectPrefix('non-acceptance', 'virus'), 'AVVISO DI NON ACCETTAZIONE PER VIRUS: ')
  assert.equal(subjectPrefix('non-delivery', 'virus'), 'AVVISO DI MANCATA CONSEGNA PER VIRUS: ')
  assert.equal(subjectPrefix('non-delivery', 'other'), 'AVVISO DI MANCATA CONSEGNA: ')
})
