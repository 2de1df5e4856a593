// `pec restore` where the place of the ledger is taken already.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const pec = (...args: readonly string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...args])

test('a restore that fails half-way says what is left, and the ledger that was there stays', { timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pec-restore-'))
  t.after(() => rm(folder, { recursive: true }))
  const [instance, out, made] = ['instance', 'out', 'made'].map((name) => join(folder, name)) as [string, string, string]
  await pec('init', instance, '--name', 'Provider A', '--domain', 'pec-a.test', '--antivirus', 'none')
  await pec('set', instance, `ledger.file=${join(folder, 'elsewhere.sqlite')}`)
  await pec('domain', 'policy', instance, 'pec-a.test', 'accept')
  await pec('backup', instance, out)
  await assert.rejects(
    pec('restore', out, made),
    /cannot be restored to .*file already exists.*made has half of the backup: empty it/,
  )
  assert.ok((await readdir(made)).includes('config'))
  const { stdout } = await pec('log', 'search', instance, '--kind', 'provisioning')
  assert.match(stdout, /done/)
})
