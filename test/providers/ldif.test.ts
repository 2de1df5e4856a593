import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import { LDIF_LIMITS, parseLdif, textsOf, valuesOf, writeLdif, type LdifEntry } from '../../src/providers/ldif.js'

const parse = (text: string, limits = LDIF_LIMITS) => parseLdif(Buffer.from(text, 'utf8'), limits)
const plain = (entries: readonly LdifEntry[]) =>
  entries.map(({ dn, attributes }) => [
    dn,
    ...attributes.map(({ description, value }) => `${description}=${value.toString('utf8')}`),
  ])

const readings: readonly (readonly [string, string, readonly (readonly string[])[]])[] = [
  ['two records after a version line', 'version: 1\n\ndn: o=a\nx: 1\n\ndn: o=b\ny: 2\n', [['o=a', 'x=1'], ['o=b', 'y=2']]], // prettier-ignore
  ['CRLF line ends', 'dn: o=a\r\nx: 1\r\n\r\ndn: o=b\r\n', [['o=a', 'x=1'], ['o=b']]],
  ['a last line without an end', 'dn: o=a\nx: 1', [['o=a', 'x=1']]],
  ['no version line', '\n\ndn: o=a\n', [['o=a']]],
  ['a byte order mark', '\ufeffdn: o=a\n', [['o=a']]],
  ['folded lines', 'dn: o=\n a\nx: 1\n 2\n  3\n', [['o=a', 'x=12 3']]],
  ['comments, folded ones too', '# one\n two\ndn: o=a\n# x: 1\nx: 2\n', [['o=a', 'x=2']]],
  ['base64 and a base64 dn', 'dn:: bz1h\nx:: w6g=\n', [['o=a', 'x=è']]],
  ['raw UTF-8', 'dn: o=è\nx: perché\n', [['o=è', 'x=perché']]],
  ['options of an attribute', 'dn: o=a\nx;binary;lang-it:: AA==\n', [['o=a', 'x;binary;lang-it=\0']]],
  ['empty values', 'dn: o=a\nx:\ny::\n', [['o=a', 'x=', 'y=']]],
  ['values with colons', 'dn: o=a\nx: https://a/b\n', [['o=a', 'x=https://a/b']]],
  ['a dn that follows without a blank line', 'dn: o=a\nx: 1\ndn: o=b\n', [['o=a', 'x=1'], ['o=b']]],
  ['an empty file', '', []],
]
for (const [what, text, expected] of readings) test(`reads ${what}`, () => assert.deepEqual(plain(parse(text)), expected))

const refusals: readonly (readonly [string, string, RegExp])[] = [
  ['a value by URL', 'dn: o=a\nx:< file:///etc/passwd\n', /line 2: a value by URL/],
  ['a change record', 'dn: o=a\nchangetype: delete\n', /line 2: change/],
  ['another version', 'version: 2\ndn: o=a\n', /version/],
  ['an attribute before any dn', 'x: 1\n', /line 1: x stands outside/],
  ['an attribute after a blank line', 'dn: o=a\n\nx: 1\n', /line 3: x stands outside/],
  ['a continuation of nothing', ' x\n', /line 1 continues nothing/],
  ['a line without a colon', 'dn: o=a\nnonsense\n', /line 2 is not/],
  ['a bad attribute name', 'dn: o=a\nx y: 1\n', /line 2 is not/],
  ['bad base64', 'dn: o=a\nx:: ???=\n', /line 2: not base64/],
  ['truncated base64', 'dn: o=a\nx:: AAA\n', /line 2: not base64/],
  ['NUL in plain text', 'dn: o=a\nx: a\0b\n', /line 2 holds/],
  ['a dn that is not UTF-8', 'dn:: /w==\n', /line 1: the dn/],
]
for (const [what, text, message] of refusals) {
  test(`refuses ${what}`, () =>
    assert.throws(
      () => parse(text),
      (error: unknown) => isPecError(error) && error.code === 'malformed' && message.test(error.message),
    ))
}

test('refuses what goes beyond its limits', () => {
  assert.throws(() => parse('dn: o=a\n', { ...LDIF_LIMITS, size: 7 }), /more than 7/)
  assert.throws(() => parse('dn: o=a\n\ndn: o=b\n', { ...LDIF_LIMITS, entries: 1 }), /more than 1 LDIF/)
  assert.throws(() => parse('dn: o=a\nx: 1\n 2\n 3\n 4\n', { ...LDIF_LIMITS, line: 8 }), /line 2 is longer/)
})

test('finds the values of an attribute without case and whatever its options', () => {
  const [entry] = parse('dn: o=a\nMail;x:  a@b \nmail:: AAE=\nmailbox: no\n')
  assert(entry)
  assert.deepEqual(valuesOf(entry, 'MAIL'), [Buffer.from('a@b '), Buffer.from([0, 1])])
  assert.equal(textsOf(entry, 'mail')[0], 'a@b')
})

test('writes folded lines of at most 76 bytes, and base64 only where it must', () => {
  const attributes = ['short', ' space before', 'space after ', ': colon', '< less', 'è', 'a\nb', 'x'.repeat(300)].map(
    (text) => ({
      description: 'x',
      value: Buffer.from(text),
    }),
  )
  const text = writeLdif([
    { dn: 'o=a', attributes: [...attributes, { description: 'c;binary', value: Buffer.from('ascii') }] },
  ]).toString()
  assert(text.split('\n').every((line) => line.length <= 76))
  assert.match(text, /^version: 1\n\ndn: o=a\nx: short\nx:: /)
  assert.equal(text.match(/^x:: /gm)?.length, 6)
  assert.match(text, /^c;binary:: YXNjaWk=$/m)
})

test('reads back whatever it wrote', () => {
  const value = fc
    .oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ maxLength: 200 }))
    .map((bytes) => Buffer.from(bytes as string))
  const description = fc.constantFrom('x', 'y;binary', 'objectClass')
  const attribute = fc.tuple(description, value).map(([name, bytes]) => ({ description: name, value: bytes }))
  const entry = fc
    .tuple(fc.string({ minLength: 1, unit: 'grapheme' }), fc.array(attribute))
    .map(([dn, attributes]) => ({ dn, attributes }))
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
      assert.deepEqual(parseLdif(writeLdif(entries)), entries)
    }),
    { numRuns: 200 },
  )
})
