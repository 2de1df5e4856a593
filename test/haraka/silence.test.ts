import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hasSpoken, listenTo } from '../../src/haraka/silence.js'
import { mailOf } from './mail.js'

const KEPT = ['kept: no recipient was answered with 250']

describe('a queued message that Haraka discards', () => {
  test('without a word to any hook is kept for another attempt', () => {
    const mail = mailOf()
    listenTo(mail)
    mail.discard()
    assert.deepEqual(mail.done, KEPT)
    assert.equal(mail.refcount, 1)
  })

  test('after a hook was told how it ended is removed', () => {
    const mail = mailOf()
    listenTo(mail)
    hasSpoken(mail)
    mail.discard()
    assert.deepEqual(mail.done, ['removed'])
  })

  test('silently in a later attempt is kept again', () => {
    const mail = mailOf()
    listenTo(mail)
    hasSpoken(mail)
    listenTo(mail)
    mail.discard()
    listenTo(mail)
    mail.discard()
    assert.deepEqual(mail.done, [...KEPT, ...KEPT])
  })

  test('because its recipients go on in other files is removed, and not tried again for them all', () => {
    const mail = mailOf({ to: ['a@pec-b.test', 'b@pec-b.test'] })
    listenTo(mail)
    // One recipient deferred, one refused, none accepted: finish_processing_mail and two split_to_new_recipients of hmail.js.
    mail.refcount += 2
    mail.discard()
    mail.discard()
    mail.discard()
    assert.deepEqual(mail.done, ['removed'])
  })
})
