import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConfig } from '../../src/config/config.js'
import { PecError } from '../../src/errors.js'
import { mayAddRecipient, mayAuthenticate, mayBeginSubmission, mayReceive, roleOf, userOf } from '../../src/haraka/session.js'
import type { Directory, MailboxState } from '../../src/points/ports.js'
import { connectionOf, transactionOf, type ConnectionParts } from './connection.js'

const ANNA = 'anna@pec-a.test'
const ALIAS = 'alias@pec-a.test'
const STATES: Readonly<Record<string, MailboxState>> = {
  [ANNA]: 'active',
  'kate@pec-a.test': 'active',
  'sospesa@pec-a.test': 'suspended',
  'chiusa@pec-a.test': 'closed',
}

const directory: Directory = {
  managesDomain: (domain) => domain === 'pec-a.test',
  mailbox: (written) => {
    const address = written === ALIAS ? ANNA : written
    const state = STATES[address]
    return Promise.resolve(state === undefined ? undefined : { address, state })
  },
  authenticate: () => Promise.resolve(undefined),
  ordinaryMail: () => Promise.resolve(undefined),
}

const provider = { name: 'A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }

test('the port alone says which point a listener plays', () => {
  const listeners = { submission: '2465,2587', reception: '2525' }
  const config = parseConfig({ provider, listeners }, '/instance')
  for (const [port, role] of [
    [2465, 'submission'],
    [2587, 'submission'],
    [2525, 'reception'],
    [25, undefined],
    [465, undefined],
  ] as const)
    assert.equal(roleOf(connectionOf({ port, user: ANNA }), config), role, String(port))
})

test('a session has a user only once Haraka has authenticated one', () => {
  assert.equal(userOf(connectionOf({ user: 'Anna@PEC-a.test' })), ANNA)
  assert.equal(userOf(connectionOf()), undefined)
  assert.equal(userOf({ ...connectionOf(), notes: { auth_user: ANNA } }), undefined)
  assert.equal(userOf({ ...connectionOf(), relaying: true }), undefined)
  assert.equal(userOf({ ...connectionOf(), relaying: true, notes: { auth_user: { toLowerCase: 1 } } }), undefined)
})

test('a session authenticates once, and not within a message', () => {
  assert.equal(mayAuthenticate(connectionOf()), true)
  assert.equal(mayAuthenticate(connectionOf({ user: ANNA })), false)
  assert.equal(mayAuthenticate(connectionOf({ transaction: transactionOf() })), false)
})

describe('a submission begins', () => {
  const cases: readonly [string, ConnectionParts, string, readonly [number, number, number] | undefined][] = [
    ['for a user under TLS who writes in his own name', { user: ANNA }, ANNA, undefined],
    ['whatever the case of the sender', { user: ANNA }, 'ANNA@pec-A.test', undefined],
    ['from an alias of the own mailbox', { user: ANNA }, ALIAS, undefined],
    ['in the name of a mailbox whose operator one is', { user: `${ANNA}*rossi` }, ANNA, undefined],
    ['not without TLS', { user: ANNA, tls: false }, ANNA, [530, 7, 0]],
    ['not without authentication', {}, ANNA, [530, 7, 0]],
    ['not in the name of another', { user: ANNA }, 'bruno@pec-a.test', [553, 7, 1]],
    ['not in a name that lower case makes his', { user: 'kate@pec-a.test' }, '\u212aate@pec-a.test', [553, 7, 1]],
    ['not without a sender', { user: ANNA }, '', [553, 7, 1]],
    ['not in a name that only begins like his', { user: ANNA }, `${ANNA}.evil.test`, [553, 7, 1]],
    ['not for a suspended mailbox', { user: 'sospesa@pec-a.test' }, 'sospesa@pec-a.test', [550, 2, 1]],
    ['not for a closed mailbox', { user: 'chiusa@pec-a.test' }, 'chiusa@pec-a.test', [550, 2, 1]],
    ['not for a mailbox that has been removed', { user: 'via@pec-a.test' }, 'via@pec-a.test', [550, 2, 1]],
  ]
  for (const [what, parts, sender, status] of cases) {
    test(what, async () => {
      const reply = await mayBeginSubmission(connectionOf(parts), sender, directory)
      assert.deepEqual([reply.code, reply.status], [status === undefined ? 'pass' : 'refuse', status])
      assert.equal(typeof reply.text, status === undefined ? 'undefined' : 'string')
    })
  }

  test('not while the directory cannot tell', async () => {
    const away: Directory = {
      ...directory,
      mailbox: () => Promise.reject(new PecError('directory', 'away', { temporary: true })),
    }
    await assert.rejects(mayBeginSubmission(connectionOf({ user: ANNA }), ANNA, away), { code: 'directory', temporary: true })
  })
})

describe('a recipient', () => {
  for (const [what, address, count, code, status] of [
    ['of a submission is accepted', 'ugo@pec-b.test', 0, 'accept', undefined],
    ['of a submission is accepted as the last one', 'ugo@pec-b.test', 9, 'accept', undefined],
    ['beyond the ceiling is put off, so that the client may send another message', 'ugo@pec-b.test', 10, 'defer', [452, 5, 3]],
    ['that is no address is refused', 'ugo@', 0, 'refuse', [553, 1, 3]],
    ['with an IP address in the place of a domain is refused', 'ugo@[127.0.0.1]', 0, 'refuse', [553, 1, 2]],
    ['that is not ASCII is refused', 'ug\u00f2@pec-b.test', 0, 'refuse', [553, 1, 3]],
  ] as const) {
    test(what, () => {
      const reply = mayAddRecipient(address, count, 10)
      assert.deepEqual([reply.code, reply.status], [code, status])
    })
  }

  for (const [what, address, code, status] of [
    ['of our domains is accepted from anybody', ANNA, 'accept', undefined],
    ['of our domains is accepted whether it exists or not', 'nessuno@PEC-A.test', 'accept', undefined],
    ['of other domains is refused: we are no relay', 'ugo@pec-b.test', 'refuse', [550, 7, 1]],
    ['of a domain that only ends like ours is refused', 'a@xpec-a.test', 'refuse', [550, 7, 1]],
    ['with a route to elsewhere is refused', 'ugo%pec-b.test@pec-b.test', 'refuse', [550, 7, 1]],
    ['that is no address is refused', 'a b@pec-a.test', 'refuse', [553, 1, 3]],
  ] as const) {
    test(what, () => {
      const reply = mayReceive(address, directory)
      assert.deepEqual([reply.code, reply.status], [code, status])
    })
  }
})
