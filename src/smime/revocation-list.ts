/** Certificate revocation lists, read. RFC 5280 §5 */
import { readSignedPart, type Certificate, type SignedPart } from './certificate.js'
import {
  TAG,
  DerReader,
  contextTag,
  elements,
  malformed,
  onlyElement,
  readBoolean,
  readInteger,
  readSmallInteger,
  readTime,
} from './der.js'
import { readExtensions, readFullName, type Extensions, type GeneralName } from './extensions.js'
import { parseName, sameName, type Name } from './name.js'
import { OID } from './oids.js'

export interface RevocationList {
  readonly issuer: Name
  readonly thisUpdate: Date
  /** undefined: the issuer does not say, so nobody can tell whether it is current. */
  readonly nextUpdate: Date | undefined
  readonly signature: SignedPart
  readonly scope: Scope
  /** By serial number, hex. */
  readonly revoked: ReadonlyMap<string, RevocationEntry>
}

/** What a list, or a responder, says of a certificate that is revoked. */
export interface RevocationEntry {
  readonly at: Date
  /** CRLReason; undefined where none is given. RFC 5280 §5.3.1 */
  readonly reason: number | undefined
}

/** Which of the issuer's certificates a list is about. RFC 5280 §5.2.5 */
interface Scope {
  readonly users: boolean
  readonly authorities: boolean
  /** Only certificates that name one of these as their distribution point; all, if undefined. */
  readonly points: readonly GeneralName[] | undefined
}

const EVERYTHING: Scope = { users: true, authorities: true, points: undefined }

/** Reads a DER list. Throws PecError 'malformed', also for kinds that we do not use: delta, indirect, limited to some reasons. */
export function parseRevocationList(der: Buffer): RevocationList {
  const { body, signature } = readSignedPart(der)
  const version = body.optional(TAG.integer)
  if (version !== undefined && readSmallInteger(version) !== 1) throw malformed('a revocation list of an unknown version')
  if (!body.element(TAG.sequence).bytes.equals(signature.algorithm))
    throw malformed('a list signed with another algorithm than it says')
  const issuer = parseName(body.element(TAG.sequence).bytes)
  const thisUpdate = readTime(body.element())
  const nextUpdate = body.tag === TAG.utcTime || body.tag === TAG.generalizedTime ? readTime(body.element()) : undefined
  const revoked = readRevoked(body.optional(TAG.sequence))
  const extensions = body.optional(contextTag(0, 'constructed'))
  body.end()
  const scope = extensions === undefined ? EVERYTHING : readScope(readExtensions(extensions))
  return { issuer, thisUpdate, nextUpdate, signature, scope, revoked }
}

function readRevoked(content: Buffer | undefined): Map<string, RevocationEntry> {
  const revoked = new Map<string, RevocationEntry>()
  for (const { tag, content: entry } of elements(content ?? Buffer.alloc(0))) {
    if (tag !== TAG.sequence) throw malformed('an entry that is not a SEQUENCE')
    const reader = new DerReader(entry)
    const serialNumber = readInteger(reader.next(TAG.integer)).toString('hex')
    const at = readTime(reader.element())
    const reason = reader.done ? undefined : readReason(readExtensions(reader.element(TAG.sequence).bytes))
    reader.end()
    revoked.set(serialNumber, { at, reason })
  }
  return revoked
}

/** For what cannot be read there is no reason: the entry stands without it. */
function readReason(extensions: Extensions): number | undefined {
  refuseCritical(extensions, [OID.reasonCode])
  const { value } = extensions.get(OID.reasonCode) ?? {}
  return value?.length === 3 && value[0] === TAG.enumerated && value[1] === 1 ? value[2] : undefined
}

/** A critical extension may change what a list means: what is not understood may not be used. */
function refuseCritical(extensions: Extensions, understood: readonly string[]): void {
  for (const [id, { critical }] of extensions) {
    if (critical && !understood.includes(id)) throw malformed(`a revocation list with the critical extension ${id}`)
  }
}

function readScope(extensions: Extensions): Scope {
  if (extensions.has(OID.deltaCrlIndicator)) throw malformed('a delta revocation list')
  refuseCritical(extensions, [OID.issuingDistributionPoint, OID.authorityKeyIdentifier, OID.crlNumber])
  const point = extensions.get(OID.issuingDistributionPoint)
  if (point === undefined) return EVERYTHING
  const reader = new DerReader(onlyElement(point.value, TAG.sequence).content)
  const name = reader.optional(contextTag(0, 'constructed'))
  const flag = (number: number) => {
    const value = reader.optional(contextTag(number, 'primitive'))
    return value !== undefined && readBoolean(value)
  }
  const onlyUsers = flag(1)
  const onlyAuthorities = flag(2)
  const someReasons = reader.optional(contextTag(3, 'primitive')) !== undefined
  const indirect = flag(4)
  const onlyAttributes = flag(5)
  reader.end()
  if (someReasons || indirect || onlyAttributes) throw malformed('a revocation list that is indirect or for some cases only')
  return { users: !onlyAuthorities, authorities: !onlyUsers, points: name === undefined ? undefined : readFullName(name) }
}

/** Whether a certificate that is not on the list is, by that, not revoked. */
export function isAbout(list: RevocationList, certificate: Certificate): boolean {
  const { users, authorities, points } = list.scope
  if (!(certificate.basicConstraints?.authority === true ? authorities : users)) return false
  if (!sameName(list.issuer, certificate.issuer)) return false
  return points?.some((point) => certificate.distributionPoints.some((own) => samePoint(point, own))) ?? true
}

function samePoint(a: GeneralName, b: GeneralName): boolean {
  if (a.form === 'uri' && b.form === 'uri') return a.text === b.text
  return a.form === 'directory' && b.form === 'directory' && sameName(a.name, b.name)
}
