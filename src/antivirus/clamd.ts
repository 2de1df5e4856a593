/** The antivirus: ClamAV's daemon, over TCP or a unix socket. RFC 6109 §5.4 */
import type { Endpoint } from '../config/endpoint.js'
import { PecError, reasonOf } from '../errors.js'
import type { Source } from '../mail/source.js'
import type { Antivirus, ScanVerdict } from '../points/ports.js'
import { readAnswer, type Answer } from './clamd-answer.js'
import { askClamd } from './clamd-session.js'
import { probe } from './probe.js'

export interface ClamdOptions {
  readonly endpoint: Endpoint
  /** Bound of one scan, the wait for a free thread of clamd included. */
  readonly timeoutMs: number
  /** How long a proof of clamd's settings holds; 10 minutes by default. */
  readonly proofMs?: number
}

const PROOF_MS = 600_000

/** Holds no connection between scans: clamd may go away and come back at any time. */
export class Clamd implements Antivirus {
  private readonly options: ClamdOptions
  private proof: { readonly until: number; readonly done: Promise<void> } | undefined

  constructor(options: ClamdOptions) {
    this.options = options
  }

  async scan(message: Source): Promise<ScanVerdict> {
    // The protocol has no empty messages; and there is nothing in one.
    if (message.size === 0) return { verdict: 'clean' }
    await this.prove()
    const answer = await this.ask(message)
    if (answer.verdict === 'limit') throw this.alarm(`a limit of clamd.conf is too small for a message: ${answer.name}`)
    if (answer.verdict === 'none') throw this.alarm(`it answered ${JSON.stringify(answer.said)}`)
    return answer
  }

  /**
   * Makes sure, now and then, that clamd says so when it does not scan a message whole (probe.ts). Rejects with PecError
   * 'antivirus', temporary, if it is away or does not.
   */
  prove(): Promise<void> {
    const now = performance.now()
    if (this.proof !== undefined && now < this.proof.until) return this.proof.done
    const proof = { until: now + (this.options.proofMs ?? PROOF_MS), done: this.askProof() }
    this.proof = proof
    proof.done.catch(() => {
      if (this.proof === proof) this.proof = undefined
    })
    return proof.done
  }

  private async askProof(): Promise<void> {
    const { verdict } = await this.ask(probe())
    if (verdict === 'limit') return
    throw this.alarm(
      'it does not tell when it leaves a part of a message unscanned: set AlertExceedsMax, ScanMail and ScanArchive to yes in clamd.conf',
    )
  }

  private async ask(message: Source): Promise<Answer> {
    const { endpoint, timeoutMs } = this.options
    try {
      return readAnswer(await askClamd(endpoint, message, timeoutMs))
    } catch (error) {
      throw this.alarm(`a message of ${message.size} bytes was not scanned: ${reasonOf(error)}`, error)
    }
  }

  /** For the log; the client is told to come again. */
  private alarm(why: string, cause?: unknown): PecError {
    const { endpoint } = this.options
    const where = 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`
    return new PecError('antivirus', `ALARM: no verdict from clamd at ${where}, and nothing goes through without one: ${why}`, {
      temporary: true,
      cause,
    })
  }
}
