import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseHeader } from '../../src/mail/header.js'
import { describeFormalException, type FormalException } from '../../src/pec/formal-exception.js'
import { findFormalExceptions, type Submitted } from '../../src/points/formal-checks.js'
import { crlf } from './house.js'

const LIMITS = { recipients: 3, bytesTimesRecipients: 10_000 }
const FROM = 'From: Anna <anna@pec-a.test>'
const TO = 'To: ugo@pec-b.test'

interface Parts {
  readonly lines?: readonly string[]
  readonly recipients?: readonly string[]
  readonly submitted?: Partial<Submitted>
}

function find({ lines = [FROM, TO], recipients = ['ugo@pec-b.test'], submitted = {} }: Parts): FormalException[] {
  const header = parseHeader(crlf(lines.map((line) => `${line}\n`).join('')))
  return findFormalExceptions(
    { header, headerEnds: true, hasBareLineEnd: false, size: 1000, sender: 'anna@pec-a.test', recipients, ...submitted },
    LIMITS,
  )
}

const kinds = (parts: Parts): readonly string[] => find(parts).map(({ kind }) => kind)

const many = (count: number): readonly string[] => Array.from({ length: count }, (_, number) => `r${number}@pec-b.test`)

describe('a submitted message', () => {
  const accepted: readonly [string, Parts][] = [
    ['with one sender and one recipient', {}],
    ['whose addresses differ in case only', { lines: [FROM.toUpperCase().replace('FROM', 'From'), 'To: UGO@pec-B.test'] }],
    [
      'with recipients in To and Cc',
      { lines: [FROM, TO, 'Cc: eva@pec-b.test'], recipients: ['eva@pec-b.test', 'ugo@pec-b.test'] },
    ],
    ['with a recipient in both To and Cc', { lines: [FROM, TO, 'Cc: ugo@pec-b.test'] }],
    ['with a recipient named twice in the transaction', { recipients: ['ugo@pec-b.test', 'UGO@pec-b.test'] }],
    ['with a group in To', { lines: [FROM, 'To: amici: ugo@pec-b.test;'] }],
    ['with a folded To', { lines: [FROM, 'To: "Rossi,\n Ugo" <ugo@pec-b.test>'] }],
    ['with a name in any charset', { lines: ['From: =?utf-8?q?Ann=C3=A0?= <anna@pec-a.test>', TO] }],
    ['with a Bcc that is empty', { lines: [FROM, TO, 'Bcc:', 'Bcc-Note: x'] }],
    ['with several fields of other names', { lines: [FROM, TO, 'Received: a', 'Received: b', 'X-Y: 1', 'X-Y: 2'] }],
    ['with as many recipients as may be', { lines: [FROM, `To: ${many(3).join(', ')}`], recipients: many(3) }],
    ['as large as may be', { submitted: { size: 10_000 } }],
  ]
  for (const [what, parts] of accepted) test(`${what} is accepted`, () => assert.deepEqual(find(parts), []))

  const refused: readonly [string, Parts, readonly FormalException[]][] = [
    ['without From', { lines: [TO] }, [{ kind: 'from-missing' }]],
    ['with an empty From', { lines: ['From:', TO] }, [{ kind: 'from-invalid' }]],
    ['with a From that is no address', { lines: ['From: Anna', TO] }, [{ kind: 'from-invalid' }]],
    ['with two addresses in From', { lines: [`${FROM}, b@pec-a.test`, TO] }, [{ kind: 'from-invalid' }]],
    ['with two From fields', { lines: [FROM, FROM, TO] }, [{ kind: 'duplicate-header', name: 'From' }, { kind: 'from-invalid' }]],
    [
      'with another From than its reverse path',
      { lines: ['From: x@pec-a.test', TO] },
      [{ kind: 'sender-differs', from: 'x@pec-a.test', reversePath: 'anna@pec-a.test' }],
    ],
    ['without To', { lines: [FROM] }, [{ kind: 'to-missing' }, { kind: 'recipient-not-in-header', address: 'ugo@pec-b.test' }]],
    ['with recipients in Cc only', { lines: [FROM, 'Cc: ugo@pec-b.test'] }, [{ kind: 'to-missing' }]],
    [
      'with a To that names nobody',
      { lines: [FROM, 'To: undisclosed-recipients:;', 'Cc: ugo@pec-b.test'] },
      [{ kind: 'to-missing' }],
    ],
    ['with something in To that is no address', { lines: [FROM, `${TO}, Ugo`] }, [{ kind: 'address-invalid', name: 'To' }]],
    ['with something in Cc that is no address', { lines: [FROM, TO, 'Cc: <x>'] }, [{ kind: 'address-invalid', name: 'Cc' }]],
    [
      'with an address in Cc that SMTP has no room for',
      { lines: [FROM, TO, `Cc: ${'x'.repeat(65)}@y.test`] },
      [{ kind: 'address-invalid', name: 'Cc' }],
    ],
    ['with two To fields', { lines: [FROM, TO, TO] }, [{ kind: 'duplicate-header', name: 'To' }]],
    [
      'with two Subject fields in any case',
      { lines: [FROM, TO, 'Subject: a', 'SUBJECT: b'] },
      [{ kind: 'duplicate-header', name: 'Subject' }],
    ],
    [
      'with two Message-ID fields',
      { lines: [FROM, TO, 'Message-ID: <a>', 'Message-Id: <b>'] },
      [{ kind: 'duplicate-header', name: 'Message-ID' }],
    ],
    [
      'for somebody who is neither in To nor in Cc',
      { recipients: ['ugo@pec-b.test', 'eva@pec-b.test'] },
      [{ kind: 'recipient-not-in-header', address: 'eva@pec-b.test' }],
    ],
    [
      'for not everybody in To and Cc',
      { lines: [FROM, `${TO}, eva@pec-b.test`] },
      [{ kind: 'recipient-not-in-envelope', address: 'eva@pec-b.test' }],
    ],
    ['with a Bcc', { lines: [FROM, TO, 'Bcc: eva@pec-b.test'] }, [{ kind: 'bcc-present' }]],
    ['with a Bcc that is no address', { lines: [FROM, TO, 'bcc: x'] }, [{ kind: 'bcc-present' }]],
    ['without a blank line after its header', { submitted: { headerEnds: false } }, [{ kind: 'no-header-end' }]],
    ['with a line in its header that is no field', { lines: [FROM, TO, 'Buongiorno,'] }, [{ kind: 'not-a-field' }]],
    ['with the line of an mbox file above its header', { lines: ['From anna Mon Mar  2', FROM, TO] }, [{ kind: 'not-a-field' }]],
    ['with a CR or LF by itself', { submitted: { hasBareLineEnd: true } }, [{ kind: 'bare-line-end' }]],
    [
      'without a blank line, so that its body is in its header,',
      { lines: [FROM, TO, 'Buongiorno,'], submitted: { headerEnds: false } },
      [{ kind: 'no-header-end' }],
    ],
    [
      'with too many recipients',
      { lines: [FROM, `To: ${many(4).join(', ')}`], recipients: many(4) },
      [{ kind: 'too-many-recipients', count: 4, limit: 3 }],
    ],
    ['that is too large', { submitted: { size: 10_001 } }, [{ kind: 'too-large', bytes: 10_001, limit: 10_000 }]],
    [
      'that is too large for its recipients',
      { lines: [FROM, `To: ${many(2).join(', ')}`], recipients: many(2), submitted: { size: 6000 } },
      [{ kind: 'too-large', bytes: 12_000, limit: 10_000 }],
    ],
  ]
  for (const [what, parts, expected] of refused) {
    test(`${what} is refused for that`, () => assert.deepEqual(find(parts), expected))
  }

  test('is refused for every reason there is, in the order of the rules', () => {
    const lines = ['From: x', 'Subject: a', 'Subject: b', 'Cc: y', 'Bcc: z']
    assert.deepEqual(
      kinds({ lines, recipients: many(4), submitted: { headerEnds: false, hasBareLineEnd: true, size: 20_000 } }),
      [
        'no-header-end',
        'bare-line-end',
        'duplicate-header',
        'from-invalid',
        'to-missing',
        'address-invalid',
        ...many(4).map(() => 'recipient-not-in-header'),
        'bcc-present',
        'too-many-recipients',
        'too-large',
      ],
    )
  })

  test('with a thousand wrong recipients has a reason for some of them only', () => {
    const lines = [FROM, `To: ${many(1000).join(', ')}`]
    const recipients = many(1000).map((address) => `x${address}`)
    const found = find({ lines, recipients }).filter(({ kind }) => kind.startsWith('recipient-'))
    assert.equal(found.length, 40)
  })

  test('is looked at in linear time, whatever is in its header', () => {
    const started = performance.now()
    find({ lines: [FROM, `To: ${'<'.repeat(200_000)}`, `Cc: ${'(,'.repeat(100_000)}`, `Bcc: ${' '.repeat(200_000)}x`] })
    assert.ok(performance.now() - started < 2000)
  })
})

test('every exception has its words, in Italian and on one line', () => {
  const exceptions: readonly FormalException[] = [
    { kind: 'no-header-end' },
    { kind: 'not-a-field' },
    { kind: 'bare-line-end' },
    { kind: 'duplicate-header', name: 'To' },
    { kind: 'from-missing' },
    { kind: 'from-invalid' },
    { kind: 'to-missing' },
    { kind: 'address-invalid', name: 'Cc' },
    { kind: 'sender-differs', from: 'x@a.test', reversePath: 'y@a.test' },
    { kind: 'recipient-not-in-header', address: 'x@a.test' },
    { kind: 'recipient-not-in-envelope', address: 'x@a.test' },
    { kind: 'bcc-present' },
    { kind: 'too-many-recipients', count: 1001, limit: 1000 },
    { kind: 'too-large', bytes: 123_456_789, limit: 100_000_000 },
  ]
  const texts = exceptions.map(describeFormalException)
  assert.equal(new Set(texts).size, exceptions.length)
  for (const text of texts) assert.match(text, /^[a-z][^\r\n]*[^.\r\n]$/)
  assert.match(texts.at(-1) ?? '', /\(123,5 MB\) supera il massimo di 100,0 MB$/)
})
