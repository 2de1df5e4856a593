/** By which means, and in which order, certificates are looked up, as [trust] says. */
import type { Config } from './config/config.js'
import type { CrlCache } from './smime/crl.js'
import type { OcspClient } from './smime/ocsp.js'
import type { TrustOptions } from './smime/trust.js'

export function revocationMeans(
  { trust: { crl, revocation, crlRequired } }: Config,
  crls: CrlCache,
  ocsp: OcspClient,
): Pick<TrustOptions, 'crls' | 'ocsp' | 'first' | 'crlRequired'> {
  return {
    crls: crl.length > 0 && revocation.includes('crl') ? crls : undefined,
    ocsp: revocation.includes('ocsp') ? ocsp : undefined,
    first: revocation[0] ?? 'crl',
    crlRequired,
  }
}
