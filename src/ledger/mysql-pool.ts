/**
 * Connections to a MariaDB or MySQL server: mysql2's pool, every session set up alike, every wait bounded, and no connection used
 * again once it has failed.
 */
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { MysqlPool, MysqlPoolConnection, MysqlQueryResult } from 'kysely'
import { createPool, type Pool, type PoolConnection, type PoolOptions, type QueryError } from 'mysql2'

export interface PoolSettings {
  /** Where the server is, who we are, and TLS. */
  readonly server: Pick<PoolOptions, 'host' | 'port' | 'socketPath' | 'database' | 'user' | 'password' | 'ssl'>
  readonly size: number
  /** The longest that one statement may take, in milliseconds; the connection is given up then. */
  readonly statementMs: number
}

// The longest waits for a connection: to make one, and to get one of a pool in which all are in use.
const CONNECT_MS = 5000
const ACQUIRE_MS = 5000
const CLOSE_MS = 2000
const IDLE_MS = 60_000
const KEEP_ALIVE_MS = 10_000

// What does not fit is refused and never cut; a backslash escapes, as mysql2 takes for granted where it quotes values. A connection
// that we lost holds its locks until the server sees that: an idle one is ours for IDLE_MS at most, so the server need not wait long.
const SET_UP = [
  `set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, foreign_key_checks = 1, unique_checks = 1,
    innodb_lock_wait_timeout = 5, wait_timeout = 120`,
  'set session transaction isolation level read committed',
]

/** What the server itself answered, as against a connection that failed. */
export function isAnswer(error: unknown): error is QueryError & { readonly errno: number } {
  return error instanceof Error && 'sqlState' in error && 'errno' in error && !('fatal' in error && error.fatal === true)
}

// The server is ending, has ended this session, or is not the one that may be written to (any more): another connection may do better.
const GIVE_UP: ReadonlySet<number> = new Set([1053, 1290, 1792, 1836, 1927])

export class SessionPool implements MysqlPool {
  private readonly pool: Pool
  private readonly statementMs: number
  private readonly sessions = new WeakMap<PoolConnection, Session>()
  private readonly open = new Set<PoolConnection>()

  constructor({ server, size, statementMs }: PoolSettings) {
    this.statementMs = statementMs
    this.pool = createPool({
      ...server,
      charset: 'UTF8MB4_BIN',
      // An update counts the rows that it found, changed or not: a lease that is renewed to the same time is still held.
      flags: ['FOUND_ROWS'],
      trace: false,
      connectTimeout: CONNECT_MS,
      enableKeepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      connectionLimit: size,
      // One less is what makes mysql2 look after idle connections at all.
      maxIdle: Math.max(1, size - 1),
      idleTimeout: IDLE_MS,
      gracefulEnd: true,
    })
    this.pool.on('connection', (connection) => {
      this.open.add(connection)
      connection.once('end', () => this.open.delete(connection))
      // Whoever uses it is told by its callbacks; without a listener, an error while it is idle would end the process.
      connection.on('error', () => this.open.delete(connection))
    })
  }

  getConnection(callback: (error: unknown, connection: Session) => void): void {
    this.acquire().then(
      (session) => callback(undefined, session),
      (error: unknown) => (callback as (error: unknown) => void)(error),
    )
  }

  end(callback: (error: unknown) => void): void {
    const ended = new Promise((resolve) => this.pool.end(resolve))
    // A server that hangs says no goodbye.
    void Promise.race([ended, pause(CLOSE_MS, undefined, { ref: false })]).then(() => {
      for (const connection of this.open) destroy(connection)
      callback(undefined)
    })
  }

  private async acquire(): Promise<Session> {
    const connection = await this.connection()
    let session = this.sessions.get(connection)
    if (session !== undefined) return session
    session = new Session(connection, this.statementMs)
    try {
      for (const text of SET_UP) await session.run(text)
    } catch (error) {
      destroy(connection)
      throw error
    }
    this.sessions.set(connection, session)
    return session
  }

  private connection(): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        reject(new Error(`no connection to the database within ${ACQUIRE_MS} ms`))
      }, ACQUIRE_MS)
      this.pool.getConnection((error, connection) => {
        clearTimeout(timer)
        if (error !== null) reject(error)
        else if (late) connection.release()
        else resolve(connection)
      })
    })
  }
}

/** mysql2 itself only ends its half of the socket, and a server that hangs would keep the other. */
function destroy(connection: PoolConnection): void {
  connection.destroy()
  const { stream } = connection as PoolConnection & { readonly stream: Socket }
  stream.destroy()
}

type Answer = (error: QueryError | null, result: MysqlQueryResult) => void

/** A connection in use. */
class Session implements MysqlPoolConnection {
  private readonly connection: PoolConnection
  private readonly timeout: number
  private broken = false

  constructor(connection: PoolConnection, timeout: number) {
    this.connection = connection
    this.timeout = timeout
  }

  query(sql: string, values: unknown[], answer?: Answer): ReturnType<PoolConnection['query']> {
    return this.connection.query({ sql, values, timeout: this.timeout }, (error, result) => {
      // A transaction that cannot be rolled back ends with its connection.
      if (error !== null && (!isAnswer(error) || GIVE_UP.has(error.errno) || sql === 'rollback')) this.giveUp()
      answer?.(error, result as MysqlQueryResult)
    })
  }

  /** At once: what would follow on it fails then, instead of waiting for an answer that does not come. */
  private giveUp(): void {
    this.broken = true
    destroy(this.connection)
  }

  run(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.query(sql, [], (error: QueryError | null) => (error === null ? resolve() : reject(error)))
    })
  }

  release(): void {
    if (!this.broken) this.connection.release()
  }
}
