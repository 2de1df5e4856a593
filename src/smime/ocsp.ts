/**
 * Certificates' responders asked whether they are revoked: over HTTP, within a bound of time, each answer kept until it says itself that
 * there is a newer one, but for an hour at most while the responder is there to be asked, and over a restart. A responder that is away is
 * not asked again for a while, about no certificate: nobody's mail waits for it twice. RFC 6960
 */
import { randomBytes } from 'node:crypto'
import { post } from '../download.js'
import { reasonOf } from '../errors.js'
import { TAG, DerReader, elements, onlyElement, readOid } from './der.js'
import { readGeneralName } from './extensions.js'
import { readOcspResponse, writeOcspRequest, type OcspAnswer, type Questioned } from './ocsp-message.js'
import { OID } from './oids.js'
import { RevocationCopies } from './revocation-copies.js'

export interface OcspOptions {
  /** Milliseconds that a responder may take. */
  readonly timeout?: number
  /** Folder for the last answers: a start while a responder is away goes by them. Nothing is kept if left out. */
  readonly copies?: string
  /** Called after each question that was put to a responder. */
  readonly onAnswer?: (told: OcspTold) => void
  readonly clock?: () => Date
}

/** How a question was answered. */
export interface OcspTold {
  /** URL. */
  readonly responder: string
  readonly outcome: OcspAnswer['status'] | 'failed'
  /** Why it failed; undefined if it did not. */
  readonly failure: string | undefined
  readonly milliseconds: number
}

/** `failed`: nobody gave an answer that holds; undefined: the certificate names nobody to ask. */
export type OcspOutcome = OcspAnswer | { readonly status: 'failed'; readonly reason: string } | undefined

interface Kept {
  readonly outcome: Promise<OcspOutcome>
  /** Milliseconds; until it is known, the question is under way and is not put again. */
  until: number
}

const TIMEOUT_MS = 5000
/** Until a responder that failed is asked again, or one that knows of no next update. */
const AGAIN_MS = 60_000
/** Some give answers for days: what was revoked meanwhile is known within this. */
const FRESH_MS = 3_600_000
/** Seen are 0.5 to 4 KB. */
const MAX_RESPONSE = 32 * 1024
const MAX_RESPONDERS = 2
const MAX_KEPT = 1000
const MAX_AWAY = 100
const NONCE_BYTES = 16

export class OcspClient {
  private readonly options: OcspOptions
  private readonly copies: RevocationCopies | undefined
  private readonly kept = new Map<string, Kept>()
  /** Responders that gave no answer, with why, and until when they are left alone. */
  private readonly away = new Map<string, { readonly reason: string; readonly until: number }>()

  constructor(options: OcspOptions = {}) {
    this.options = options
    this.copies = options.copies === undefined ? undefined : new RevocationCopies(options.copies, 'ocsp')
  }

  /** Never rejects. Whoever asks the same at the same time gets the same answer. */
  statusOf(questioned: Questioned): Promise<OcspOutcome> {
    const key = nameOf(questioned)
    const known = this.kept.get(key)
    if (known !== undefined && this.now() < known.until) return known.outcome
    const renewed = this.renew(questioned, known?.outcome)
    const kept: Kept = { outcome: renewed.then(({ outcome }) => outcome), until: Infinity }
    void renewed.then(({ until }) => (kept.until = until))
    this.kept.delete(key)
    this.kept.set(key, kept)
    const [oldest] = this.kept.keys()
    if (this.kept.size > MAX_KEPT && oldest !== undefined) this.kept.delete(oldest)
    return kept.outcome
  }

  /** Where nobody answers now, what was answered `before` goes on for as long as it holds. */
  private async renew(
    questioned: Questioned,
    before: Promise<OcspOutcome> | undefined,
  ): Promise<{ readonly outcome: OcspOutcome; readonly until: number }> {
    const outcome = await this.ask(questioned)
    const now = this.now()
    if (outcome?.status !== 'failed') return { outcome, until: Math.min(endOf(outcome) ?? now + AGAIN_MS, now + FRESH_MS) }
    // Another process may have been told since.
    const formers = [await before, await this.recall(questioned)].filter((former) => holdsAt(now, former))
    const [newest = outcome] = formers.toSorted((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime())
    return { outcome: newest, until: now + AGAIN_MS }
  }

  /** The first answer that holds, of those whom the certificate names. */
  private async ask(questioned: Questioned): Promise<OcspOutcome> {
    const failures: string[] = []
    for (const responder of respondersOf(questioned)) {
      const begun = performance.now()
      const outcome = await this.askAt(responder, questioned).catch((error: unknown) => reasonOf(error))
      const failure = typeof outcome === 'string' ? outcome : undefined
      const milliseconds = performance.now() - begun
      this.tell({ responder, outcome: typeof outcome === 'string' ? 'failed' : outcome.status, failure, milliseconds })
      if (typeof outcome !== 'string') return outcome
      failures.push(`${responder}: ${outcome}`)
    }
    return failures.length === 0 ? undefined : { status: 'failed', reason: failures.join('; ') }
  }

  private async askAt(responder: string, questioned: Questioned): Promise<OcspAnswer> {
    const nonce = randomBytes(NONCE_BYTES)
    const bounds = { timeout: this.options.timeout ?? TIMEOUT_MS, maxSize: MAX_RESPONSE }
    const types = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' }
    const { reason, until = -Infinity } = this.away.get(responder) ?? {}
    if (this.now() < until) throw new Error(reason)
    const response = await post(responder, writeOcspRequest(questioned, nonce), types, bounds).catch((error: unknown) => {
      this.leaveAlone(responder, reasonOf(error))
      throw error
    })
    const answer = await readOcspResponse(response, questioned, nonce, new Date(this.now()))
    // Without a copy a restart asks again: nothing else is lost.
    if (answer.nextUpdate !== undefined) await this.copies?.write(nameOf(questioned), response).catch(() => undefined)
    return answer
  }

  /** What was answered before a restart, judged anew. */
  private async recall(questioned: Questioned): Promise<OcspOutcome> {
    const copy = await this.copies?.read(nameOf(questioned))
    return copy && readOcspResponse(copy.bytes, questioned, undefined, new Date(this.now())).catch(() => undefined)
  }

  private leaveAlone(responder: string, reason: string): void {
    this.away.delete(responder)
    this.away.set(responder, { reason, until: this.now() + AGAIN_MS })
    const [oldest] = this.away.keys()
    if (this.away.size > MAX_AWAY && oldest !== undefined) this.away.delete(oldest)
  }

  /** Whoever is told and fails must not fail the answer. */
  private tell(told: OcspTold): void {
    try {
      this.options.onAnswer?.(told)
    } catch {
      return
    }
  }

  private now(): number {
    return this.options.clock?.().getTime() ?? Date.now()
  }
}

function nameOf({ subject, issuer }: Questioned): string {
  return `${issuer.hash}/${subject.hash}`
}

function holdsAt(now: number, outcome: OcspOutcome): outcome is OcspAnswer {
  return (endOf(outcome) ?? now) > now
}

/** When an answer says that there is a newer one. */
function endOf(outcome: OcspOutcome): number | undefined {
  return outcome === undefined || outcome.status === 'failed' ? undefined : outcome.nextUpdate?.getTime()
}

/** The HTTP addresses in authorityInfoAccess. What cannot be read names nobody. RFC 5280 §4.2.2.1 */
function respondersOf({ subject }: Questioned): string[] {
  const extension = subject.certificate.extensions.get(OID.authorityInfoAccess)
  if (extension === undefined) return []
  try {
    const urls = elements(onlyElement(extension.value, TAG.sequence).content).flatMap(({ content }) => {
      const reader = new DerReader(content)
      const isResponder = readOid(reader.next(TAG.oid)) === OID.ocsp
      const { tag, content: name } = reader.element()
      const location = readGeneralName(tag, name)
      return isResponder && location.form === 'uri' ? [location.text] : []
    })
    return urls.filter((url) => /^https?:\/\//i.test(url)).slice(0, MAX_RESPONDERS)
  } catch {
    return []
  }
}
