import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificateOf, readExternal } from '../../src/haraka/certificate-login.js'
import { beginning, isAwaited } from '../../src/haraka/external.js'
import { connectionOf } from './connection.js'

test('an answer to EXTERNAL names a login, or leaves it to the certificate', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  for (const [answer, login] of [
    ['', ''],
    ['=', ''],
    [base64('anna@pec-a.test'), 'anna@pec-a.test'],
    ['*', undefined],
    ['not base64!', undefined],
    [base64('a\0b'), undefined],
    [base64('a b'), undefined],
    [base64('è@pec-a.test'), undefined],
    [base64('x'.repeat(500)), undefined],
  ] as const)
    assert.equal(readExternal(answer), login, answer)
})

test('a certificate is what TLS has brought, and nothing else', () => {
  const raw = Buffer.from('x')
  const connection = connectionOf()
  assert.deepEqual(certificateOf({ ...connection, tls: { enabled: true, peerCertificate: { raw } } }), raw)
  for (const tls of [
    { enabled: false, peerCertificate: { raw } },
    { enabled: true, peerCertificate: {} },
    { enabled: true, peerCertificate: { raw: Buffer.alloc(0) } },
    { enabled: true, peerCertificate: { raw: 'x' } },
    { enabled: true },
  ])
    assert.equal(certificateOf({ ...connection, tls }), undefined)
})

test('EXTERNAL begins only where it was offered, and not within another exchange', () => {
  const offered = { ...connectionOf(), notes: { allowed_auth_methods: ['PLAIN', 'EXTERNAL'] } }
  assert.deepEqual(beginning('external =', offered), { initial: '=' })
  assert.deepEqual(beginning('EXTERNAL', offered), { initial: undefined })
  assert.equal(beginning('PLAIN x', offered), undefined)
  assert.equal(beginning('EXTERNAL', connectionOf()), undefined)
  assert.equal(beginning('EXTERNAL', { ...offered, notes: { ...offered.notes, authenticating: true } }), undefined)
  assert.equal(isAwaited({ ...offered, notes: { authenticating: true, auth_method: 'EXTERNAL' } }), true)
  assert.equal(isAwaited({ ...offered, notes: { authenticating: false, auth_method: 'EXTERNAL' } }), false)
})
