/**
 * A certification authority of one's own, for installations and tests that have none: provider certificates with the profile of
 * RFC 6109 §5.5, TLS certificates, revocation lists. Keys are RSA unless asked otherwise; signatures are RSA or ECDSA with SHA-256.
 */
import { createHash, createPrivateKey, generateKeyPair, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { parseCertificate } from './certificate.js'
import {
  TAG,
  DerReader,
  bitString,
  boolean,
  context,
  contextTag,
  integer,
  nullValue,
  octetString,
  oid,
  onlyElement,
  readBitString,
  sequence,
  time,
  tlv,
} from './der.js'
import { writeName } from './name.js'
import { OID } from './oids.js'
import { readPem, writePem } from './pem.js'

/** A private key (PKCS#8) and its certificate, both PEM. */
export interface KeyAndCertificate {
  readonly key: string
  readonly certificate: string
}

export type KeyKind = 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p-256'

interface Common {
  /** Start of the validity: an hour before now if left out, for clocks that are behind. */
  readonly from?: Date
  readonly days?: number
  readonly keyKind?: KeyKind
}

export interface AuthorityRequest extends Common {
  /** Common name and organization. */
  readonly name: string
  /** The authority above; a self-signed root if left out. */
  readonly authority?: KeyAndCertificate
  /** rfc822Name nameConstraints, not critical as those of AgID CA1: mailboxes, hosts, or domains with a leading dot. */
  readonly permittedEmails?: readonly string[]
  readonly excludedEmails?: readonly string[]
  /** How many authorities may follow. */
  readonly pathLength?: number
}

export interface ProviderRequest extends Common {
  readonly authority: KeyAndCertificate
  /** As in the provider index: the subject's organization. */
  readonly providerName: string
  readonly address: string
  readonly crlUrl?: string
}

export interface TlsRequest extends Common {
  readonly authority: KeyAndCertificate
  /** DNS names and IP addresses; the first is the common name too. */
  readonly hosts: readonly string[]
}

export interface RevocationRequest {
  readonly authority: KeyAndCertificate
  /** Serial numbers, hex, and when each was revoked. */
  readonly revoked: readonly { readonly serialNumber: string; readonly at: Date }[]
  /** thisUpdate: now if left out. */
  readonly from?: Date
  /** Until nextUpdate. */
  readonly days?: number
  readonly number?: number
}

const DAY = 86_400_000
const HOUR = 3_600_000
const makeKeyPair = promisify(generateKeyPair)

/** A certification authority: a root, or one under another. */
export async function issueAuthority(request: AuthorityRequest): Promise<KeyAndCertificate> {
  const { name, pathLength } = request
  return issue(
    request,
    request.authority,
    [
      [OID.commonName, name],
      [OID.organizationName, name],
    ],
    3650,
    [
      extension(OID.basicConstraints, sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)])), true),
      // keyCertSign and cRLSign.
      extension(OID.keyUsage, bitString(Buffer.of(0b0000_0110), 1), true),
      ...nameConstraints(request.permittedEmails ?? [], request.excludedEmails ?? []),
    ],
  )
}

/** A provider's S/MIME certificate. RFC 6109 §5.5 */
export async function issueProviderCertificate(request: ProviderRequest): Promise<KeyAndCertificate> {
  const { providerName, address, crlUrl } = request
  return issue(
    request,
    request.authority,
    [
      [OID.countryName, 'IT'],
      [OID.organizationName, providerName],
      [OID.commonName, 'Posta Certificata'],
    ],
    1095,
    [
      extension(OID.keyUsage, DIGITAL_SIGNATURE, true),
      extension(OID.extendedKeyUsage, sequence(oid(OID.emailProtection))),
      extension(OID.subjectAltName, sequence(ascii(contextTag(1, 'primitive'), address))),
      ...(crlUrl === undefined ? [] : [extension(OID.crlDistributionPoints, distributionPoint(crlUrl))]),
    ],
  )
}

/** A TLS certificate, for servers and clients alike. */
export async function issueTlsCertificate(request: TlsRequest): Promise<KeyAndCertificate> {
  const { hosts } = request
  return issue(request, request.authority, [[OID.commonName, hosts[0] ?? 'localhost']], 825, [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, DIGITAL_SIGNATURE, true),
    extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
    extension(OID.subjectAltName, sequence(...hosts.map(hostName))),
  ])
}

/** A revocation list of this authority, PEM. RFC 5280 §5 */
export function issueRevocationList(request: RevocationRequest): string {
  const issuer = openAuthority(request.authority)
  const { from = new Date(), days = 7 } = request
  const revoked = request.revoked.map(({ serialNumber, at }) => sequence(integer(Buffer.from(serialNumber, 'hex')), time(at)))
  const tbs = sequence(
    integer(1),
    issuer.algorithm,
    issuer.subject,
    time(from),
    time(new Date(from.getTime() + days * DAY)),
    ...(revoked.length === 0 ? [] : [sequence(...revoked)]),
    context(
      0,
      sequence(
        extension(OID.authorityKeyIdentifier, sequence(tlv(contextTag(0, 'primitive'), issuer.keyIdentifier))),
        extension(OID.crlNumber, integer(request.number ?? Math.floor(from.getTime() / 1000))),
      ),
    ),
  )
  return writePem(signed(tbs, issuer), 'X509 CRL')
}

// -- certificates -------------------------------------------------------------------------------------------------------

type Subject = readonly (readonly [type: string, value: string])[]

async function issue(
  { from = new Date(Date.now() - HOUR), days, keyKind = 'rsa-2048' }: Common,
  authority: KeyAndCertificate | undefined,
  subject: Subject,
  defaultDays: number,
  extensions: readonly Buffer[],
): Promise<KeyAndCertificate> {
  const { privateKey, publicKey } = await generateKeys(keyKind)
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const name = writeName(subject.map(([type, value]) => ({ type, value })))
  const issuer = authority === undefined ? issuerOf(privateKey, name, keyIdentifierOf(spki)) : openAuthority(authority)
  const tbs = sequence(
    context(0, integer(2)),
    integer(newSerialNumber()),
    issuer.algorithm,
    issuer.subject,
    sequence(time(from), time(new Date(from.getTime() + (days ?? defaultDays) * DAY))),
    name,
    spki,
    context(
      3,
      sequence(
        extension(OID.subjectKeyIdentifier, octetString(keyIdentifierOf(spki))),
        extension(OID.authorityKeyIdentifier, sequence(tlv(contextTag(0, 'primitive'), issuer.keyIdentifier))),
        ...extensions,
      ),
    ),
  )
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificate: writePem(signed(tbs, issuer), 'CERTIFICATE'),
  }
}

function generateKeys(kind: KeyKind): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  if (kind === 'p-256') return makeKeyPair('ec', { namedCurve: 'prime256v1' })
  return makeKeyPair('rsa', { modulusLength: Number(kind.slice('rsa-'.length)) })
}

/** Positive, unguessable, 128 bits. RFC 5280 §4.1.2.2 */
function newSerialNumber(): Buffer {
  const serial = randomBytes(16)
  serial.writeUInt8(((serial[0] ?? 0) & 0x7f) | 0x40, 0)
  return serial
}

/** Method 1 of RFC 5280 §4.2.1.2: SHA-1 of the bits of the key, which end the SubjectPublicKeyInfo. */
function keyIdentifierOf(spki: Buffer): Buffer {
  const reader = new DerReader(onlyElement(spki, TAG.sequence).content)
  reader.next(TAG.sequence)
  return createHash('sha1')
    .update(readBitString(reader.next(TAG.bitString)).bits)
    .digest()
}

// -- the issuer ---------------------------------------------------------------------------------------------------------

interface Issuer {
  readonly key: KeyObject
  /** Name, DER. */
  readonly subject: Buffer
  readonly keyIdentifier: Buffer
  /** AlgorithmIdentifier of its signatures, DER. */
  readonly algorithm: Buffer
}

function issuerOf(key: KeyObject, subject: Buffer, keyIdentifier: Buffer): Issuer {
  const algorithm =
    key.asymmetricKeyType === 'ec' ? sequence(oid(OID.ecdsaWithSha256)) : sequence(oid(OID.sha256WithRsa), nullValue())
  return { key, subject, keyIdentifier, algorithm }
}

function openAuthority({ key, certificate }: KeyAndCertificate): Issuer {
  const [der = Buffer.alloc(0)] = readPem(Buffer.from(certificate), 'CERTIFICATE')
  const { subject, subjectKeyIdentifier, publicKey } = parseCertificate(der)
  return issuerOf(createPrivateKey(key), subject.der, subjectKeyIdentifier ?? keyIdentifierOf(publicKey))
}

function signed(tbs: Buffer, { key, algorithm }: Issuer): Buffer {
  return sequence(tbs, algorithm, bitString(sign('sha256', tbs, key)))
}

// -- extensions ---------------------------------------------------------------------------------------------------------

const DIGITAL_SIGNATURE = bitString(Buffer.of(0b1000_0000), 7)

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value))
}

function ascii(tag: number, text: string): Buffer {
  return tlv(tag, Buffer.from(text, 'latin1'))
}

function hostName(host: string): Buffer {
  return isIP(host) === 0 ? ascii(contextTag(2, 'primitive'), host) : tlv(contextTag(7, 'primitive'), addressBytes(host))
}

/** Four octets, or sixteen. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // URL writes every IPv6 address in one form: hexadecimal groups, with at most one `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => text.split(':').filter((group) => group !== '')
  const left = groups(head)
  const right = groups(tail ?? '')
  const zeros = new Array<string>(8 - left.length - right.length).fill('0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function distributionPoint(url: string): Buffer {
  return sequence(sequence(context(0, context(0, ascii(contextTag(6, 'primitive'), url)))))
}

function nameConstraints(permitted: readonly string[], excluded: readonly string[]): Buffer[] {
  if (permitted.length === 0 && excluded.length === 0) return []
  const subtrees = (number: number, emails: readonly string[]) =>
    emails.length === 0 ? [] : [context(number, ...emails.map((email) => sequence(ascii(contextTag(1, 'primitive'), email))))]
  return [extension(OID.nameConstraints, sequence(...subtrees(0, permitted), ...subtrees(1, excluded)))]
}
