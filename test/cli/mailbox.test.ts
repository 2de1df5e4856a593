// `pec mailbox` and `pec domain`, on the compiled package and a directory in a file.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { FileDirectory } from '../../src/directory/file-directory.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import { Laboratory } from '../harness/laboratory.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const ANNA = 'anna@pec-a.test'
const SHARED = 'protocollo@pec-a.test'

test('mailboxes are provided for on the command line, and the register tells by whom', async (t) => {
  const directory = join(await new Laboratory(t).directory(), 'instance')
  const run = async (args: readonly string[], input = ''): Promise<string> => {
    const running = promisify(execFile)(process.execPath, [PROGRAM, ...args])
    running.child.stdin?.end(input)
    return (await running).stdout
  }
  const pec = (words: string, ...rest: readonly string[]) => run([...words.split(' '), directory, ...rest])
  await run(['init', directory, '--name', 'A', '--domain', 'pec-a.test'])
  const now = new Date()
  const opened = (login: string, password: string) =>
    FileDirectory.open({ path: join(directory, 'directory.json'), clock: () => now, onEvent: () => undefined }).authenticate(
      login,
      password,
    )

  const added = await pec('mailbox add', ANNA, '--generate', '--quota', '5000', '--renewal', '2026-12-31', '--by', 'paola')
  const [, password = ''] = /^Password: (\S+)$/m.exec(added) ?? []
  assert.match(added, /It is temporary: until 20/)
  assert.equal((await opened(ANNA, password))?.temporary, true)
  await assert.rejects(run(['mailbox', 'password', directory, ANNA], 'corta\n'), /too short/)
  await run(['mailbox', 'password', directory, ANNA, '--by', 'paola'], 'lunga abbastanza\n')
  assert.equal((await opened(ANNA, 'lunga abbastanza'))?.temporary, false)

  await pec('mailbox add', SHARED, '--kind', 'shared')
  assert.match(await pec('mailbox operator add', SHARED, 'rossi', '--generate'), /as protocollo@pec-a\.test\*rossi/)
  await assert.rejects(run(['mailbox', 'password', directory, `${SHARED}*verdi`], 'lunga abbastanza\n'), /no operator "verdi"/)
  await pec('mailbox alias add', SHARED, 'info@pec-a.test')
  const shown = await pec('mailbox show', SHARED)
  assert.match(shown, /^kind: shared\naliases: info@pec-a\.test\noperators: rossi\nquota: none\nrenewal: none$/m)

  await assert.rejects(pec('mailbox renewal', SHARED, '2027-02-29'), /A day is YYYY-MM-DD/)
  await pec('mailbox renewal', SHARED, '9999-12-31')
  assert.equal(await pec('mailbox list', '--due', '3650'), `${ANNA}  active  quota: 5000  renewal: 2026-12-31\n`)
  await pec('mailbox close', ANNA)
  assert.equal(await pec('mailbox list', '--due', '3650'), '')
  await assert.rejects(pec('mailbox resume', ANNA), /closed for good/)

  const ledger = await openLedger(join(directory, 'ledger', 'pec.sqlite'))
  t.after(() => ledger.close())
  const events = await ledger.eventsOf('')
  const done = events.filter(({ recipients, outcome }) => recipients.join() === ANNA && outcome === 'done')
  assert.deepEqual(
    done.map(({ type, sender, subject }) => [type, sender === 'paola', subject?.replace(/until .*Z/, 'until T')]),
    [
      ['provisioning', true, 'add individual mailbox, quota 5000, renewal 2026-12-31, temporary password until T'],
      ['provisioning', true, 'password'],
      ['provisioning', false, 'closed'],
    ],
  )
  assert.ok(!JSON.stringify(events).includes(password))

  await rename(join(directory, 'ledger'), join(directory, 'away'))
  await assert.rejects(pec('mailbox remove', ANNA))
  await rename(join(directory, 'away'), join(directory, 'ledger'))
  assert.match(await pec('mailbox list'), new RegExp(`^${ANNA}`))
})
