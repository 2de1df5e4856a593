// The fuzzer itself: a target with a planted fault must be found out.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PecError } from '../../src/errors.js'
import { editDer } from './der-edit.js'
import { cook } from './mutation.js'
import { fuzz } from './runner.js'
import { unlessRefused, type Target } from './target.js'

const BUDGET = { seed: 7, cases: 2000, time: 60_000 }
const LETTER = Buffer.from('Subject: prova\r\nTo: a@b.test\r\n\r\ntesto\r\n')
const target = (run: Target['run']): Target => ({ name: 'planted', corpus: [LETTER], run })

describe('the fuzzer finds', () => {
  test('an input that makes a parser throw, and tells how to have it again', async () => {
    const faulty = target((input) => {
      if (input.includes('\r\n\r\n\r\n')) throw new TypeError('planted')
    })
    const { failure } = await fuzz(faulty, BUDGET)
    assert.match(failure ?? '', /TypeError: planted/)
    assert.match(failure ?? '', /seed 7, path [\d:]+/)
  })

  test('a refusal that is not the one allowed', async () => {
    const faulty = target(async (input) => {
      await unlessRefused(() => {
        if (!input.equals(LETTER)) throw new PecError('ledger', 'planted', { temporary: true })
      })
    })
    assert.match((await fuzz(faulty, BUDGET)).failure ?? '', /ledger/)
  })

  test('a case that takes more than a second', async () => {
    const slow = target((input) => {
      const begun = process.cpuUsage()
      const spent = (): number => process.cpuUsage(begun).user + process.cpuUsage(begun).system
      while (input.includes('\0') && spent() < 1_200_000) for (let i = 0; i < 1_000_000; i++) Math.random()
    })
    assert.match((await fuzz(slow, { ...BUDGET, cases: 300, time: 60_000 })).failure ?? '', /ms for \d+ bytes/)
  })

  test('nothing wrong with a parser that refuses as it should', async () => {
    const strict = target(async (input) => {
      await unlessRefused(() => {
        if (!input.equals(LETTER)) throw new PecError('malformed', 'as it should')
      })
    })
    const { failure, cases } = await fuzz(strict, { ...BUDGET, cases: 500 })
    assert.equal(failure, undefined)
    assert.equal(cases, 500)
  })
})

test('a recipe without edits is the member of the corpus, and a copy of it', () => {
  const made = cook(
    { member: 0, edits: [] },
    target(() => undefined),
  )
  assert.deepEqual(made, LETTER)
  assert.notEqual(made.buffer, LETTER.buffer)
})

test('an element of a DER value is dropped with the lengths around it made right', () => {
  const value = Buffer.from('3006020101020102', 'hex')
  assert.equal(editDer(value, { element: 30_000, change: 'drop', value: 0 }).toString('hex'), '3003020102')
  assert.equal(editDer(value, { element: 0, change: 'empty', value: 0 }).toString('hex'), '3000')
})
