/** The short form of `npm run load`. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'load', 'main.js')

// A busy machine makes all times longer: these bounds are for what would be wrong on any.
test('under load every message gets its receipts, and a message of 100 MB is not in memory', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pec-load-test-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const json = join(directory, 'figures.json')
  await promisify(execFile)(process.execPath, [PROGRAM, '--quick', '--json', json], { timeout: 600_000 })
  const figures = JSON.parse(await readFile(json, 'utf8')) as Record<string, number>
  const { p99AcceptanceMs = NaN, eventLoopP99Ms = NaN, memory100mOverPlainMb = NaN, workersScaling = NaN } = figures
  assert.ok(p99AcceptanceMs < 10_000, `to the acceptance receipt: ${p99AcceptanceMs} ms`)
  assert.ok(eventLoopP99Ms < 2000, `event loop: ${eventLoopP99Ms} ms`)
  assert.ok(memory100mOverPlainMb < 64, `memory: ${memory100mOverPlainMb} MB`)
  assert.ok(workersScaling > 0.5, `two workers: ${workersScaling} times one`)
})
