/**
 * Certification paths: from a signer's certificate up to an anchor, every signature checked, every authority entitled to what it
 * does. RFC 5280 §6.1, without policies: any policy will do.
 *
 * Why not pkijs's CertificateChainValidationEngine (4.0.0): on two authorities that sign each other it never ends. In path.test.ts it
 * fails `keeps to the length that an authority allows` (pathLenConstraint is not read), `is not there for SHA-1`, and `is not there for a
 * self-signed certificate that is no anchor`, which as an anchor it refuses; in name-constraints.test.ts `a second at sign does not help`,
 * `hold for every address of a certificate` (one permitted address covers for the others) and `hold for authorities further down`. It
 * also parses every certificate with asn1js: README.md here has what that costs.
 */
import { verifySignature } from './algorithm.js'
import type { Certificate, SignedPart } from './certificate.js'
import type { KnownCertificate } from './known-certificates.js'
import { formatName, sameName } from './name.js'
import { costOf, forbiddenName } from './name-constraints.js'
import { OID } from './oids.js'

/** The signer's certificate first, the anchor last; one and the same if the signer is an anchor. */
export type Path = readonly [KnownCertificate, ...KnownCertificate[]]

export type PathResult = { readonly found: Path } | { readonly found: undefined; readonly reason: string }

export interface PathMaterial {
  readonly isAnchor: (certificate: KnownCertificate) => boolean
  /** Authorities, anchors among them, the ones to be tried first at the front. */
  readonly authorities: readonly KnownCertificate[]
  readonly purpose: Purpose
}

/** What the certificates of a path must be for, where they have an extendedKeyUsage. */
export type Purpose = 'e-mail' | 'time-stamping' | 'client authentication'

const PURPOSES: Readonly<Record<Purpose, string>> = {
  'e-mail': OID.emailProtection,
  'time-stamping': OID.timeStamping,
  'client authentication': OID.clientAuth,
}

const MAX_LENGTH = 8
// Certificates that came with a message could be made to cross-sign each other without end.
const MAX_SIGNATURES = 32
// An authority of AgID permits some hundred domains; a provider has one address.
const MAX_COMPARISONS = 50_000

const UNDERSTOOD: ReadonlySet<string> = new Set([
  OID.keyUsage,
  OID.basicConstraints,
  OID.nameConstraints,
  OID.subjectAltName,
  OID.extendedKeyUsage,
  OID.crlDistributionPoints,
  OID.certificatePolicies,
  OID.policyMappings,
  OID.policyConstraints,
  OID.inhibitAnyPolicy,
])

/** The first path that holds at this time. Whether the signer's certificate itself is within its validity is not asked. */
export async function findPath(leaf: KnownCertificate, material: PathMaterial, at: Date): Promise<PathResult> {
  const fault = signerFault(leaf.certificate, material.purpose)
  if (fault !== undefined) return { found: undefined, reason: fault }
  const search = new Search(material, at)
  const found = await search.from([leaf])
  return found === undefined ? { found: undefined, reason: search.reason } : { found }
}

class Search {
  /** Why there is no path: the last thing that stopped one, which is the nearest to an anchor. */
  reason = 'no authority that we trust stands above it'
  private readonly material: PathMaterial
  private readonly at: Date
  private signatures = 0
  private comparisons = 0

  constructor(material: PathMaterial, at: Date) {
    this.material = material
    this.at = at
  }

  async from(path: Path): Promise<Path | undefined> {
    const last = path[path.length - 1] ?? path[0]
    if (this.material.isAnchor(last)) return path
    if (path.length >= MAX_LENGTH) return undefined
    for (const authority of this.material.authorities) {
      if (path.includes(authority) || !couldHaveIssued(authority.certificate, last.certificate)) continue
      const fault = this.authorityFault(authority, path) ?? (await this.signatureFault(last, authority))
      if (fault !== undefined) {
        this.reason = fault
        continue
      }
      const found = await this.from([...path, authority])
      if (found !== undefined) return found
    }
    return undefined
  }

  /** What keeps an authority from standing above this path. */
  private authorityFault({ certificate }: KnownCertificate, below: Path): string | undefined {
    const name = formatName(certificate.subject)
    if (!isWithinValidity(certificate, this.at)) return `the authority ${name} is outside its validity`
    const fault = authorityFault(certificate, this.material.purpose)
    if (fault !== undefined) return `the authority ${name} ${fault}`
    const pathLength = certificate.basicConstraints?.pathLength
    const between = below.slice(1).filter((authority) => !isSelfIssued(authority.certificate)).length
    if (pathLength !== undefined && between > pathLength) return `the authority ${name} has ${between} authorities below it`
    return this.nameFault(certificate, below)
  }

  private nameFault({ nameConstraints, subject }: Certificate, below: Path): string | undefined {
    if (nameConstraints === undefined) return undefined
    for (const [position, { certificate }] of below.entries()) {
      if (position > 0 && isSelfIssued(certificate)) continue
      this.comparisons += costOf(certificate, nameConstraints)
      if (this.comparisons > MAX_COMPARISONS) return 'too many names to compare'
      const forbidden = forbiddenName(certificate, nameConstraints)
      if (forbidden !== undefined) return `the authority ${formatName(subject)} may not certify ${forbidden}`
    }
    return undefined
  }

  private async signatureFault(child: KnownCertificate, issuer: KnownCertificate): Promise<string | undefined> {
    this.signatures += 1
    if (this.signatures > MAX_SIGNATURES) return 'too many authorities to try'
    const valid = await isSignedBy(child.certificate.signature, issuer)
    return valid ? undefined : `it is not signed, or not safely, by ${formatName(issuer.certificate.subject)}`
  }
}

/** Whether an authority signed this, with SHA-2: SHA-1 is accepted for messages as the field has it, not for certificates and lists. */
export async function isSignedBy({ signed, scheme, value }: SignedPart, { key }: KnownCertificate): Promise<boolean> {
  if (key === undefined || scheme?.digest === undefined || scheme.digest === 'sha1') return false
  return verifySignature(key, scheme, scheme.digest, signed, value)
}

export function isWithinValidity({ notBefore, notAfter }: Certificate, at: Date): boolean {
  return at >= notBefore && at <= notAfter
}

export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return sameName(subject, issuer)
}

/** By name and, where both tell it, by key. */
export function couldHaveIssued(authority: Certificate, child: Certificate): boolean {
  if (!sameName(authority.subject, child.issuer)) return false
  const { authorityKeyIdentifier } = child
  const { subjectKeyIdentifier } = authority
  return (
    authorityKeyIdentifier === undefined ||
    subjectKeyIdentifier === undefined ||
    authorityKeyIdentifier.equals(subjectKeyIdentifier)
  )
}

function signerFault(certificate: Certificate, purpose: Purpose): string | undefined {
  const { keyUsage } = certificate
  const signs = keyUsage?.has('digitalSignature') ?? true
  // A time-stamping authority signs by either. RFC 3161 §2.3
  if (!signs && !(purpose === 'time-stamping' && keyUsage?.has('nonRepudiation'))) return 'it may not sign by its keyUsage'
  const fault = purposeFault(certificate, purpose)
  return fault === undefined ? undefined : `it ${fault}`
}

function authorityFault(certificate: Certificate, purpose: Purpose): string | undefined {
  if (certificate.basicConstraints?.authority !== true) return 'is no authority by its basicConstraints'
  if (certificate.keyUsage?.has('keyCertSign') === false) return 'may not sign certificates by its keyUsage'
  return purposeFault(certificate, purpose)
}

function purposeFault({ extensions, extendedKeyUsage }: Certificate, purpose: Purpose): string | undefined {
  for (const [id, { critical }] of extensions)
    if (critical && !UNDERSTOOD.has(id)) return `has the critical extension ${id}, which we do not know`
  if (
    extendedKeyUsage === undefined ||
    extendedKeyUsage.has(PURPOSES[purpose]) ||
    extendedKeyUsage.has(OID.anyExtendedKeyUsage)
  ) {
    return undefined
  }
  return `is not for ${purpose} by its extendedKeyUsage`
}
