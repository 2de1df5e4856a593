/**
 * Certificates' responders asked whether they are revoked: over HTTP, within a bound of time, each answer kept until it says itself that
 * there is a newer one. A responder that fails is not asked again for a while: nobody's mail waits for it twice. RFC 6960
 */
import { randomBytes } from 'node:crypto'
import { post } from '../download.js'
import { reasonOf } from '../errors.js'
import { TAG, DerReader, elements, onlyElement, readOid } from './der.js'
import { readGeneralName } from './extensions.js'
import { readOcspResponse, writeOcspRequest, type OcspAnswer, type Questioned } from './ocsp-message.js'
import { OID } from './oids.js'

export interface OcspOptions {
  /** Milliseconds that a responder may take. */
  readonly timeout?: number
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
/** Seen are 0.5 to 4 KB. */
const MAX_RESPONSE = 32 * 1024
const MAX_RESPONDERS = 2
const MAX_KEPT = 1000
const NONCE_BYTES = 16

export class OcspClient {
  private readonly options: OcspOptions
  private readonly kept = new Map<string, Kept>()

  constructor(options: OcspOptions = {}) {
    this.options = options
  }

  /** Never rejects. Whoever asks the same at the same time gets the same answer. */
  statusOf(questioned: Questioned): Promise<OcspOutcome> {
    const key = `${questioned.issuer.hash}/${questioned.subject.hash}`
    const known = this.kept.get(key)
    if (known !== undefined && this.now() < known.until) return known.outcome
    const kept: Kept = { outcome: this.ask(questioned), until: Infinity }
    void kept.outcome.then((outcome) => (kept.until = this.endOf(outcome)))
    this.kept.delete(key)
    this.kept.set(key, kept)
    const [oldest] = this.kept.keys()
    if (this.kept.size > MAX_KEPT && oldest !== undefined) this.kept.delete(oldest)
    return kept.outcome
  }

  private endOf(outcome: OcspOutcome): number {
    const next = outcome === undefined || outcome.status === 'failed' ? undefined : outcome.nextUpdate?.getTime()
    return next ?? this.now() + AGAIN_MS
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
    const response = await post(responder, writeOcspRequest(questioned, nonce), types, bounds)
    return readOcspResponse(response, questioned, nonce, new Date(this.now()))
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
