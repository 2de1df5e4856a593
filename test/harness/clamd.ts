/**
 * Debian's clamd, started for a test on a database of its own: it knows one signature, that of the EICAR test string. The string is
 * put together here so that no file of ours holds it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Endpoint } from '../../src/config/endpoint.js'
import { within } from '../../src/lab/within.js'

export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE', '!$H+H*'].join('')
/** What clamd calls it. */
export const EICAR_NAME = 'Test.Eicar.UNOFFICIAL'

/** For the option `skip` of a test. */
export const clamdIsMissing =
  spawnSync('clamd', ['--version']).status === 0 ? false : 'clamd is not installed: apt-get install clamav-daemon'

export interface TestClamd {
  readonly endpoint: Endpoint
  /** Ends it; `start` brings it back on the same address. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops it where it is, as a machine without time for it would: it takes connections and says nothing. */
  freeze(): void
  thaw(): void
}

/** Runs until the test ends. `settings` are lines of clamd.conf, after those that a gateway needs. */
export async function startClamd(
  test: TestContext,
  at: { readonly port: number } | 'unix',
  settings: readonly string[] = [],
): Promise<TestClamd> {
  const folder = await mkdtemp(join(tmpdir(), 'pec-clamd-'))
  const database = join(folder, 'db')
  await mkdir(database)
  await writeFile(join(database, 'test.ndb'), `Test.Eicar:0:*:${Buffer.from(EICAR).toString('hex')}\n`)
  const endpoint = at === 'unix' ? { path: join(folder, 'clamd.ctl') } : { host: '127.0.0.1', port: at.port }
  const address = 'path' in endpoint ? [`LocalSocket ${endpoint.path}`] : [`TCPSocket ${endpoint.port}`, 'TCPAddr 127.0.0.1']
  const lines = ['Foreground yes', `DatabaseDirectory ${database}`, `TemporaryDirectory ${folder}`, 'AlertExceedsMax yes']
  const given = new Set(settings.map((line) => line.split(' ')[0]))
  const kept = lines.filter((line) => !given.has(line.split(' ')[0]))
  await writeFile(join(folder, 'clamd.conf'), [...kept, ...address, ...settings, ''].join('\n'))

  let child: ChildProcess | undefined
  const stop = async (): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const gone = once(running, 'exit')
    running.kill('SIGKILL')
    await gone
  }
  const start = async (): Promise<void> => {
    child = spawn('clamd', ['--config-file', join(folder, 'clamd.conf')], { stdio: 'ignore' })
    const started = child
    await within(30_000, 'clamd is not ready', async () => {
      if (started.exitCode !== null) throw new Error(`clamd ended with status ${started.exitCode}`)
      return answersPing(endpoint)
    })
  }
  process.once('exit', () => child?.kill('SIGKILL'))
  test.after(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })
  await start()
  return { endpoint, stop, start, freeze: () => child?.kill('SIGSTOP'), thaw: () => child?.kill('SIGCONT') }
}

function answersPing(endpoint: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = 'path' in endpoint ? connect(endpoint.path) : connect(endpoint.port, endpoint.host)
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('connect', () => socket.write('zPING\0'))
    socket.once('data', (data) => {
      resolve(data.toString() === 'PONG\0')
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
