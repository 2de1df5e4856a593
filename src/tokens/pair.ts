/**
 * Tokens that hold the same key: the first that is well signs. One that fails is opened again at growing intervals, and signs again as
 * soon as it can.
 */
import { X509Certificate, type KeyObject } from 'node:crypto'
import { PecError, reasonOf } from '../errors.js'
import { TokenFailure, type FailureKind, type TokenSettings } from './orders.js'
import { Token } from './token.js'

export interface PairSettings {
  /** In order of preference. */
  readonly tokens: readonly TokenSettings[]
  /** DER. */
  readonly certificate: Buffer
  /** Milliseconds that one call to a token may take. */
  readonly timeout: number
  readonly onEvent: (message: string) => void
}

/** What keeps a token from signing. */
export interface Trouble {
  readonly kind: FailureKind
  /** Names the token. */
  readonly reason: string
}

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 60_000

export class TokenPair {
  private readonly places: readonly Place[]

  constructor({ tokens, certificate, timeout, onEvent }: PairSettings) {
    const { publicKey } = new X509Certificate(certificate)
    this.places = tokens.map((settings) => new Place(settings, publicKey, timeout, onEvent))
  }

  /** Opens them all; resolves to why some cannot be opened. What failed for its PIN is not tried again. */
  async open(): Promise<readonly Trouble[]> {
    const failures = await Promise.all(this.places.map((place) => place.open()))
    return failures.filter((failure) => failure !== undefined)
  }

  /** Rejects with PecError 'signer', temporary, when none can. */
  async sign(data: Buffer): Promise<Buffer> {
    const failed = new Set<Token>()
    for (;;) {
      // One that has been opened again meanwhile is another.
      const place = this.places.find(({ token }) => token !== undefined && !failed.has(token))
      const token = place?.token
      if (place === undefined || token === undefined) break
      try {
        return await token.sign(data)
      } catch (error) {
        failed.add(token)
        place.lose(token, reasonOf(error))
      }
    }
    const reasons = this.places.map((place) => place.describe()).join('; ')
    throw new PecError('signer', `no token can sign: ${reasons}`, { temporary: true })
  }

  close(): void {
    for (const place of this.places) place.close()
  }
}

/** A token that is set, be it well or not. */
class Place {
  /** Undefined while it cannot sign. */
  token: Token | undefined
  private readonly settings: TokenSettings
  private readonly publicKey: KeyObject
  private readonly timeout: number
  private readonly onEvent: (message: string) => void
  private failure = 'it is not open'
  private wellSince = 0
  private delay = FIRST_DELAY_MS
  private timer: NodeJS.Timeout | undefined
  private closed = false

  constructor(settings: TokenSettings, publicKey: KeyObject, timeout: number, onEvent: (message: string) => void) {
    this.settings = settings
    this.publicKey = publicKey
    this.timeout = timeout
    this.onEvent = onEvent
  }

  /** Resolves to why it cannot be opened, if so; then it is tried again later. */
  async open(): Promise<Trouble | undefined> {
    try {
      const token = await Token.open(this.settings, this.publicKey, this.timeout)
      if (this.closed) token.close()
      else this.token = token
      this.wellSince = performance.now()
      return undefined
    } catch (error) {
      const kind = error instanceof TokenFailure ? error.kind : 'fault'
      this.failure = reasonOf(error)
      // Each attempt with a wrong PIN brings the token nearer to its lock.
      if (kind !== 'pin') this.openLater()
      return { kind, reason: this.describe() }
    }
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    this.token?.close()
    this.token = undefined
    this.failure = 'it was closed'
  }

  /** Once for all the signatures that fail with it. */
  lose(token: Token, reason: string): void {
    if (this.token !== token) return
    this.token = undefined
    this.failure = reason
    if (performance.now() - this.wellSince > LONGEST_DELAY_MS) this.delay = FIRST_DELAY_MS
    this.onEvent(`${this.describe()}: it does not sign until it is well again`)
    this.openLater()
  }

  /** The token and why it does not sign. */
  describe(): string {
    return `token ${this.settings.token}: ${this.failure}`
  }

  private openLater(): void {
    if (this.closed) return
    const retry = async (): Promise<void> => {
      const failure = await this.open()
      if (this.closed) return
      if (failure === undefined) this.onEvent(`token ${this.settings.token} signs again`)
      else if (failure.kind === 'pin') this.onEvent(`${failure.reason}: it is not tried again before the next start`)
    }
    this.timer = setTimeout(() => void retry(), this.delay).unref()
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY_MS)
  }
}
