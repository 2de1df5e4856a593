/** Lists of addresses, and the mailboxes that we write of them. */
import assert from 'node:assert/strict'
import { domainOf, formatAddress, isAddress, parseAddresses } from '../../../src/mail/address.js'
import { formatField, parseHeader, fieldValue } from '../../../src/mail/header.js'
import { wellFormed, type Target } from '../target.js'
import { ADDRESS_LISTS, HEADER_WORDS } from '../texts.js'

export function addressTarget(): Target {
  return { name: 'addresses', corpus: ADDRESS_LISTS, words: HEADER_WORDS, run }
}

function run(input: Buffer): void {
  const text = input.toString('utf8')
  const list = parseAddresses(text)
  assert.ok(list.length <= text.length)
  for (const { name, address } of list.slice(0, 100)) {
    assert.ok(address === '' || isAddress(address), address)
    assert.doesNotMatch(name + address, /[\p{Cc}]/u)
    if (address === '') continue
    assert.equal(domainOf(address), address.slice(address.lastIndexOf('@') + 1).toLowerCase())
    const [again, ...others] = parseAddresses(formatAddress(name, address))
    assert.deepEqual(others, [])
    assert.deepEqual(again, { name: wellFormed(name).trim(), address })
    const [field, ...more] = parseHeader(formatField('From', formatAddress(name, address))).fields
    assert.deepEqual(more, [])
    assert.equal(parseAddresses(field ? fieldValue(field) : '')[0]?.address, address)
  }
  // Whatever stands in the place of a name, the address written is the one that is read.
  const [one, ...others] = parseAddresses(formatAddress(`Per conto di: ${text.slice(0, 2000)}`, 'posta-certificata@pec-a.test'))
  assert.equal(one?.address, 'posta-certificata@pec-a.test')
  assert.deepEqual(others, [])
}
