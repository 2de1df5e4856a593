import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'

const PROGRAM = join(__dirname, '..', '..', 'src', 'cli', 'pec.ts')
let directory: string
const file = (): string => join(directory, 'config', 'pec.ini')

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pec-set-'))
  await mkdir(join(directory, 'config'))
  const own = '[provider]\nname = A\ndomain = pec-a.test\nreceipts = ricevute@pec-a.test\n'
  await writeFile(file(), `${own}\n[limits]\n; How many.\nrecipients = 1000\n\n[routes]\n`)
})
after(() => rm(directory, { recursive: true }))

const set = (...settings: readonly string[]) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', PROGRAM, 'set', directory, ...settings])

test('settings are changed in their places, keys that are domains too', async () => {
  const { stdout } = await set('limits.recipients=500', 'routes.pec-b.test=10.0.0.2:25')
  assert.match(stdout, /^\[limits\] recipients = 500\n\[routes\] pec-b\.test = 10\.0\.0\.2:25\n.*pec reload .*\n$/)
  assert.match(await readFile(file(), 'utf8'), /; How many\.\nrecipients = 500\n\n\[routes\]\npec-b\.test = 10\.0\.0\.2:25\n/)
})

for (const [setting, why] of [
  ['limits.recipients=none', /recipients is none, not a whole number/],
  ['limits.colour=red', /\[limits\] colour is not a setting/],
  ['recipients=1', /A setting is SECTION\.KEY=VALUE/],
] as const)
  test(`${setting} changes nothing, with the settings beside it`, async () => {
    const before = await readFile(file(), 'utf8')
    await assert.rejects(set('limits.bytes=5000', setting), ({ stderr }: { readonly stderr: string }) => why.test(stderr))
    assert.equal(await readFile(file(), 'utf8'), before)
  })
