/** Debian's mariadbd on a folder of its own, by its socket and on loopback. Root has no password. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection, type Connection } from 'mysql2/promise'
import { startInstance, type Instance } from './instance.js'
import { freePort } from './ports.js'
import { within } from './within.js'

/** Small, and without waiting for the disk: a killed server loses nothing that it wrote, only a machine would. */
const SMALL = ['--innodb-log-file-size=8M', '--innodb-buffer-pool-size=32M', '--innodb-flush-method=nosync']

export class Mariadb {
  readonly socket: string
  readonly port: number
  private readonly folder: string
  private readonly settings: readonly string[]
  private instance: Instance | undefined

  private constructor(folder: string, port: number, settings: readonly string[]) {
    this.folder = folder
    this.port = port
    this.settings = settings
    this.socket = join(folder, 'socket')
  }

  /** Until `close`. `settings` are options of mariadbd. */
  static async start(settings: readonly string[] = []): Promise<Mariadb> {
    const folder = await mkdtemp(join(tmpdir(), 'pec-mariadb-'))
    const server = new Mariadb(folder, await freePort(), settings)
    await promisify(execFile)('mariadb-install-db', [
      '--no-defaults',
      ...server.place,
      ...['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'],
    ])
    await server.start()
    return server
  }

  /** If it is not running. */
  async start(): Promise<void> {
    if (this.instance?.exited === false) return
    const address = [`--socket=${this.socket}`, '--bind-address=127.0.0.1', `--port=${this.port}`, '--skip-name-resolve']
    this.instance = await startInstance({
      ...{ directory: this.folder, ports: [this.port], startMs: 30_000 },
      command: ['mariadbd', '--no-defaults', ...this.place, ...address, ...this.settings],
    })
    // It listens on its port a moment before it does on its socket.
    await within(30_000, `${this.socket} takes no connections`, () =>
      this.connect().then(
        (connection) => connection.end().then(() => true),
        () => false,
      ),
    )
  }

  /** Milliseconds of CPU that it has used since its last start. */
  get cpuMs(): number {
    return this.instance?.consumption().cpuMs ?? 0
  }

  /** With SIGKILL, as a crash would. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    if (signal === 'SIGKILL') await this.instance?.kill()
    else await this.instance?.stop(30_000, signal)
  }

  /** Stops it where it is: it takes connections and says nothing. */
  freeze(): void {
    this.signal('SIGSTOP')
  }

  thaw(): void {
    this.signal('SIGCONT')
  }

  async close(): Promise<void> {
    await this.stop()
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

  private signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.instance?.exited === false) process.kill(this.instance.pid, name)
  }

  private get place(): string[] {
    // A server that starts removes all temporary tables where its own are: not those of another.
    return [`--datadir=${join(this.folder, 'data')}`, `--tmpdir=${this.folder}`, `--user=${userInfo().username}`, ...SMALL]
  }
}
