/** Time stamps over HTTP, from the first of several authorities that gives one. RFC 3161 §3.4 */
import { isPecError, PecError, reasonOf } from '../errors.js'
import type { CrlCache } from '../smime/crl.js'
import type { TrustStore } from '../smime/trust.js'
import { newRequest } from './request.js'
import { verifyResponse, type StampFault, type TimeStamp } from './response.js'

export interface TimestampSettings {
  /** In the order in which they are asked. */
  readonly authorities: readonly TimestampAuthority[]
  /** Milliseconds that one of them may take. */
  readonly timeout: number
  /** Authorities of their certificates. */
  readonly trust: TrustStore
  /** Their revocation lists, read anew for each stamp. */
  readonly lists?: Pick<CrlCache, 'refresh'> | undefined
}

export interface TimestampAuthority {
  /** http or https. */
  readonly url: string
  /** `USER:PASSWORD`, for those that ask for it. */
  readonly credentials?: string | undefined
}

export interface Stamped {
  /** The TimeStampResp as it came, DER, checked. */
  readonly response: Buffer
  readonly stamp: TimeStamp
  readonly url: string
}

/** Seen are 3 to 8 KB. */
const MAX_RESPONSE = 256 * 1024

/**
 * A stamp on a SHA-256 digest. Rejects with PecError 'timestamp' telling what each authority did; temporary unless none of them can
 * ever give one as things are.
 */
export async function stampDigest(digest: Buffer, settings: TimestampSettings): Promise<Stamped> {
  if (settings.authorities.length === 0) throw new PecError('timestamp', 'no time-stamping authority is set: [timestamp] urls')
  await settings.lists?.refresh()
  const failures: PecError[] = []
  for (const authority of settings.authorities) {
    try {
      return await askAuthority(authority, digest, settings)
    } catch (error) {
      if (!isPecError(error)) throw error
      failures.push(error)
    }
  }
  const reasons = failures.map(({ message }) => message).join('; ')
  throw new PecError('timestamp', reasons, { temporary: failures.some(({ temporary }) => temporary), cause: failures[0] })
}

async function askAuthority(
  { url, credentials }: TimestampAuthority,
  digest: Buffer,
  { timeout, trust }: TimestampSettings,
): Promise<Stamped> {
  const request = newRequest(digest)
  const response = await exchange(url, credentials, request.bytes, timeout)
  const verdict = await verifyResponse(response, { digest, trust, nonce: request.nonce })
  if (verdict.valid) return { response, stamp: verdict.stamp, url }
  throw new PecError('timestamp', `${url}: ${verdict.reason}`, { temporary: isPassing(verdict.fault) })
}

/** What another attempt may mend: an answer that was cut or disturbed on its way, an authority in trouble, a list that is out of date. */
function isPassing(fault: StampFault): boolean {
  return fault === 'busy' || fault === 'malformed' || fault === 'nonce' || fault === 'revocation'
}

async function exchange(url: string, credentials: string | undefined, request: Buffer, timeout: number): Promise<Buffer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/timestamp-query',
        accept: 'application/timestamp-reply',
        ...(credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
      },
      body: new Uint8Array(request),
      // Another address would be sent the credentials too.
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
    })
    const body = await bodyOf(response)
    if (!response.ok) throw new Error(`HTTP status ${response.status}`)
    return body
  } catch (error) {
    const cause = error instanceof TypeError && error.cause !== undefined ? error.cause : error
    throw new PecError('timestamp', `${url}: ${reasonOf(cause)}`, { temporary: true, cause: error })
  }
}

async function bodyOf({ body }: Response): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length
    // Leaving the loop ends the connection.
    if (size > MAX_RESPONSE) throw new Error(`an answer of more than ${MAX_RESPONSE} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
