// `pec administrator`, and `pec mailbox ... --as` within the limits of one, on the compiled package and a directory in a file.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openLedger } from '../../src/ledger/sqlite.js'
import { Laboratory } from '../harness/laboratory.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const CAPO = 'capo@cliente.test'

test('the administrator of a domain does what one may on the command line, and the register tells by whom', async (t) => {
  const folder = await new Laboratory(t).directory()
  const [directory, file] = [join(folder, 'instance'), join(folder, 'password')]
  const pec = async (words: string, ...rest: readonly string[]): Promise<string> => {
    const [noun = '', verb = ''] = words.split(' ')
    const running = promisify(execFile)(process.execPath, [PROGRAM, noun, verb, directory, ...rest])
    running.child.stdin?.end('segretissima\n')
    return (await running).stdout
  }
  const as = ['--as', CAPO, '--password-file', file]
  await promisify(execFile)(process.execPath, [PROGRAM, 'init', directory, '--name', 'A', '--domain', 'pec-a.test'])
  await pec('domain add', 'cliente.test')
  await pec('mailbox add', 'ugo@pec-a.test', '--lasting')
  const added = await pec('administrator add', CAPO, '--generate')
  await writeFile(file, /^Password: (\S+)$/m.exec(added)?.[1] ?? '')
  await assert.rejects(pec('mailbox add', 'anna@cliente.test', ...as), /is temporary: they must choose another one first/)

  await pec('administrator password', CAPO, '--lasting')
  await assert.rejects(pec('mailbox add', 'anna@cliente.test', ...as), /the password is not theirs/)
  await writeFile(file, 'segretissima\n')
  await assert.rejects(pec('mailbox add', 'anna@cliente.test', '--as', CAPO), /--password-file must name a file/)
  await assert.rejects(pec('mailbox add', 'anna@cliente.test', ...as, '--by', 'paola'), /cannot be used with option/)
  await assert.rejects(pec('mailbox suspend', 'ugo@pec-a.test', '--by', CAPO), /without spaces or @/)
  assert.match(await pec('mailbox add', 'anna@cliente.test', ...as, '--renewal', '2027-12-31'), /It is temporary/)
  await pec('mailbox suspend', 'anna@cliente.test', ...as)
  await assert.rejects(pec('mailbox add', 'bea@cliente.test', ...as, '--lasting'), /no right to this: lasting passwords/)
  await assert.rejects(pec('mailbox close', 'ugo@pec-a.test', ...as), /"ugo@pec-a\.test" is not of cliente\.test/)
  await assert.rejects(pec('mailbox remove', 'anna@cliente.test', ...as), /it can be closed/)
  await assert.rejects(pec('domain add', 'terzo.test', ...as), /unknown option/)
  await pec('mailbox add', 'carlo@cliente.test', '--lasting')
  await pec('mailbox suspend', 'carlo@cliente.test')
  await assert.rejects(pec('mailbox resume', 'carlo@cliente.test', ...as), /that the provider has suspended/)

  await pec('administrator suspend', CAPO)
  assert.equal(await pec('administrator list'), `${CAPO}  suspended\n`)
  await assert.rejects(pec('mailbox resume', 'anna@cliente.test', ...as), /they are suspended/)
  await pec('administrator resume', CAPO)
  await pec('mailbox resume', 'anna@cliente.test', ...as)
  await pec('administrator remove', CAPO)
  await assert.rejects(pec('mailbox close', 'anna@cliente.test', ...as), /the password is not theirs/)
  assert.match(await pec('mailbox list'), /^anna@cliente\.test {2}active {2}renewal: 2027-12-31$/m)

  const ledger = await openLedger(join(directory, 'ledger', 'pec.sqlite'))
  t.after(() => ledger.close())
  const events = (await ledger.search({ sender: CAPO }, 50)).events
  assert.deepEqual(
    events
      .filter(({ outcome }) => outcome !== 'asked for')
      .map(({ recipients, subject, outcome }) =>
        [recipients.join(), subject?.replace(/until .*Z/, 'until T'), outcome].join('; '),
      ),
    [
      'anna@cliente.test; add individual mailbox, renewal 2027-12-31, temporary password until T; done',
      'anna@cliente.test; suspended; done',
      'bea@cliente.test; add individual mailbox, password; failed: an administrator of a domain has no right to this: lasting passwords',
      'ugo@pec-a.test; closed; failed: "ugo@pec-a.test" is not of cliente.test',
      'anna@cliente.test; remove mailbox; failed: an administrator of a domain has no right to this: to remove a mailbox: it can be closed',
      'carlo@cliente.test; active; failed: an administrator of a domain has no right to this: to change the state of a mailbox that the provider has suspended',
      'anna@cliente.test; active; done',
    ],
  )
  assert.ok(!JSON.stringify((await ledger.search({ type: 'provisioning' }, 500)).events).includes('segretissima'))
})
