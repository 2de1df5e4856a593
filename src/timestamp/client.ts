/** Time stamps over HTTP, from the first of several authorities that gives one. RFC 3161 §3.4 */
import { post } from '../download.js'
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
  const headers = {
    'content-type': 'application/timestamp-query',
    accept: 'application/timestamp-reply',
    ...(credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
  }
  return post(url, request, headers, { timeout, maxSize: MAX_RESPONSE }).catch((cause: unknown) => {
    throw new PecError('timestamp', `${url}: ${reasonOf(cause)}`, { temporary: true, cause })
  })
}
