/**
 * How a certificate stands when an old signature of its is looked at: at the time of the signature, and since. Certificates of old
 * messages have expired, and that takes nothing from what they signed before; a revocation does, for the only witness to the time
 * of the signature is whoever has the key.
 */
import type { Certificate } from '../smime/certificate.js'
import type { Name } from '../smime/name.js'
import type { RevocationList } from '../smime/revocation-list.js'
import type { TrustStatus } from '../smime/trust.js'
import type { Trust } from './judge.js'

export interface Standing {
  readonly trust: 'trusted' | 'untrusted' | 'not-checked'
  readonly reason: string
  /** At the time of the signature, but revoked whenever it was; unknown where no revocation list tells. */
  readonly status: TrustStatus
  /** Why the revocation lists that were given do not tell, though they should. */
  readonly unanswered: string | undefined
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
    return { trust: 'not-checked', reason: 'no authority was given to check the certificate against', status, unanswered: undefined }
  }
  const then = await means.trust.judge(certificate.der, chain, at)
  if (!then.trusted) return { trust: 'untrusted', reason: then.reason, status: then.status, unanswered: undefined }
  // Asked at a time when it has expired, the answer would be that, and not whether it was revoked before.
  const latest = new Date(Math.min(now.getTime(), certificate.notAfter.getTime()))
  const since = latest > at ? await means.trust.judge(certificate.der, chain, latest) : then
  if (since.status === 'revoked') {
    const reason = `${since.reason}, later than it says it signed this; that time is the signer's own word`
    return { trust: 'untrusted', reason, status: 'revoked', unanswered: undefined }
  }
  const trusted = { trust: 'trusted', reason: 'a path to an authority that was given, at the time of the signature' } as const
  if (means.lists === undefined) return { ...trusted, status: 'unknown', unanswered: undefined }
  const tooLate = then.status === 'good' && isTooLate(means.lists.listsOf(certificate.issuer), certificate)
  const unanswered = then.status === 'unknown' ? then.reason : undefined
  return { ...trusted, status: tooLate ? 'unknown' : then.status, unanswered }
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
