// Messages in the queue whose mailbox could not be asked for its options (O8).
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CopyFolder } from '../../src/copies/copy-folder.js'
import { PecError } from '../../src/errors.js'
import { isKept, keepQueued } from '../../src/haraka/copying.js'
import { readAll } from '../../src/mail/source.js'
import type { OptionsErrand } from '../../src/points/options.js'
import { Laboratory } from '../harness/laboratory.js'
import { listening } from './listening.js'
import { mailOf } from './mail.js'

const MESSAGE = 'Subject: x\r\n\r\nx\r\n'

test('a message waits for the options of its mailbox in the queue, and leaves it once they are done', async (t) => {
  const directory = await new Laboratory(t).directory()
  const path = join(directory, 'queue-file')
  await writeFile(path, MESSAGE)
  const errand: OptionsErrand = { kind: 'options', identifier: 'id', at: '2026-03-02T12:00:00.000Z', as: 'envelope' }
  const parts = { path, data_start: 0, file_size: MESSAGE.length }
  const mail = Object.assign(mailOf({ to: ['ugo@pec-b.test'], note: { step: 'step', errand } }), parts)
  const told: string[] = []
  let isAway = true
  const { health } = listening()
  const house = {
    ...{ health, copies: new CopyFolder(join(directory, 'copies')) },
    delivery: () => ({
      passedOn: () => assert.fail(),
      async optionsOwed(owed: OptionsErrand, message: Parameters<typeof readAll>[0], recipient: string, sender: string) {
        if (isAway) throw new PecError('directory', 'no LDAP server answers', { temporary: true })
        told.push(`${owed.as} ${recipient} ${sender} ${(await readAll(message)).toString()}`)
      },
    }),
  }
  const look = () => keepQueued(mail, house, { directory, memory: 1000 }, mail)

  assert.deepEqual(await look(), { code: 'defer', text: 'no LDAP server answers' })
  assert.deepEqual([isKept(mail), health.down.get('copies')?.reason], [false, 'no LDAP server answers'])
  assert.equal(mail.todo.rcpt_to[0]?.dsn_smtp_response, 'no LDAP server answers')
  isAway = false
  assert.deepEqual(await look(), { code: 'refuse', text: 'kept' })
  assert.deepEqual([isKept(mail), health.down.size], [true, 0])
  assert.deepEqual(told, [`envelope ugo@pec-b.test anna@pec-a.test ${MESSAGE}`])
})
