import constants from 'haraka-constants'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PecError } from '../../src/errors.js'
import { ACCEPT, hook, PASS, type Reply } from '../../src/haraka/hook.js'
import type { Next, Plugin } from '../../src/haraka/types.js'
import { mailOf } from './mail.js'

interface Answer {
  readonly code: number | undefined
  readonly text: unknown
  readonly log: readonly string[]
}

/** Runs a hook as Haraka does; fails if it answers more than once. */
async function run(decide: () => Promise<Reply>, otherwise?: (error: unknown) => Reply): Promise<Answer> {
  const { done, ...log } = mailOf()
  const answers: Answer[] = []
  const made = otherwise === undefined ? hook(decide) : hook(decide, otherwise)
  const next: Next = (code, text) => void answers.push({ code, text, log: done })
  made.call(log as unknown as Plugin, next, {}, undefined)
  await new Promise((resolve) => setTimeout(resolve, 5))
  const [answer, ...others] = answers
  assert.ok(answer !== undefined && others.length === 0, `${answers.length} answers`)
  return answer
}

const LATER = '4.3.0 The message cannot be handled now, please try again later'

describe('a hook', () => {
  for (const [what, reply, code, text] of [
    ['passes', PASS, constants.cont, undefined],
    ['accepts', ACCEPT, constants.ok, undefined],
    ['refuses', { code: 'refuse', text: 'no' }, constants.deny, 'no'],
    ['defers', { code: 'defer', text: 'not now' }, constants.denysoft, 'not now'],
    ['delays', { code: 'delay', text: 10 }, constants.delay, 10],
  ] as const) {
    test(`${what} as it decided`, async () => {
      const { log, ...answer } = await run(() => Promise.resolve(reply))
      assert.deepEqual([answer, log], [{ code, text }, []])
    })
  }

  test('gives the codes of a reply', async () => {
    const { text } = await run(() => Promise.resolve({ code: 'refuse', status: [530, 7, 0], text: 'Authentication required' }))
    const { code, reply } = text as { readonly code: number; readonly reply: string }
    assert.deepEqual([code, reply], [530, '5.7.0 Authentication required'])
  })

  const failures: readonly [string, () => Promise<Reply>, number, string][] = [
    ['that rejects', () => Promise.reject(new Error('bug')), constants.denysoft, LATER],
    [
      'that throws before its first wait',
      () => {
        throw new TypeError('bug')
      },
      constants.denysoft,
      LATER,
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever may be thrown
    ['that rejects with no error at all', () => Promise.reject(undefined), constants.denysoft, LATER],
    [
      'that fails for a time',
      () => Promise.reject(new PecError('ledger', 'bug', { temporary: true })),
      constants.denysoft,
      LATER,
    ],
    [
      'that fails for good',
      () => Promise.reject(new PecError('malformed', 'bug')),
      constants.deny,
      '5.6.0 The message cannot be handled',
    ],
  ]
  for (const [what, decide, code, text] of failures) {
    test(`${what} answers with a refusal that tells nothing, and a line in the log`, async () => {
      const { log, ...answer } = await run(decide)
      assert.deepEqual(answer, { code, text })
      assert.equal(log.length, 1)
      assert.match(log[0] ?? '', what.includes('no error') ? /^error: undefined$/ : /^error: bug/)
    })
  }

  test('answers with what it was given for its failures', async () => {
    const { code, text } = await run(
      () => Promise.reject(new Error('bug')),
      () => ({ code: 'delay', text: 10 }),
    )
    assert.deepEqual([code, text], [constants.delay, 10])
  })

  test('logs the cause of a failure of ours, and the stack of a bug', async () => {
    const cause = new Error('disk full')
    const ours = await run(() => Promise.reject(new PecError('queue', 'the queue is away', { temporary: true, cause })))
    assert.deepEqual(ours.log, ['error: the queue is away: disk full'])
    const bug = await run(() => Promise.reject(new Error('bug')))
    assert.match(bug.log[0] ?? '', /hook\.test/)
  })

  test('has its plugin for this, and what Haraka gives it', async () => {
    const plugin = { name: 'pec/x' } as Plugin
    const seen = await new Promise<unknown[]>((resolve) => {
      const made = hook<string, number>(function (object, params) {
        resolve([this, object, params])
        return Promise.resolve(PASS)
      })
      made.call(plugin, () => undefined, 'object', 7)
    })
    assert.deepEqual(seen, [plugin, 'object', 7])
  })
})
