/**
 * Whether a signer's certificate can be trusted at a given time: path to an anchor, validity, revocation. The path is found once
 * per certificate and kept; times and revocation lists are looked at on each call.
 */
import { PecError } from '../errors.js'
import type { CrlCache } from './crl.js'
import type { OcspClient } from './ocsp.js'
import { OID } from './oids.js'
import { knownCertificate, type KnownCertificate } from './known-certificates.js'
import { formatName } from './name.js'
import {
  couldHaveIssued,
  findPath,
  isSelfIssued,
  isSignedBy,
  isWithinValidity,
  type Path,
  type PathResult,
  type Purpose,
} from './path.js'
import { isAbout, type RevocationEntry, type RevocationList } from './revocation-list.js'

export type TrustStatus =
  | 'good'
  | 'revoked'
  | 'unknown' // no revocation list that is current tells, and no responder
  | 'expired'
  | 'not-yet-valid'
  | 'untrusted' // no path to an anchor, or not for signing mail

export interface TrustVerdict {
  readonly trusted: boolean
  readonly status: TrustStatus
  /** One sentence in English, for a log line. */
  readonly reason: string
}

export interface TrustOptions {
  /**
   * DER. A certificate issued by another one here is an intermediate authority, checked like any other; every other one is an anchor,
   * self-signed or not.
   */
  readonly anchors: readonly Buffer[]
  readonly crls: CrlCache | undefined
  /** Asks the responders that certificates name; nobody does if left out. */
  readonly ocsp?: Pick<OcspClient, 'statusOf'> | undefined
  /** Which of the two is asked first; the other one only where that does not tell. `crl` if left out. */
  readonly first?: RevocationSource
  /** Whether 'unknown' means not trusted. */
  readonly crlRequired: boolean
  /** What the certificates must be for: e-mail, if left out. */
  readonly purpose?: Purpose
}

export type RevocationSource = 'crl' | 'ocsp'

const MAX_PATHS = 1000
const MAX_INTERMEDIATES = 32

/** What is trusted without further question, and the paths found to it: they change together. */
interface Roots {
  readonly configured: readonly KnownCertificate[]
  readonly anchorHashes: ReadonlySet<string>
  readonly paths: Map<string, Path>
}

export class TrustStore {
  private roots: Roots
  private readonly crls: CrlCache | undefined
  private readonly ocsp: TrustOptions['ocsp']
  private readonly order: readonly RevocationSource[]
  private readonly crlRequired: boolean
  private readonly purpose: Purpose

  /** Throws PecError 'configuration' if an anchor cannot be read. */
  constructor({ anchors, crls, ocsp, first = 'crl', crlRequired, purpose = 'e-mail' }: TrustOptions) {
    this.roots = rootsOf(anchors)
    this.crls = crls
    this.ocsp = ocsp
    this.order = first === 'crl' ? ['crl', 'ocsp'] : ['ocsp', 'crl']
    this.crlRequired = crlRequired
    this.purpose = purpose
  }

  /** Goes by other anchors from now on. Throws PecError 'configuration', changing nothing, if one cannot be read. */
  replaceAnchors(anchors: readonly Buffer[]): void {
    this.roots = rootsOf(anchors)
  }

  /** Judges a signer's certificate, with the others that came with its signature (all DER), at a time. */
  async judge(certificate: Buffer, intermediates: readonly Buffer[], at: Date): Promise<TrustVerdict> {
    const leaf = knownCertificate(certificate)
    if (leaf === undefined) return { trusted: false, status: 'untrusted', reason: 'the certificate cannot be read' }
    const result = await this.pathOf(leaf, intermediates, at)
    if (result.found === undefined) return { trusted: false, status: 'untrusted', reason: result.reason }
    const { notBefore, notAfter } = leaf.certificate
    if (at < notBefore) return { trusted: false, status: 'not-yet-valid', reason: `it is valid from ${notBefore.toISOString()}` }
    if (at > notAfter) return { trusted: false, status: 'expired', reason: `it expired at ${notAfter.toISOString()}` }
    return this.judgeRevocation(result.found, at)
  }

  private async pathOf(leaf: KnownCertificate, intermediates: readonly Buffer[], at: Date): Promise<PathResult> {
    const { configured, anchorHashes, paths } = this.roots
    const kept = paths.get(leaf.hash)
    if (kept?.slice(1).every(({ certificate }) => isWithinValidity(certificate, at)) === true) return { found: kept }
    const included = intermediates.slice(0, MAX_INTERMEDIATES).flatMap((der) => knownCertificate(der) ?? [])
    const isAnchor = ({ hash }: KnownCertificate) => anchorHashes.has(hash)
    const material = { isAnchor, authorities: [...configured, ...included], purpose: this.purpose }
    const result = await findPath(leaf, material, at)
    // Only what was found is kept: another message may bring the intermediate that this one lacks.
    if (result.found !== undefined) keep(paths, leaf.hash, result.found)
    return result
  }

  private async judgeRevocation(path: Path, at: Date): Promise<TrustVerdict> {
    // All at a time: responders that do not answer are waited for once.
    const answers = await Promise.all(
      path.slice(1).map((issuer, position) => this.revocationOf(path[position] ?? path[0], issuer, at)),
    )
    let unknown: string | undefined
    for (const [position, answer] of answers.entries()) {
      if (answer.status === 'revoked') return { trusted: false, ...answer }
      // Of authorities only the lists that we have count: the operator may well have that of the issuing one only.
      if (answer.status === 'unknown' && (position === 0 || answer.listed)) unknown ??= answer.reason
    }
    if (unknown !== undefined) return { trusted: !this.crlRequired, status: 'unknown', reason: unknown }
    return { trusted: true, status: 'good', reason: 'a path to an anchor, valid, not revoked' }
  }

  private async revocationOf(subject: KnownCertificate, issuer: KnownCertificate, at: Date): Promise<Revocation> {
    const unknown: Unknown[] = []
    for (const source of this.order) {
      const answer = source === 'crl' ? await this.listed(subject, issuer, at) : await this.answered(subject, issuer, at)
      if (answer === undefined) continue
      if (answer.status !== 'unknown') return answer
      unknown.push(answer)
    }
    return {
      status: 'unknown',
      reason: unknown.map(({ reason }) => reason).join('; '),
      listed: unknown.some(({ listed }) => listed),
    }
  }

  /** What its responder says; undefined where there is none, or it is not asked. */
  private async answered(subject: KnownCertificate, issuer: KnownCertificate, at: Date): Promise<Revocation | undefined> {
    const outcome = await this.ocsp?.statusOf({ subject, issuer })
    if (outcome === undefined) return undefined
    const name = formatName(subject.certificate.subject)
    const unknown = (reason: string): Unknown => ({ status: 'unknown', reason, listed: false })
    if (outcome.status === 'failed') return unknown(`no OCSP answer for ${name}: ${outcome.reason}`)
    if (outcome.delegate !== undefined && (await this.isRevokedDelegate(outcome.delegate, issuer, at)))
      return unknown(`the OCSP responder for ${name} was itself revoked`)
    if (outcome.status === 'unknown') return unknown(`the OCSP responder does not know ${name}`)
    return (outcome.revoked && this.revocationAt(subject, outcome.revoked, at)) ?? { status: 'good' }
  }

  /** Of a responder only lists tell, unless its certificate says that nothing need. RFC 6960 §4.2.2.2.1 */
  private async isRevokedDelegate(delegate: KnownCertificate, issuer: KnownCertificate, at: Date): Promise<boolean> {
    if (delegate.certificate.extensions.has(OID.ocspNoCheck)) return false
    return (await this.listed(delegate, issuer, at)).status === 'revoked'
  }

  /** What the revocation lists at hand say. */
  private async listed(subject: KnownCertificate, issuer: KnownCertificate, at: Date): Promise<Revocation> {
    const { certificate } = subject
    const name = formatName(certificate.subject)
    this.crls?.wish(certificate.distributionPoints)
    const lists = this.crls?.listsOf(certificate.issuer).filter((list) => isAbout(list, certificate)) ?? []
    const newest = await newestSignedBy(lists, issuer)
    if (newest === undefined) return { status: 'unknown', reason: `no revocation list for ${name}`, listed: false }
    const entry = newest.revoked.get(certificate.serialNumber.toString('hex'))
    // A list that is out of date still tells of what it lists.
    const revocation = entry && this.revocationAt(subject, entry, at)
    if (revocation !== undefined) return revocation
    if (newest.nextUpdate === undefined || newest.nextUpdate < at) {
      return { status: 'unknown', reason: `the revocation list for ${name} is out of date`, listed: true }
    }
    return { status: 'good' }
  }

  /**
   * A revocation counts from its time on; that of a time-stamping certificate for all time, unless its reason says that the key is
   * safe: whoever has the key writes whatever time he likes. RFC 3161 §4
   */
  private revocationAt({ certificate }: KnownCertificate, { at: since, reason }: RevocationEntry, at: Date): Revoked | undefined {
    const told = `${formatName(certificate.subject)} was revoked at ${since.toISOString()}`
    if (since <= at) return { status: 'revoked', reason: told }
    const isStamping = this.purpose === 'time-stamping' && certificate.extendedKeyUsage?.has(OID.timeStamping) === true
    if (!isStamping || (reason !== undefined && KEY_IS_SAFE.has(reason))) return undefined
    return { status: 'revoked', reason: `${told}, not for a reason by which its earlier stamps hold` }
  }
}

function rootsOf(anchors: readonly Buffer[]): Roots {
  const configured = anchors.map((der, position) => {
    const known = knownCertificate(der)
    if (known === undefined) throw new PecError('configuration', `trust anchor ${position + 1} is not a certificate`)
    return known
  })
  const isIntermediate = ({ certificate }: KnownCertificate) =>
    !isSelfIssued(certificate) && configured.some((other) => couldHaveIssued(other.certificate, certificate))
  const anchorHashes = new Set(configured.filter((known) => !isIntermediate(known)).map(({ hash }) => hash))
  return { configured, anchorHashes, paths: new Map() }
}

function keep(paths: Map<string, Path>, hash: string, path: Path): void {
  paths.delete(hash)
  paths.set(hash, path)
  const [oldest] = paths.keys()
  if (paths.size > MAX_PATHS && oldest !== undefined) paths.delete(oldest)
}

// CRLReason: unspecified, affiliationChanged, superseded, cessationOfOperation.
const KEY_IS_SAFE: ReadonlySet<number> = new Set([0, 3, 4, 5])

type Revocation = { readonly status: 'good' } | Revoked | Unknown

interface Revoked {
  readonly status: 'revoked'
  readonly reason: string
}

interface Unknown {
  readonly status: 'unknown'
  readonly reason: string
  /** There is a list that would have to tell. */
  readonly listed: boolean
}

/** The newest of these lists that the issuer signed. */
async function newestSignedBy(lists: readonly RevocationList[], issuer: KnownCertificate): Promise<RevocationList | undefined> {
  if (issuer.certificate.keyUsage?.has('cRLSign') === false) return undefined
  for (const list of lists.toSorted((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime())) {
    if (await isListSignedBy(list, issuer)) return list
  }
  return undefined
}

const checkedLists = new WeakMap<RevocationList, Map<string, Promise<boolean>>>()

/** Lists are long: each is checked once per issuer. */
function isListSignedBy(list: RevocationList, issuer: KnownCertificate): Promise<boolean> {
  const checks = checkedLists.get(list) ?? new Map<string, Promise<boolean>>()
  checkedLists.set(list, checks)
  const check = checks.get(issuer.hash) ?? isSignedBy(list.signature, issuer)
  checks.set(issuer.hash, check)
  return check
}
