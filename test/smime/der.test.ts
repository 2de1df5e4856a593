import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import * as der from '../../src/smime/der.js'

const hex = (text: string) => Buffer.from(text.replace(/ /g, ''), 'hex')
const isMalformed = (error: unknown) => isPecError(error) && error.code === 'malformed'

describe('DER reader', () => {
  const refused: Readonly<Record<string, string>> = {
    nothing: '',
    'a tag alone': '30',
    'an indefinite length': '30 80 00 00',
    'a long form for a short length': '04 81 01 00',
    'a length with leading zeros': '04 82 00 81',
    'a length of five octets': '04 85 01 00 00 00 00',
    'a length beyond the end': '04 84 ff ff ff ff 00',
    'an element cut short': '04 03 01 02',
    'a high tag number': '1f 81 00 00',
    'bytes after the element': '04 01 00 00',
  }
  for (const [what, bytes] of Object.entries(refused)) {
    test(`refuses ${what}`, () => {
      assert.throws(() => der.onlyElement(hex(bytes), hex(bytes)[0] ?? der.TAG.octetString), isMalformed)
    })
  }

  test('refuses a tag other than the one asked for', () => {
    assert.throws(() => new der.DerReader(hex('02 01 05')).next(der.TAG.octetString), isMalformed)
  })

  test('reads what the writer wrote, whatever its length', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536, 17_000_000]) {
      const content = Buffer.alloc(length, 7)
      assert.ok(der.onlyElement(der.octetString(content), der.TAG.octetString).content.equals(content), `${length} bytes`)
    }
  })

  test('ends in PecError malformed or in elements that make up the input, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const found = der.elements(Buffer.from(bytes))
          assert.ok(Buffer.concat(found.map((element) => element.bytes)).equals(bytes))
        } catch (error) {
          assert.ok(isMalformed(error))
        }
      }),
    )
  })
})

describe('DER values', () => {
  test('object identifiers go out and in', () => {
    for (const dotted of ['1.2.840.113549.1.7.2', '2.5.29.15', '2.999.3', '0.9.2342', '2.16.840.1.101.3.4.2.1']) {
      assert.equal(der.readOid(der.onlyElement(der.oid(dotted), der.TAG.oid).content), dotted)
    }
  })

  test('an object identifier that is cut short, padded or huge is refused', () => {
    for (const content of ['', '2a 86', '2a 80 01', `2a ${'ff '.repeat(12)} 01`]) {
      assert.throws(() => der.readOid(hex(content)), isMalformed, content)
    }
  })

  test('integers are minimal and positive when written', () => {
    const cases: readonly (readonly [number | Buffer, string])[] = [
      [0, '020100'],
      [127, '02017f'],
      [128, '02020080'],
      [65536, '0203010000'],
      [Buffer.from([0, 0, 0xff]), '020200ff'],
    ]
    for (const [value, expected] of cases) assert.equal(der.integer(value).toString('hex'), expected)
  })

  test('an integer that is empty or not minimal is refused', () => {
    for (const content of ['', '00 01', 'ff 80']) assert.throws(() => der.readInteger(hex(content)), isMalformed, content)
  })

  test('a small integer is neither negative nor longer than four octets', () => {
    assert.equal(der.readSmallInteger(hex('7f ff ff ff')), 2 ** 31 - 1)
    for (const content of ['ff', '01 00 00 00 00']) assert.throws(() => der.readSmallInteger(hex(content)), isMalformed, content)
  })

  test('a BOOLEAN is 00 or ff', () => {
    assert.equal(der.readBoolean(hex('ff')), true)
    assert.equal(der.readBoolean(hex('00')), false)
    for (const content of ['01', '', 'ff ff']) assert.throws(() => der.readBoolean(hex(content)), isMalformed, content)
  })

  test('a BIT STRING says how many bits are unused, up to seven', () => {
    assert.deepEqual(der.readBitString(hex('07 80')), { bits: hex('80'), unused: 7 })
    for (const content of ['', '08 80', '01']) assert.throws(() => der.readBitString(hex(content)), isMalformed, content)
  })

  test('times go out and in, in the form of their century', () => {
    for (const [iso, tag] of [
      ['1950-01-01T00:00:00.000Z', der.TAG.utcTime],
      ['2024-02-29T23:59:59.000Z', der.TAG.utcTime],
      ['2049-12-31T23:59:59.000Z', der.TAG.utcTime],
      ['2050-01-01T00:00:00.000Z', der.TAG.generalizedTime],
    ] as const) {
      const element = new der.DerReader(der.time(new Date(iso))).element()
      assert.equal(element.tag, tag, iso)
      assert.equal(der.readTime(element).toISOString(), iso)
    }
  })

  test('a time that does not exist, or in another form, is refused', () => {
    for (const text of [
      '250230000000Z',
      '2502280000Z',
      '250228000000+0100',
      '250228000000.5Z',
      '251328000000Z',
      '250228246060Z',
    ]) {
      const element = new der.DerReader(der.tlv(der.TAG.utcTime, Buffer.from(text))).element()
      assert.throws(() => der.readTime(element), isMalformed, text)
    }
  })

  test('a SET OF is in order', () => {
    assert.equal(der.setOf(der.integer(2), der.integer(1)).toString('hex'), '3106020101020102')
  })
})
