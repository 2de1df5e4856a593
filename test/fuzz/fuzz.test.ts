// A short run of every fuzzing target, on the same cases each time; SEED=N tries others. A failure tells the seed, with which
// `npm run fuzz -- --target NAME --seed N` runs it again; that one also runs for hours.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seed } from '../seed.js'
import { fuzz } from './runner.js'
import { DEFAULT_CASES } from './target.js'
import { TARGETS } from './targets.js'

/** Milliseconds for one target, on whatever machine. */
const TIME = 5000

for (const open of TARGETS) {
  test(`no mutated input is too much: ${open.name.replace(/Target$/, '')}`, async (t) => {
    const target = await open()
    const { cases, seconds, slowest, failure } = await fuzz(target, { seed, cases: target.cases ?? DEFAULT_CASES, time: TIME })
    t.diagnostic(`${target.name}: seed ${seed}, ${cases} cases in ${seconds.toFixed(1)} s, slowest ${Math.round(slowest)} ms`)
    assert.equal(failure, undefined)
    assert.ok(cases >= target.corpus.length, 'not even the corpus was tried')
  })
}
