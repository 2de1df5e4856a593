/** The demonstration as a user runs it, on the compiled package: `npm test` builds it before. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'demo', 'main.js')

export interface Demo {
  /** Where it may put what it needs while it runs. */
  readonly temporary: string
  readonly output: () => string
  readonly ended: Promise<number | null>
  interrupt(): void
}

export async function startDemo(t: TestContext, ...args: readonly string[]): Promise<Demo> {
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

/** Neither files nor processes. */
export async function assertNothingLeft({ temporary }: Demo): Promise<void> {
  assert.deepEqual(await readdir(temporary), [])
  assert.deepEqual(await processesIn(temporary), [])
}

/** The command lines of processes that work in a directory. */
async function processesIn(directory: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')))
  return lines.filter((line) => line.includes(directory))
}
