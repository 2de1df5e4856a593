/** The short form of `npm run crash`. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Figures } from '../../src/crash/report.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'crash', 'main.js')
const KILLS = 40

test('whatever process dies and when, nothing is lost, and nothing certified twice or without reason', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pec-crash-test-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const json = join(directory, 'figures.json')
  const seed = String(randomInt(1e9))
  // Queues that are not empty soon are restarted with clocks ahead, rather than waited for.
  const options = ['--kills', String(KILLS), '--seed', seed, '--patience', '25', '--json', json]
  const run = promisify(execFile)(process.execPath, [PROGRAM, ...options], { timeout: 600_000 })
  await run.catch((error: unknown) => assert.fail(`seed ${seed}: ${String(error)}`))
  const figures = JSON.parse(await readFile(json, 'utf8')) as Figures
  assert.ok(figures.kills >= KILLS)
  assert.ok(figures.messages > 0)
  assert.deepEqual(
    [figures.lost, figures.duplicateReceipts, figures.uncertifiedSent, figures.leftover],
    [0, 0, 0, 0],
    `seed ${seed}`,
  )
})
