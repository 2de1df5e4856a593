/**
 * Debian's rspamd, started for a test: with rules of its own and nothing else, no network, and a list of top-level domains that it
 * can compile in no time. Mail with `points N` in its Subject gets N points.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'

/** What every spam filter knows, put together here so that no file of ours holds it. It gets the score of a rejection. */
export const GTUBE = ['XJS*C4JDBQADN1.NSBN3*2IDNEN', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL', 'C.34X'].join('*')
export const REJECTION = 15

/** For the option `skip` of a test. */
export const rspamdIsMissing =
  spawnSync('rspamd', ['--version']).status === 0 ? false : 'rspamd is not installed: apt-get install rspamd'

export interface TestRspamd {
  readonly port: number
  /** Ends it; `start` brings it back on the same port. */
  stop(): Promise<void>
  start(): Promise<void>
  /** The sizes of the messages that it was asked about, as it logged them. */
  asked(): Promise<readonly number[]>
}

/** Runs until the test ends. */
export async function startRspamd(test: TestContext): Promise<TestRspamd> {
  const folder = await mkdtemp(join(tmpdir(), 'pec-rspamd-'))
  const port = await freePort()
  await writeFile(join(folder, 'tld.dat'), 'test\n')
  await writeFile(join(folder, 'rules.lua'), RULES)
  await writeFile(join(folder, 'rspamd.conf'), settings(folder, port))
  const log = join(folder, 'rspamd.log')
  let child: ChildProcess | undefined
  // It forks workers: all are in a process group of their own.
  const kill = (): void => {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    process.kill(-child.pid, 'SIGKILL')
  }
  const stop = async (): Promise<void> => {
    const gone = child === undefined || child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit')
    kill()
    await gone
    child = undefined
  }
  const start = async (): Promise<void> => {
    const started = spawn('rspamd', ['-f', '-i', '-c', join(folder, 'rspamd.conf')], { stdio: 'ignore', detached: true })
    child = started
    await within(60_000, 'rspamd is not ready', async () => {
      if (started.exitCode !== null)
        throw new Error(`rspamd ended with status ${started.exitCode}:\n${await readFile(log, 'utf8')}`)
      return answersPing(port)
    })
  }
  process.once('exit', kill)
  test.after(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  await start()
  return {
    ...{ port, stop, start },
    asked: async () =>
      [...(await readFile(log, 'utf8')).matchAll(/loaded message; .* size: (\d+);/g)].map(([, size]) => Number(size)),
  }
}

const RULES = `
rspamd_config:register_symbol{
  name = 'POINTS',
  score = 1.0,
  callback = function(task)
    local points = string.match(task:get_subject() or '', 'points (%d+)')
    if points then return true, tonumber(points) end
  end,
}
`

function settings(folder: string, port: number): string {
  return `
options {
  filters = "regexp";
  tempdir = "${folder}";
  url_tld = "${folder}/tld.dat";
  cache_file = "${folder}/symbols.cache";
  hs_cache_dir = "${folder}/";
  control_socket = "${folder}/control.sock mode=0600";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 0s; retransmits = 1; }
}
logging { type = "file"; filename = "${folder}/rspamd.log"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
actions { reject = ${REJECTION}; }
lua = "${folder}/rules.lua";
`
}

async function answersPing(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/ping`).catch(() => undefined)
  return response?.ok === true
}
