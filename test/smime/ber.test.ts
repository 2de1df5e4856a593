import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import { berToDer } from '../../src/smime/ber.js'
import { integer, octetString, sequence, setOf } from '../../src/smime/der.js'

const hex = (text: string) => Buffer.from(text.replace(/ /g, ''), 'hex')
const isMalformed = (error: unknown) => isPecError(error) && error.code === 'malformed'

describe('BER to DER', () => {
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    'an indefinite length becomes definite': ['30 80 02 01 05 00 00', '30 03 02 01 05'],
    'one within another too': ['30 80 a0 80 02 01 05 00 00 00 00', '30 05 a0 03 02 01 05'],
    'a length that is not minimal becomes so': ['30 82 00 03 02 01 05', '30 03 02 01 05'],
    'an OCTET STRING in pieces is joined': ['24 80 04 01 aa 04 02 bb cc 00 00', '04 03 aa bb cc'],
    'pieces within pieces too': ['24 80 24 04 04 02 aa bb 04 01 cc 00 00', '04 03 aa bb cc'],
    'an OCTET STRING of no pieces is empty': ['24 80 00 00', '04 00'],
  }
  for (const [what, [ber, expected]] of Object.entries(cases)) {
    test(what, () => assert.equal(berToDer(hex(ber)).toString('hex'), expected.replace(/ /g, '')))
  }

  const refused: Readonly<Record<string, string>> = {
    nothing: '',
    'an indefinite length without an end': '30 80 02 01 05',
    'an indefinite length of something primitive': '04 80 00 00',
    'an end where none is due': '30 04 02 01 05 00',
    'bytes after the element': '30 80 00 00 00',
    'a child longer than its parent': '30 03 02 05 01',
    'a length of four gigabytes': '30 84 ff ff ff ff',
    'an OCTET STRING made of something else': '24 03 02 01 05',
    'a high tag number': '3f 81 01 00',
  }
  for (const [what, ber] of Object.entries(refused)) {
    test(`refuses ${what}`, () => assert.throws(() => berToDer(hex(ber)), isMalformed))
  }

  test('refuses nesting without end before it hurts', () => {
    assert.throws(() => berToDer(Buffer.from('3080'.repeat(500_000), 'hex')), isMalformed)
    assert.throws(() => berToDer(Buffer.from('2480'.repeat(500_000), 'hex')), isMalformed)
  })

  test('refuses a million elements before it hurts', () => {
    assert.throws(() => berToDer(Buffer.concat([hex('30 80'), Buffer.alloc(1_000_000, hex('05 00')), hex('00 00')])), isMalformed)
  })

  test('DER comes out as it is', () => {
    const value = fc.letrec<{ value: Buffer }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.nat().map(integer),
        fc.uint8Array({ maxLength: 300 }).map((bytes) => octetString(Buffer.from(bytes))),
        fc.array(tie('value'), { maxLength: 4 }).map((contents) => sequence(...contents)),
        fc.array(tie('value'), { maxLength: 4 }).map((contents) => setOf(...contents)),
      ),
    })).value
    fc.assert(fc.property(value, (bytes) => assert.ok(berToDer(bytes).equals(bytes))))
  })

  test('ends in DER or PecError malformed for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const once = berToDer(Buffer.from(bytes))
          assert.ok(berToDer(once).equals(once))
        } catch (error) {
          assert.ok(isMalformed(error))
        }
      }),
    )
  })
})
