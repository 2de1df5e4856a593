// The demonstration as a user runs it, on the compiled package: `npm test` builds it before.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'

const ROOT = join(__dirname, '..', '..')
const PROGRAM = join(ROOT, 'dist', 'src', 'demo', 'main.js')
const CHECKER = join(ROOT, '..', 'shared', 'conformance', 'pec_check.py')

const KINDS = ['accettazione', 'avvenuta-consegna', 'avvenuta-consegna', 'posta-certificata', 'presa-in-carico']

interface Demo {
  /** Where it may put what it needs while it runs. */
  readonly temporary: string
  readonly output: () => string
  readonly ended: Promise<number | null>
  interrupt(): void
}

async function startDemo(t: TestContext, ...args: readonly string[]): Promise<Demo> {
  assert.ok(existsSync(PROGRAM), 'the package is not built: npm run build')
  const temporary = await new Laboratory(t).directory()
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...process.env, TMPDIR: temporary } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  t.after(() => child.kill('SIGTERM'))
  return {
    temporary,
    output: () => output,
    ended: once(child, 'close').then(([code]) => code as number | null),
    interrupt: () => void child.kill('SIGINT'),
  }
}

/** The command lines of processes that work in a directory. */
async function processesIn(directory: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')))
  return lines.filter((line) => line.includes(directory))
}

async function assertNothingLeft(demo: Demo): Promise<void> {
  assert.deepEqual(await readdir(demo.temporary), [])
  assert.deepEqual(await processesIn(demo.temporary), [])
}

const runs = (command: string, ...args: readonly string[]) => spawnSync(command, args, { encoding: 'utf8' })

test(
  'the demonstration ends well, keeps messages that outside judges find right, and leaves nothing else behind',
  { timeout: 90_000 },
  async (t) => {
    const out = join(await new Laboratory(t).directory(), 'kept')
    const demo = await startDemo(t, '--out', out)
    assert.equal(await demo.ended, 0, demo.output())
    await assertNothingLeft(demo)

    const names = (await readdir(out)).sort()
    const messages = names.filter((name) => name.endsWith('.eml'))
    assert.deepEqual(messages.map((name) => name.slice(3, -'.eml'.length)).sort(), KINDS)
    assert.deepEqual(names.slice(messages.length), ['ca.pem', 'crl.pem', 'index.ldif'])
    const paths = messages.map((name) => join(out, name))
    const [ca, crl, index] = ['ca.pem', 'crl.pem', 'index.ldif'].map((name) => join(out, name)) as [string, string, string]

    await t.test('openssl verifies each message', { skip: runs('openssl', 'version').status !== 0 && 'no openssl' }, () => {
      for (const path of paths) {
        const { status, stderr } = runs(
          'openssl',
          'cms',
          '-verify',
          '-in',
          path,
          '-CAfile',
          ca,
          '-purpose',
          'smimesign',
          '-out',
          '/dev/null',
        )
        assert.equal(status, 0, `${path}: ${stderr}`)
      }
    })

    await t.test(
      'the conformance checker finds nothing',
      { skip: !existsSync(CHECKER) && 'the tools are not beside the repository' },
      () => {
        const { status, stdout, stderr } = runs(
          'python3',
          CHECKER,
          '--ca',
          ca,
          '--crl',
          crl,
          '--index',
          index,
          '--exchange',
          ...paths,
        )
        assert.equal(status, 0, stdout + stderr)
        assert.match(stdout, /^5 messages, 0 findings$/m)
      },
    )
  },
)

test('an interrupted demonstration ends its providers and leaves nothing behind', { timeout: 90_000 }, async (t) => {
  const demo = await startDemo(t)
  const poll = setInterval(() => {
    if (demo.output().includes('providers are running')) demo.interrupt()
  }, 20)
  assert.equal(await demo.ended.finally(() => clearInterval(poll)), 130, demo.output())
  await assertNothingLeft(demo)
})
