// What `pec` does about the antivirus, on the compiled package.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readInstance } from '../../src/cli/instance.js'
import { freePort, freePorts } from '../../src/lab/ports.js'
import { clamdIsMissing, startClamd } from '../harness/clamd.js'
import { Laboratory } from '../harness/laboratory.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')

function pec(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  assert.ok(existsSync(PROGRAM), 'the package is not built: npm run build')
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', timeout: 30_000 })
  return { status, output: stdout + stderr }
}

const init = (directory: string, ...options: readonly string[]) =>
  pec('init', directory, '--name', 'Gestore di prova', '--domain', 'pec-a.test', ...options)

test('pec init makes a trial instance without antivirus, and says so plainly', async (t) => {
  const directory = join(await new Laboratory(t).directory(), 'trial')
  const { status, output } = init(directory)
  assert.equal(status, 0, output)
  assert.match(output, /NO ANTIVIRUS/)
  assert.deepEqual(readInstance(directory).antivirus, { engine: 'none' })
  assert.equal((await stat(join(directory, 'quarantine'))).mode & 0o777, 0o700)
  assert.equal((await stat(join(directory, 'config', 'pec.ini'))).mode & 0o777, 0o600)
  const check = pec('check-config', directory)
  assert.equal(check.status, 0, check.output)
  assert.match(check.output, /^WARNING: .*NOT scanned/m)
})

test('pec init takes clamd where it is told to, and by itself with a key of the operator', async (t) => {
  const lab = new Laboratory(t)
  const folder = await lab.directory()
  const clamdAt = (socket: object) => ({ engine: 'clamd', socket, timeout: 120 })
  const chosen = new Map<string, object>([
    ['clamd', clamdAt({ path: '/run/clamav/clamd.ctl' })],
    ['127.0.0.1:3310', clamdAt({ host: '127.0.0.1', port: 3310 })],
    ['/tmp/clamd.sock', clamdAt({ path: '/tmp/clamd.sock' })],
    ['none', { engine: 'none' }],
  ])
  for (const [choice, antivirus] of chosen) {
    const directory = join(folder, encodeURIComponent(choice))
    const { status, output } = init(directory, '--antivirus', choice)
    assert.equal(status, 0, output)
    assert.deepEqual(readInstance(directory).antivirus, antivirus)
    assert.equal(/NO ANTIVIRUS/.test(output), choice === 'none')
  }
  const config = join(folder, 'none', 'config')
  const own = [
    ...['--key', join(config, 'pec_key.pem'), '--cert', join(config, 'pec_certificate.pem')],
    ...['--trust', join(config, 'test_authority.pem'), '--crl', join(config, 'test_authority_crl.pem')],
  ]
  const directory = join(folder, 'own')
  const { status, output } = init(directory, ...own)
  assert.equal(status, 0, output)
  assert.deepEqual(readInstance(directory).antivirus, clamdAt({ path: '/run/clamav/clamd.ctl' }))
  assert.doesNotMatch(output, /NO ANTIVIRUS/)
})

test('pec init refuses an antivirus that is none', async (t) => {
  const directory = join(await new Laboratory(t).directory(), 'x')
  for (const choice of ['', 'clamav', '127.0.0.1', ':3310', '127.0.0.1:99999999']) {
    const { status, output } = init(directory, '--antivirus', choice)
    assert.equal(status, 1, choice)
    assert.match(output, /--antivirus .* is neither/)
  }
  assert.equal(existsSync(directory), false)
})

test('pec check-config names a clamd that is away, and one that would keep its limits to itself', async (t) => {
  const directory = join(await new Laboratory(t).directory(), 'x')
  const port = await freePort()
  init(directory, '--antivirus', `127.0.0.1:${port}`)
  const away = pec('check-config', directory)
  assert.equal(away.status, 1)
  assert.match(away.output, /no verdict from clamd at 127\.0\.0\.1:\d+.*ECONNREFUSED/)
  if (clamdIsMissing !== false) return
  const silent = await startClamd(t, { port }, ['AlertExceedsMax no'])
  const check = pec('check-config', directory)
  assert.equal(check.status, 1)
  assert.match(check.output, /set AlertExceedsMax/)
  await silent.stop()
  await startClamd(t, { port })
  assert.deepEqual(pec('check-config', directory), { status: 0, output: 'The configuration is in order.\n' })
})

test('a start names each port that somebody has already', async (t) => {
  const lab = new Laboratory(t)
  const directory = join(await lab.directory(), 'x')
  const [submission = 0, starttls = 0] = await freePorts(2)
  const { port } = await lab.sink({ protocol: 'smtp' })
  const listeners = ['--submission-port', `${submission}`, '--starttls-port', `${starttls}`, '--mx-port', `${port}`]
  init(directory, '--listen', '127.0.0.1', '--antivirus', 'none', ...listeners)
  const { status, output } = pec('start', directory)
  assert.deepEqual([status, new RegExp(`127.0.0.1:${port} cannot be listened on`).test(output)], [1, true], output)
})

test('every start without antivirus is warned of, on the terminal and in the log; one without clamd says so and starts', async (t) => {
  const lab = new Laboratory(t)
  for (const choice of ['none', `127.0.0.1:${await freePort()}`]) {
    const directory = join(await lab.directory(), 'x')
    const [submission = 0, starttls = 0, mx = 0] = await freePorts(3)
    const listeners = ['--submission-port', `${submission}`, '--starttls-port', `${starttls}`, '--mx-port', `${mx}`]
    init(directory, '--listen', '127.0.0.1', '--antivirus', choice, ...listeners)
    const command = [process.execPath, PROGRAM, 'start', directory]
    const instance = await lab.instance({
      directory,
      ports: [submission, mx],
      command,
      readyLines: [/ready for mail/],
      startMs: 60_000,
    })
    if (choice === 'none') {
      assert.match(instance.log, /^WARNING: .*NOT scanned/m)
      await instance.waitForLog(/\[WARN\].*NOT scanned/)
    } else {
      assert.match(instance.log, /^ALARM: no verdict from clamd/m)
      assert.doesNotMatch(instance.log, /NOT scanned/)
    }
    await instance.kill()
  }
})
