// A backup of a gateway that is certifying mail; the instance that is made of it, and what that one goes on to do.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFile, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'

interface Answer {
  readonly code: number
  readonly text: string
}

async function pec(...parameters: readonly string[]): Promise<Answer> {
  return promisify(execFile)(process.execPath, [PROGRAM, ...parameters]).then(
    ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { readonly code: number; readonly stdout: string; readonly stderr: string }
      return { code, text: stdout + stderr }
    },
  )
}

function letter(subject: string): Buffer {
  return Buffer.from(`From: Mario <${MARIO}>\r\nTo: Lucia <${LUCIA}>\r\nSubject: ${subject}\r\n\r\nBuongiorno.\r\n`)
}

test('a backup of a gateway at work', { timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA] })
  const folder = await lab.directory()
  const out = join(folder, 'backup')
  const restored = join(folder, 'restored')

  await t.test('is made while it certifies, and is private', async () => {
    for (let n = 0; n < 5; n++) await gateway.submitted(MARIO, [LUCIA], letter(`Prima ${n}`))
    const load = { running: true }
    let sent = 0
    const exchange = (async () => {
      for (; load.running; sent++) await gateway.submitted(MARIO, [LUCIA], letter(`Durante ${sent}`))
    })()
    const { code, text } = await pec('backup', gateway.directory, out)
    load.running = false
    await exchange
    assert.equal(code, 0, text)
    assert.match(text, /is complete: \d+ files, keys included/)
    assert.ok(sent > 0)
    assert.equal((await stat(out)).mode & 0o777, 0o700)
    for (const file of ['ledger.sqlite', 'manifest.json', 'instance/config/pec_key.pem'])
      assert.equal((await stat(join(out, file))).mode & 0o777, 0o600)
    assert.equal((await pec('check', gateway.directory)).code, 0)
    assert.match((await pec('backup', gateway.directory, out)).text, /is not empty/)
    const inside = join(gateway.directory, 'backup')
    assert.match((await pec('backup', gateway.directory, inside)).text, /is in .*, which is copied: choose another folder/)
    await assert.rejects(stat(inside), { code: 'ENOENT' })
  })

  await t.test('has no keys if they are left out', async () => {
    const without = join(folder, 'without')
    assert.equal((await pec('backup', gateway.directory, without, '--no-keys', '--no-mail')).code, 0)
    const names = await readdir(join(without, 'instance'), { recursive: true })
    assert.deepEqual(
      names.filter((name) => /_key\.pem$/.test(name) || name.startsWith('mail')),
      [],
    )
    assert.ok(names.includes(join('config', 'pec_certificate.pem')))
  })

  await t.test('becomes an instance that passes the check, takes what was queued, and certifies mail', async () => {
    assert.equal(await gateway.instance.stop(), true)
    const { code, text } = await pec('restore', out, restored, '--queue', 'release')
    assert.equal(code, 0, text)
    assert.match(text, /messages checked: everything holds\./)
    const again = await gateway.takenOver(restored)
    const identifier = await again.submitted(MARIO, [LUCIA], letter('Dopo'))
    await again.waitForLetters(LUCIA, 1, isOf('transport', identifier))
    await again.waitForLetters(MARIO, 1, isOf('delivery', identifier))
    const checked = await pec('check', restored)
    assert.equal(checked.code, 0, checked.text)
  })

  await t.test('is refused when it is damaged, with every file named', async () => {
    await appendFile(join(out, 'ledger.sqlite'), 'x')
    await rm(join(out, 'instance', 'config', 'me'))
    const { code, text } = await pec('restore', out, join(folder, 'other'))
    assert.equal(code, 1)
    assert.match(text, /instance\/config\/me is missing; ledger\.sqlite is not what was written/)
  })
})
