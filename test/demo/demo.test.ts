import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'
import { assertNothingLeft, startDemo } from './running.js'

const ROOT = join(__dirname, '..', '..')
const CHECKER = join(ROOT, '..', 'shared', 'conformance', 'pec_check.py')

const KINDS = ['accettazione', 'avvenuta-consegna', 'avvenuta-consegna', 'posta-certificata', 'presa-in-carico']

const runs = (command: string, ...args: readonly string[]) => spawnSync(command, args, { encoding: 'utf8' })

test(
  'the demonstration ends well, keeps messages that outside judges find right, and leaves nothing else behind',
  { timeout: 240_000 },
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

test('an interrupted demonstration ends its providers and leaves nothing behind', { timeout: 240_000 }, async (t) => {
  const demo = await startDemo(t)
  const poll = setInterval(() => {
    if (demo.output().includes('providers are running')) demo.interrupt()
  }, 20)
  assert.equal(await demo.ended.finally(() => clearInterval(poll)), 130, demo.output())
  await assertNothingLeft(demo)
})
