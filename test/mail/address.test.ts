import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { domainOf, formatAddress, isAddress, parseAddresses, sameAddress } from '../../src/mail/address.js'

suite('parseAddresses', () => {
  const cases: [string, string, [string, string][]][] = [
    [
      'reads bare addresses',
      'a@b.it,c@d.it',
      [
        ['', 'a@b.it'],
        ['', 'c@d.it'],
      ],
    ],
    ['reads names', 'Mario Rossi <m.rossi@x.it>', [['Mario Rossi', 'm.rossi@x.it']]],
    ['reads quoted names', '"Rossi, \\"Mario\\"" <m@x.it>', [['Rossi, "Mario"', 'm@x.it']]],
    [
      'reads the From of an envelope',
      '"Per conto di: m@x.it" <posta-certificata@y.it>',
      [['Per conto di: m@x.it', 'posta-certificata@y.it']],
    ],
    ['decodes names', '=?utf-8?Q?Ross=C3=AC?= =?utf-8?Q?_M?= <m@x.it>', [['Rossì M', 'm@x.it']]],
    ['decodes quoted encoded words, common as they are', '"=?utf-8?Q?Ross=C3=AC?=" <m@x.it>', [['Rossì', 'm@x.it']]],
    [
      'opens groups',
      'Tutti: a@b.it, "c" <d@e.it>;, f@g.it',
      [
        ['', 'a@b.it'],
        ['c', 'd@e.it'],
        ['', 'f@g.it'],
      ],
    ],
    ['finds nothing in an empty group', 'undisclosed-recipients:;', []],
    ['passes over comments', '(x, y) a(1)@(2 (3) \\) )b.it (c@d.it)', [['c@d.it', 'a@b.it']]],
    ['takes the comment after a bare address as its name', 'm@x.it (Mario Rossi)', [['Mario Rossi', 'm@x.it']]],
    ['tolerates white space around dots and @', 'mario . rossi @ x . it', [['', 'mario.rossi@x.it']]],
    ['passes over obsolete routes', '<@r1.it,@r2.it:a@b.it>', [['', 'a@b.it']]],
    ['passes over empty entries', ', a@b.it,, ,', [['', 'a@b.it']]],
    ['reads quoted local parts', '"a b"@x.it', [['', '"a b"@x.it']]],
    ['unquotes a local part that needs no quotes', '"mario.rossi"@x.it', [['', 'mario.rossi@x.it']]],
    ['reads address literals', 'a@[192.0.2.1]', [['', 'a@[192.0.2.1]']]],
    ['tolerates an unquoted address as name', 'a@b.it <c@d.it>', [['a@b.it', 'c@d.it']]],
    [
      'tolerates semicolons for commas',
      'a@b.it; c@d.it',
      [
        ['', 'a@b.it'],
        ['', 'c@d.it'],
      ],
    ],
    ['finds no address in two words', 'a b@c.it', [['a b@c.it', '']]],
    ['finds no address after junk', '<a@b.it> junk', [['', '']]],
    ['finds no address in two brackets', '<a@b.it> <c@d.it>', [['', '']]],
    [
      'finds no address in an open bracket',
      '<a@b.it, c@d.it',
      [
        ['', ''],
        ['', 'c@d.it'],
      ],
    ],
    ['finds no address in an open quotation', '"a <b@c.it>', [['a <b@c.it>', '']]],
    ['finds no address in an open comment', 'a@b.it (c', [['a@b.it', '']]],
    ['finds no address in a lone bracket', 'a@b.it>', [['a@b.it', '']]],
    ['finds no address in a null path', '<>', [['', '']]],
    ['finds no address in non-ASCII', 'è@x.it', [['è@x.it', '']]],
    ['finds nothing in nothing', '', []],
  ]
  for (const [behaviour, value, expected] of cases) {
    test(behaviour, () => {
      assert.deepEqual(
        parseAddresses(value).map(({ name, address }) => [name, address]),
        expected,
      )
    })
  }

  test('never throws, and gives only addresses or nothing', () => {
    const pieces = fc.constantFrom(
      'a',
      '@',
      '.',
      ' ',
      ',',
      ';',
      ':',
      '<',
      '>',
      '(',
      ')',
      '"',
      '\\',
      '[',
      ']',
      '\r\n',
      'è',
      '=?utf-8?Q?b?=',
      'a@b.it',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (written) => {
        for (const { name, address } of parseAddresses(written.join(''))) {
          assert.ok(address === '' || isAddress(address))
          assert.doesNotMatch(name, /\p{Cc}/u)
        }
      }),
    )
  })

  test('takes time in proportion to nasty lists', () => {
    for (const nasty of [
      ',',
      '(',
      ')',
      '[',
      ']',
      '"',
      '<',
      '>',
      ':',
      ';',
      '\\',
      ' ',
      '.',
      '@',
      'a@b.it,',
      '<a@b.it>',
      '()',
      '""',
      '=?',
      '<@a,',
    ]) {
      const started = performance.now()
      parseAddresses(nasty.repeat(100_000))
      assert.ok(performance.now() - started < 2000, JSON.stringify(nasty))
    }
  })
})

suite('isAddress', () => {
  for (const address of [
    'a@b',
    'mario.rossi@pec.example.it',
    "o'neil+x=1@x-y.it",
    '"a b\\"c"@x.it',
    'a@[IPv6:2001:db8::1]',
    `${'a'.repeat(64)}@b.it`,
  ]) {
    test(`takes ${address}`, () => assert.equal(isAddress(address), true))
  }
  for (const address of [
    '',
    '@',
    'a',
    'a@',
    '@b',
    'a@@b',
    'a b@c',
    '.a@b',
    'a.@b',
    'a..b@c',
    'a@-b.it',
    'a@b-',
    'a@b..it',
    'a@b.it.',
    'a@b_c.it',
    'è@b.it',
    'a@è.it',
    '<a@b>',
    'a@b\r\n',
    'a\0@b',
    'a@[]',
    `${'a'.repeat(65)}@b.it`,
    `a@${'b.'.repeat(130)}it`,
    `a@${'b'.repeat(64)}.it`,
  ]) {
    test(`refuses ${JSON.stringify(address)}`, () => assert.equal(isAddress(address), false))
  }
})

test('domainOf gives the domain in lower case', () => {
  assert.equal(domainOf('"a@b"@PEC.Example.IT'), 'pec.example.it')
  assert.equal(domainOf('nobody'), '')
})

test('sameAddress does not mind the case', () => {
  assert.equal(sameAddress('Mario@X.it', 'mario@x.IT'), true)
  assert.equal(sameAddress('mario@x.it', 'maria@x.it'), false)
})

suite('formatAddress', () => {
  test('quotes the name', () => {
    assert.equal(formatAddress('Per conto di: x@y.it', 'z@w.it'), '"Per conto di: x@y.it" <z@w.it>')
    assert.equal(formatAddress('a "b" \\', 'z@w.it'), '"a \\"b\\" \\\\" <z@w.it>')
  })
  test('writes the address alone without a name', () => assert.equal(formatAddress('', 'z@w.it'), 'z@w.it'))
  test('lets nothing end the field or the brackets', () => {
    assert.equal(formatAddress('a\r\nBcc: b', 'z@w.it>,\r\n<c@d.it'), '"a  Bcc: b" <z@w.it,  c@d.it>')
  })
  test('leaves a valid address whole, brackets in its quoted local part too', () => {
    const list = '"a" <"b <c> \\" d"@e.it>'
    const [parsed] = parseAddresses(list)
    assert.equal(parsed?.address, '"b <c> \\" d"@e.it')
    assert.deepEqual(parseAddresses(formatAddress('a', parsed.address)), [parsed])
  })
  test('gives name and address back when parsed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (written) => {
        const name = written.replace(/\p{Cc}/gu, ' ').trim()
        const formatted = formatAddress(name, 'a.b@c.it')
        assert.match(formatted, /^[ -~]*$/)
        assert.deepEqual(parseAddresses(formatted), [{ name, address: 'a.b@c.it' }])
      }),
    )
  })
})
