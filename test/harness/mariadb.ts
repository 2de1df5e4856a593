/** Debian's mariadbd, started for a test on a folder of its own. Root has no password, on its socket and on loopback. */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection, type Connection } from 'mysql2/promise'
import { freePort } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'

/** For the option `skip` of a test. */
export const mariadbIsMissing =
  spawnSync('mariadbd', ['--version']).status === 0 ? false : 'mariadbd is not installed: apt-get install mariadb-server'

/** Small, and without waiting for the disk: a killed server loses nothing that it wrote, only a machine would. */
const SMALL = ['--innodb-log-file-size=8M', '--innodb-buffer-pool-size=32M', '--innodb-flush-method=nosync']

export class TestMariadb {
  readonly socket: string
  readonly port: number
  private readonly folder: string
  private readonly settings: readonly string[]
  private child: ChildProcess | undefined
  private readonly endWithUs = (): void => void this.child?.kill('SIGKILL')

  private constructor(folder: string, port: number, settings: readonly string[]) {
    this.folder = folder
    this.port = port
    this.settings = settings
    this.socket = join(folder, 'socket')
  }

  /** Until `close`. `settings` are options of mariadbd. */
  static async start(settings: readonly string[] = []): Promise<TestMariadb> {
    const folder = await mkdtemp(join(tmpdir(), 'pec-mariadb-'))
    const server = new TestMariadb(folder, await freePort(), settings)
    await promisify(execFile)('mariadb-install-db', [
      '--no-defaults',
      ...server.place,
      ...['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'],
    ])
    process.once('exit', server.endWithUs)
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const address = [`--socket=${this.socket}`, '--bind-address=127.0.0.1', `--port=${this.port}`, '--skip-name-resolve']
    const child = spawn('mariadbd', ['--no-defaults', ...this.place, ...address, ...this.settings], { stdio: 'ignore' })
    this.child = child
    await within(30_000, 'mariadbd is not ready', async () => {
      if (child.exitCode !== null) throw new Error(`mariadbd ended with status ${child.exitCode}`)
      return this.connect().then(
        (connection) => connection.end().then(() => true),
        () => false,
      )
    })
  }

  /** With SIGKILL, as a crash would. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    const child = this.child
    this.child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  /** Stops it where it is: it takes connections and says nothing. */
  freeze(): void {
    this.child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.child?.kill('SIGCONT')
  }

  async close(): Promise<void> {
    await this.stop()
    process.removeListener('exit', this.endWithUs)
    await rm(this.folder, { recursive: true, force: true })
  }

  /** As root, in a database or in none. */
  connect(database?: string): Promise<Connection> {
    return createConnection({ socketPath: this.socket, user: 'root', ...(database === undefined ? {} : { database }) })
  }

  /** One statement, as root. */
  async run(sql: string, database?: string): Promise<readonly Record<string, unknown>[]> {
    const connection = await this.connect(database)
    try {
      const [rows] = await connection.query(sql)
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
    } finally {
      await connection.end()
    }
  }

  private get place(): string[] {
    return [`--datadir=${join(this.folder, 'data')}`, `--user=${userInfo().username}`, ...SMALL]
  }
}
