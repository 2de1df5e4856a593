/**
 * Revocation lists at hand: read from files, over HTTP and LDAP, again and again in the background, the last good ones kept. Nobody waits
 * for them and nothing here throws: a failure is told through onEvent and seen in the age. Signatures are the trust store's business.
 */
import { createHash } from 'node:crypto'
import { reasonOf } from '../errors.js'
import { readCrlSource } from './crl-source.js'
import type { GeneralName } from './extensions.js'
import { sameName, type Name } from './name.js'
import { readPem } from './pem.js'
import { RevocationCopies } from './revocation-copies.js'
import { parseRevocationList, type RevocationList } from './revocation-list.js'

export interface CrlCacheOptions {
  /** Paths, or URLs of HTTP or LDAP (http://, https://, ldap://, ldaps://); PEM or DER, one list or several. */
  readonly sources: readonly string[]
  /** Folder for the last copy of what comes from afar: a start without the network goes by it. Nothing is kept if left out. */
  readonly copies?: string
  /** Milliseconds between refreshes; a quarter of an hour if left out. */
  readonly interval?: number
  /** Milliseconds for one download. */
  readonly timeout?: number
  /** Largest list, bytes. */
  readonly maxSize?: number
  /** Whether the HTTP distribution points of certificates with a path to an anchor become sources too. */
  readonly followDistributionPoints?: boolean
  /** Called with one sentence for each failure, and when a source works again. */
  readonly onEvent?: (message: string) => void
  /** Called when a source has something new, fails in another way than before, or works again. */
  readonly onChange?: (state: CrlSourceState) => void
  readonly clock?: () => Date
}

/** How a source is doing. */
export interface CrlSourceState {
  readonly source: string
  /** When its lists were last read successfully. */
  readonly readAt: Date | undefined
  /** Earliest nextUpdate among its lists. */
  readonly nextUpdate: Date | undefined
  /** Why the last attempt failed; undefined if it did not. */
  readonly failure: string | undefined
}

interface Held {
  readAt: Date | undefined
  failure: string | undefined
  /** SHA-256 of what was read last: most refreshes bring nothing new. */
  hash: string
  lists: readonly RevocationList[]
}

const DEFAULTS = { interval: 15 * 60_000, timeout: 20_000, maxSize: 16 * 1024 * 1024 } as const
const MAX_FOLLOWED = 64

export class CrlCache {
  private readonly options: CrlCacheOptions
  private readonly held = new Map<string, Held>()
  private readonly copies: RevocationCopies | undefined
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined

  constructor(options: CrlCacheOptions) {
    this.options = options
    this.copies = options.copies === undefined ? undefined : new RevocationCopies(options.copies, 'crl')
    for (const source of options.sources) this.add(source)
  }

  /** Reads every source, then again on an interval that does not keep the process alive. Resolves after the first round. */
  async start(): Promise<void> {
    this.timer ??= setInterval(() => void this.refresh(), this.options.interval ?? DEFAULTS.interval).unref()
    await this.refresh()
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  /** Reads every source once; joins a round that is under way. */
  refresh(): Promise<void> {
    this.running ??= Promise.all([...this.held].map(([source, held]) => this.read(source, held))).then(() => {
      this.running = undefined
    })
    return this.running
  }

  /** Every list with this issuer. */
  listsOf(issuer: Name): RevocationList[] {
    return [...this.held.values()].flatMap(({ lists }) => lists.filter((list) => sameName(list.issuer, issuer)))
  }

  /** Follows distribution points, if the options say so: they are read in the background and answer for later messages. */
  wish(points: readonly GeneralName[]): void {
    if (this.options.followDistributionPoints !== true) return
    for (const point of points) {
      if (point.form !== 'uri' || !isHttp(point.text) || this.held.has(point.text)) continue
      if (this.held.size >= this.options.sources.length + MAX_FOLLOWED) return
      void this.read(point.text, this.add(point.text))
    }
  }

  state(): CrlSourceState[] {
    return [...this.held].map(([source, held]) => stateOf(source, held))
  }

  private add(source: string): Held {
    const held: Held = { readAt: undefined, failure: undefined, hash: '', lists: [] }
    this.held.set(source, held)
    return held
  }

  private async read(source: string, held: Held): Promise<void> {
    try {
      const { timeout = DEFAULTS.timeout, maxSize = DEFAULTS.maxSize } = this.options
      if (held.readAt === undefined) await this.recall(source, held)
      const bytes = await readCrlSource(source, { timeout, maxSize })
      if (bytes.length > maxSize) throw new Error(`larger than ${maxSize} bytes`)
      const hash = createHash('sha256').update(bytes).digest('hex')
      const isNew = hash !== held.hash || held.failure !== undefined
      if (hash !== held.hash) await this.take(source, held, bytes)
      held.hash = hash
      held.readAt = this.options.clock?.() ?? new Date()
      if (held.failure !== undefined) this.tell(`revocation list ${source} can be read again`)
      held.failure = undefined
      if (isNew) this.change(source, held)
    } catch (error) {
      const failure = reasonOf(error)
      const isNew = failure !== held.failure
      held.failure = failure
      if (!isNew) return
      this.tell(`revocation list ${source} cannot be read: ${failure}`)
      this.change(source, held)
    }
  }

  private async take(source: string, held: Held, bytes: Buffer): Promise<void> {
    const fresh = parseLists(bytes)
    held.lists = withoutStepBack(fresh, held.lists)
    // A copy that is newer than what came is not given up for it.
    if (held.lists.length > fresh.length) return
    await this.copiesFor(source)
      ?.write(source, bytes)
      .catch((error: unknown) => this.tell(`no copy of revocation list ${source} can be kept: ${reasonOf(error)}`))
  }

  /** Begins with what came last, before a restart: it serves without the network, and nothing older takes its place. */
  private async recall(source: string, held: Held): Promise<void> {
    const copy = await this.copiesFor(source)?.read(source)
    if (copy === undefined) return
    try {
      held.lists = parseLists(copy.bytes)
      held.readAt = copy.at
    } catch (error) {
      this.tell(`the copy of revocation list ${source} cannot be read: ${reasonOf(error)}`)
    }
  }

  /** A source that is a file needs no copy. */
  private copiesFor(source: string): RevocationCopies | undefined {
    return /^\w+:\/\//.test(source) ? this.copies : undefined
  }

  private tell(message: string): void {
    spared(() => this.options.onEvent?.(message))
  }

  private change(source: string, held: Held): void {
    spared(() => this.options.onChange?.(stateOf(source, held)))
  }
}

/** Whoever is told and fails must not end the refreshing, nor the process from within a timer. */
function spared(tell: () => void): void {
  try {
    tell()
  } catch {
    return
  }
}

function stateOf(source: string, { readAt, failure, lists }: Held): CrlSourceState {
  const ends = lists.flatMap(({ nextUpdate }) => (nextUpdate === undefined ? [] : [nextUpdate.getTime()]))
  return { source, readAt, failure, nextUpdate: ends.length === 0 ? undefined : new Date(Math.min(...ends)) }
}

function parseLists(bytes: Buffer): RevocationList[] {
  const lists = readPem(bytes, 'X509 CRL').map(parseRevocationList)
  if (lists.length === 0) throw new Error('no revocation list in it')
  return lists
}

/** Whoever can put an old list in the place of the new one must not undo a revocation: of each issuer's the newest seen stays too. */
function withoutStepBack(fresh: readonly RevocationList[], held: readonly RevocationList[]): RevocationList[] {
  const newer = fresh.flatMap(({ issuer, thisUpdate }) => {
    const own = held.filter((list) => sameName(list.issuer, issuer) && list.thisUpdate > thisUpdate)
    return own.toSorted((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime()).slice(0, 1)
  })
  return [...fresh, ...new Set(newer)]
}

function isHttp(source: string): boolean {
  return /^https?:\/\//i.test(source)
}
