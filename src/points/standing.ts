/**
 * How a certificate stands when an old signature of its is looked at: at the time of the signature, and since. Certificates of old
 * messages have expired, and that takes nothing from what they signed before; a revocation does, for the only witness to the time
 * of the signature is whoever has the key.
 */
import type { Certificate } from '../smime/certificate.js'
import type { Name } from '../smime/name.js'
import type { RevocationList } from '../smime/revocation-list.js'
import type { TrustStatus, TrustVerdict } from '../smime/trust.js'
import type { Trust } from './judge.js'

export interface Standing {
  readonly trust: 'trusted' | 'untrusted' | 'not-checked'
  readonly reason: string
  /** At the time of the signature, but revoked whenever it was; unknown where no revocation list tells. */
  readonly status: TrustStatus
  readonly revocation: Revocation
}

export interface Revocation {
  /** too-late: not on the list, which no longer had to name it. unanswered: the lists that were given should tell, and do not. */
  readonly answer: 'not-checked' | 'not-revoked' | 'revoked' | 'too-late' | 'unanswered'
  /** One sentence in English. */
  readonly reason: string
}

/** What a certificate is judged by; nothing is trusted or revoked where it is left out. */
export interface TrustMeans {
  readonly trust: Trust
  /** The lists that trust goes by; undefined if it has none. */
  readonly lists: { listsOf(issuer: Name): readonly RevocationList[] } | undefined
}

export interface Signing {
  readonly certificate: Certificate
  /** The other certificates that came with the signature, DER. */
  readonly chain: readonly Buffer[]
  readonly at: Date
}

/** Judges the certificate of a signature made at `signing.at`, as is known at `now`. */
export async function standingOf(signing: Signing, now: Date, means: TrustMeans | undefined): Promise<Standing> {
  const { certificate, chain, at } = signing
  if (means === undefined) {
    const status = outsideValidity(certificate, at) ?? 'unknown'
    return {
      trust: 'not-checked',
      reason: 'no authority was given to check the certificate against',
      status,
      revocation: NO_LIST,
    }
  }
  const then = await means.trust.judge(certificate.der, chain, at)
  if (!then.trusted) return untrusted(then)
  // Asked at a time when it has expired, the answer would be that, and not whether it was revoked before.
  const latest = new Date(Math.min(now.getTime(), certificate.notAfter.getTime()))
  const since = latest > at ? await means.trust.judge(certificate.der, chain, latest) : then
  if (since.status === 'revoked') {
    return untrusted({ ...since, reason: `${since.reason}, after the time that it gives for this signature by its own word` })
  }
  const revocation = revocationOf(certificate, then, means.lists?.listsOf(certificate.issuer))
  return {
    ...{ trust: 'trusted', reason: 'it leads to an authority that was given, and was valid when it signed' },
    status: revocation.answer === 'not-revoked' ? 'good' : 'unknown',
    revocation,
  }
}

const NO_LIST: Revocation = { answer: 'not-checked', reason: 'no revocation list was given' }
const TOO_LATE: Revocation = {
  answer: 'too-late',
  reason: 'the revocation list was issued after the certificate had expired, when it need not be listed any more',
}

function untrusted({ status, reason }: TrustVerdict): Standing {
  const revocation: Revocation =
    status === 'revoked'
      ? { answer: 'revoked', reason }
      : { answer: 'not-checked', reason: 'the certificate is not trusted anyway' }
  return { trust: 'untrusted', reason, status, revocation }
}

/** Of a certificate that is trusted. */
function revocationOf(
  certificate: Certificate,
  { status, reason }: TrustVerdict,
  lists: readonly RevocationList[] | undefined,
): Revocation {
  if (lists === undefined) return NO_LIST
  if (status !== 'good') return { answer: 'unanswered', reason }
  if (isTooLate(lists, certificate)) return TOO_LATE
  return { answer: 'not-revoked', reason: 'it is not on the revocation list that was given' }
}

/** How a certificate's own validity stands at a time; undefined if it is within it. */
export function outsideValidity({ notBefore, notAfter }: Certificate, at: Date): 'expired' | 'not-yet-valid' | undefined {
  if (at < notBefore) return 'not-yet-valid'
  return at > notAfter ? 'expired' : undefined
}

/** Authorities drop expired certificates from their lists: one issued later tells of what it lists only. RFC 5280 §3.3 */
function isTooLate(lists: readonly RevocationList[], { notAfter }: Certificate): boolean {
  const newest = Math.max(...lists.map(({ thisUpdate }) => thisUpdate.getTime()))
  return newest > notAfter.getTime()
}
