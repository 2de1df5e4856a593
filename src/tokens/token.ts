/** One token in a process of its own: opened, and made to sign within a bounded time. */
import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes, verify, type KeyObject } from 'node:crypto'
import { extname, join } from 'node:path'
import { reasonOf } from '../errors.js'
import { TokenFailure, type Order, type Report, type TokenSettings } from './orders.js'

const PROGRAM = join(__dirname, `token-process${extname(__filename)}`)
const CHALLENGE_OCTETS = 64
/** A process starts, its library connects: that may take longer than a signature. */
const OPENING_MS = 30_000

/** What a caller waits for. */
interface Waiting {
  readonly resolve: (signature: Buffer) => void
  readonly reject: (failure: TokenFailure) => void
}

/**
 * Any failure ends it, with all that it was asked for: a session whose state nobody knows is not used again. Another one must be opened
 * to go on.
 */
export class Token {
  private readonly child: ChildProcess
  private readonly sessions: number
  private readonly timeout: number
  private readonly queue: (Waiting & { readonly data: Buffer })[] = []
  private readonly underWay = new Map<number, Waiting & { readonly timer: NodeJS.Timeout }>()
  private failure: TokenFailure | undefined
  private last = 0

  private constructor(sessions: number, timeout: number) {
    this.sessions = sessions
    this.timeout = timeout
    this.child = fork(PROGRAM, {
      serialization: 'advanced', // octets as they are
      // As many threads as there may be calls that wait for the token.
      env: { ...process.env, UV_THREADPOOL_SIZE: String(sessions + 1) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.child.on('message', (report: Report) => this.hear(report))
    this.child.once('error', (error) => this.fail(new TokenFailure('away', reasonOf(error))))
    this.child.once('exit', (code, signal) => {
      this.fail(new TokenFailure('away', `its process ended by itself (${signal ?? `status ${code ?? 0}`})`))
    })
    // It goes when we go, and does not keep us.
    this.child.unref()
    this.child.channel?.unref()
  }

  /**
   * Opens a token with the key of `publicKey`, which a signature shows. Each signature may take `timeout` milliseconds. Rejects with
   * TokenFailure.
   */
  static async open(settings: TokenSettings, publicKey: KeyObject, timeout: number): Promise<Token> {
    const token = new Token(settings.sessions, timeout)
    await new Promise<Buffer>((resolve, reject) => token.send({ number: 0, open: settings }, { resolve, reject }, OPENING_MS))
    const challenge = randomBytes(CHALLENGE_OCTETS)
    const signature = await token.sign(challenge)
    if (verify('sha256', challenge, publicKey, signature)) return token
    throw token.fail(new TokenFailure('fault', 'its key does not match the certificate'))
  }

  /** RSASSA-PKCS1-v1_5 or ECDSA (DER) with SHA-256, in turn where more wait than there are sessions. Rejects with TokenFailure. */
  sign(data: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) reject(this.failure)
      else {
        this.queue.push({ data, resolve, reject })
        this.sendNext()
      }
    })
  }

  /** Signatures under way are lost. */
  close(): void {
    if (this.child.connected) this.child.disconnect()
    this.end(new TokenFailure('away', 'it was closed'))
  }

  private sendNext(): void {
    if (this.underWay.size >= this.sessions) return
    const next = this.queue.shift()
    if (next !== undefined) this.send({ number: ++this.last, data: next.data }, next, this.timeout)
  }

  private send(order: Order, { resolve, reject }: Waiting, timeout: number): void {
    const late = (): void => void this.fail(new TokenFailure('away', `it did not answer within ${timeout / 1000} s`))
    this.underWay.set(order.number, { resolve, reject, timer: setTimeout(late, timeout) })
    // A process that cannot be told has ended: how, its exit says at once; the time is bounded in any case.
    this.child.send(order, () => undefined)
  }

  private hear(report: Report): void {
    if ('failure' in report) this.fail(new TokenFailure(report.failure, report.reason))
    const waiting = this.underWay.get(report.number)
    if (waiting === undefined || 'failure' in report) return
    clearTimeout(waiting.timer)
    this.underWay.delete(report.number)
    waiting.resolve(Buffer.from(report.signature))
    this.sendNext()
  }

  private fail(failure: TokenFailure): TokenFailure {
    this.child.kill('SIGKILL')
    return this.end(failure)
  }

  private end(failure: TokenFailure): TokenFailure {
    this.failure ??= failure
    for (const { reject } of this.queue.splice(0)) reject(this.failure)
    for (const { reject, timer } of this.underWay.values()) {
      clearTimeout(timer)
      reject(this.failure)
    }
    this.underWay.clear()
    return this.failure
  }
}
