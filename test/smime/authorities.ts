/** Authorities and providers made for the tests of trust, with times that stand still. */
import assert from 'node:assert/strict'
import {
  issueAuthority,
  issueProviderCertificate,
  type AuthorityRequest,
  type KeyAndCertificate,
  type ProviderRequest,
} from '../../src/smime/issue.js'
import { TrustStore, type TrustVerdict } from '../../src/smime/trust.js'
import { ADDRESS, NAME, derOf } from './fixtures.js'

export const DAY = 86_400_000
export const FROM = new Date('2026-01-01T00:00:00Z')
export const AT = new Date('2026-02-01T00:00:00Z')
export const after = (days: number) => new Date(FROM.getTime() + days * DAY)

export const authority = (overrides: Partial<AuthorityRequest> = {}) =>
  issueAuthority({ name: 'Radice', keyKind: 'p-256', from: FROM, days: 3650, ...overrides })
export const provider = (issuer: KeyAndCertificate, overrides: Partial<ProviderRequest> = {}) =>
  issueProviderCertificate({
    authority: issuer,
    providerName: NAME,
    address: ADDRESS,
    keyKind: 'p-256',
    from: FROM,
    days: 365,
    ...overrides,
  })
export const store = (...anchors: readonly KeyAndCertificate[]) =>
  new TrustStore({ anchors: anchors.map(derOf), crls: undefined, crlRequired: false })
export const judge = (trust: TrustStore, leaf: KeyAndCertificate, intermediates: readonly KeyAndCertificate[] = [], at = AT) =>
  trust.judge(derOf(leaf), intermediates.map(derOf), at)
export const assertUntrusted = (verdict: TrustVerdict, reason: RegExp) => {
  assert.equal(verdict.status, 'untrusted')
  assert.equal(verdict.trusted, false)
  assert.match(verdict.reason, reason)
}
