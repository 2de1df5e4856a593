import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHash } from 'node:crypto'
import constants from 'haraka-constants'
import DSN from 'haraka-dsn'
import { fromBuffer } from '../../src/mail/source.js'
import { tellAuthentication, tellRefusal, tellRelayAttempt, tellTls, watchSpamFilter } from '../../src/haraka/telling.js'
import type { Occurrence } from '../../src/watch/occurrence.js'
import { connectionOf, transactionOf } from './connection.js'
import { listening } from './listening.js'

const CLIENT = { ip: '192.0.2.2', host: 'client.test' }

function hear(tell: (watch: ReturnType<typeof listening>['watch']) => unknown): Occurrence[] {
  const told: Occurrence[] = []
  tell(listening(told).watch)
  return told
}

const untimed = (told: readonly Occurrence[]) => told.map((occurrence) => ({ ...occurrence, at: undefined }))

test('a session under TLS is told of once', () => {
  const connection = connectionOf()
  const cipher = { version: 'TLSv1.3', name: 'X', standardName: 'TLS_AES_256_GCM_SHA384' }
  const told = hear((watch) => {
    tellTls(connectionOf({ tls: false }), 'access', watch)
    for (let i = 0; i < 2; i++) tellTls(Object.assign(connection, { tls: { enabled: true, cipher } }), 'access', watch)
  })
  const expected = { at: undefined, kind: 'tls', point: 'access', client: CLIENT, session: 'UUID' }
  assert.deepEqual(untimed(told), [{ ...expected, protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' }])
})

test('a name that Haraka could not find is none', () => {
  const connection = { ...connectionOf(), remote: { ip: '192.0.2.2', host: 'NXDOMAIN', closed: false } }
  const [told] = untimed(hear((watch) => tellAuthentication(connection, { user: 'anna', passed: false }, watch)))
  const client = { ip: '192.0.2.2', host: undefined }
  assert.deepEqual(told, { at: undefined, kind: 'authentication', client, session: 'UUID', user: 'anna', passed: false })
})

test('an authentication is told with the certificate that the client has shown', () => {
  const raw = Buffer.from('certificate')
  const connection = { ...connectionOf(), tls: { enabled: true, peerCertificate: { raw } } }
  const [told] = hear((watch) => tellAuthentication(connection, { user: 'anna', passed: false, fault: 'expired' }, watch))
  assert.ok(told?.kind === 'authentication')
  const fingerprint = createHash('sha256').update(raw).digest('hex')
  assert.deepEqual([told.certificate, told.fault], [`sha256:${fingerprint}`, 'expired'])
})

test('an attempt to relay has both paths', () => {
  const transaction = transactionOf('', 'x@altro.test')
  const [told] = untimed(hear((watch) => tellRelayAttempt(connectionOf({ transaction }), 'x@altro.test', watch)))
  const between = { client: CLIENT, session: transaction.uuid, sender: '', recipient: 'x@altro.test' }
  assert.deepEqual(told, { at: undefined, kind: 'relay-attempt', ...between })
})

describe('a refusal', () => {
  const refusal = (code: number, words: unknown, hook: string, transaction = transactionOf('a@b.test', 'c@d.test')) =>
    hear((watch) => tellRefusal(connectionOf({ transaction }), [code, words, '', '', undefined, hook], 'reception', watch))[0]

  test('has the command, the paths, and what the client was told', () => {
    const told = refusal(constants.deny, DSN.create(553, 'No', 1, 3), 'rcpt')
    assert.ok(told?.kind === 'refusal')
    assert.deepEqual([told.command, told.reply, told.temporary], ['RCPT', '5.1.3 No', false])
    assert.deepEqual([told.sender, told.recipients], ['a@b.test', ['c@d.test']])
  })

  for (const [code, temporary] of [
    [constants.denysoft, true],
    [constants.denysoftdisconnect, true],
    [constants.deny, false],
  ] as const) {
    test(`with code ${code} is ${temporary ? 'temporary' : 'for good'}`, () => {
      const told = refusal(code, 'No', 'queue')
      assert.ok(told?.kind === 'refusal')
      assert.deepEqual([told.temporary, told.command, told.reply], [temporary, 'DATA', 'No'])
    })
  }

  test('before MAIL has no sender', () => {
    const [told] = hear((watch) =>
      tellRefusal(connectionOf(), [constants.deny, undefined, '', '', undefined, 'connect'], 'access', watch),
    )
    assert.ok(told?.kind === 'refusal')
    assert.deepEqual([told.sender, told.recipients, told.reply], [undefined, [], ''])
  })
})

test('spam is told of where it is marked', async () => {
  const told: Occurrence[] = []
  const levels = ['high', undefined] as const
  const suspect = {
    ...{ message: fromBuffer(Buffer.alloc(0)), uuid: 'T', sender: 'a@b.test', recipients: ['c@d.test'] },
    client: { ip: '192.0.2.2', host: 'client.test', hello: 'x' },
  }
  for (const level of levels) {
    const filter = watchSpamFilter({ rate: () => Promise.resolve({ level }) }, listening(told))
    assert.equal((await filter.rate(suspect)).level, level)
  }
  const marked = {
    at: undefined,
    kind: 'spam',
    client: CLIENT,
    session: 'T',
    sender: 'a@b.test',
    recipients: ['c@d.test'],
    level: 'high',
  }
  assert.deepEqual(untimed(told), [marked])
})

test('a spam filter that cannot rate fails until it rates again', async () => {
  const told: Occurrence[] = []
  let failure: string | undefined = 'rspamd timeout'
  const filter = watchSpamFilter({ rate: () => Promise.resolve(failure === undefined ? {} : { failure }) }, listening(told))
  const client = { ip: '192.0.2.2', host: 'client.test', hello: 'x' }
  const suspect = { message: fromBuffer(Buffer.alloc(0)), uuid: 'T', sender: '', recipients: [], client }
  await filter.rate(suspect)
  failure = undefined
  await filter.rate(suspect)
  assert.deepEqual(
    told.map((occurrence) => [occurrence.kind, 'part' in occurrence ? occurrence.part : '']),
    [
      ['failure', 'spam-filter'],
      ['recovery', 'spam-filter'],
    ],
  )
})
