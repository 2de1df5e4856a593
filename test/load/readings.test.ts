import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { METER_VARIABLE, NAME_VARIABLE, processesDuring, type Reading } from '../../src/load/readings.js'

const METER = join(__dirname, '..', '..', 'dist', 'src', 'load', 'meter.js')

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pec-load-test-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test('a process that keeps its event loop busy is told by its delays', async (t) => {
  const directory = await directoryFor(t)
  const busy = 'setTimeout(() => { const end = Date.now() + 300; while (Date.now() < end); }, 100); setTimeout(() => {}, 1200)'
  const env = { ...process.env, [METER_VARIABLE]: directory, [NAME_VARIABLE]: 'A' }
  await promisify(execFile)(process.execPath, ['--require', METER, '-e', busy], { env })
  const [figures, ...others] = await processesDuring(directory, 0, Date.now())
  assert.equal(others.length, 0)
  assert.equal(figures?.name, 'A master')
  assert.ok(figures.loopMaxMs >= 280 && figures.loopMaxMs < 3000, String(figures.loopMaxMs))
  assert.ok(figures.loopP99Ms > 200, 'a third of a second in one counts for all that would have been due in it')
  assert.ok(figures.residentMb.every((size) => size > 10))
})

test('only what was read in the given time counts, process by process', async (t) => {
  const directory = await directoryFor(t)
  const reading = (at: number, name: string, delays: number[]): Reading => ({
    ...{ at, name, delays, own: [at] },
    ...{ residentMb: at, heapMb: 1, cpuMs: at * 10 },
  })
  const written = [reading(1, 'B', [900]), reading(2, 'B', [1, 2]), reading(3, 'B', [3]), reading(4, 'B', [900])]
  await writeFile(join(directory, '7.jsonl'), written.map((each) => `${JSON.stringify(each)}\n`).join(''))
  await writeFile(join(directory, '8.jsonl'), `${JSON.stringify(reading(2, 'A', [5]))}\n{"at": 3, "na`)
  await writeFile(join(directory, '9.jsonl'), '')
  const figures = await processesDuring(directory, 2, 3)
  assert.deepEqual(
    figures.map(({ name, cpuMs, loopMaxMs, ownLoopP99Ms, residentMb }) => [name, cpuMs, loopMaxMs, ownLoopP99Ms, residentMb]),
    [
      ['A', 0, 5, 2, [2]],
      ['B', 10, 3, 3, [2, 3]],
    ],
  )
})
