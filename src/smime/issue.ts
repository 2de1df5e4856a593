/**
 * A certification authority of one's own, for installations and tests that have none: provider certificates with the profile of
 * RFC 6109 §5.5, TLS certificates, revocation lists. Keys are RSA unless asked otherwise; signatures are RSA or ECDSA with SHA-256.
 * pkijs writes the structures, node:crypto makes keys and signatures.
 */
import * as asn1js from 'asn1js'
import { createHash, createPrivateKey, generateKeyPair, randomBytes, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import * as pkijs from 'pkijs'
import {
  authorityKeyIdentifier,
  CRL_SIGN,
  DIGITAL_SIGNATURE,
  distributionPoint,
  email,
  extension,
  hostName,
  integer,
  KEY_CERT_SIGN,
  keyUsage,
  nameConstraints,
  responderAt,
  time,
} from './certificate-parts.js'
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
  readonly ocspUrl?: string
}

export interface TlsRequest extends Common {
  readonly authority: KeyAndCertificate
  /** DNS names and IP addresses; the first is the common name too. */
  readonly hosts: readonly string[]
}

export interface UserRequest extends Common {
  readonly authority: KeyAndCertificate
  /** Common name. */
  readonly name: string
  /** rfc822Names. */
  readonly addresses: readonly string[]
  readonly ocspUrl?: string
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
  const { name, pathLength, permittedEmails = [], excludedEmails = [] } = request
  const constraints = new pkijs.BasicConstraints({
    cA: true,
    ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }),
  })
  return issue(
    request,
    request.authority,
    [
      [OID.commonName, name],
      [OID.organizationName, name],
    ],
    3650,
    [
      extension(OID.basicConstraints, constraints.toSchema(), true),
      extension(OID.keyUsage, keyUsage(KEY_CERT_SIGN | CRL_SIGN), true),
      ...nameConstraints(permittedEmails, excludedEmails),
    ],
  )
}

/** A provider's S/MIME certificate. RFC 6109 §5.5 */
export async function issueProviderCertificate(request: ProviderRequest): Promise<KeyAndCertificate> {
  const { providerName, address, crlUrl, ocspUrl } = request
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
      extension(OID.keyUsage, keyUsage(DIGITAL_SIGNATURE), true),
      extension(OID.extendedKeyUsage, new pkijs.ExtKeyUsage({ keyPurposes: [OID.emailProtection] }).toSchema()),
      extension(OID.subjectAltName, new pkijs.AltName({ altNames: [email(address)] }).toSchema()),
      ...(crlUrl === undefined ? [] : [extension(OID.crlDistributionPoints, distributionPoint(crlUrl))]),
      ...(ocspUrl === undefined ? [] : [extension(OID.authorityInfoAccess, responderAt(ocspUrl))]),
    ],
  )
}

/** A TLS certificate, for servers and clients alike. */
export async function issueTlsCertificate(request: TlsRequest): Promise<KeyAndCertificate> {
  const { hosts } = request
  return issue(request, request.authority, [[OID.commonName, hosts[0] ?? 'localhost']], 825, [
    extension(OID.basicConstraints, new pkijs.BasicConstraints().toSchema(), true),
    extension(OID.keyUsage, keyUsage(DIGITAL_SIGNATURE), true),
    extension(OID.extendedKeyUsage, new pkijs.ExtKeyUsage({ keyPurposes: [OID.serverAuth, OID.clientAuth] }).toSchema()),
    extension(OID.subjectAltName, new pkijs.AltName({ altNames: hosts.map(hostName) }).toSchema()),
  ])
}

/** A certificate with which a user's mail program logs in. */
export async function issueUserCertificate(request: UserRequest): Promise<KeyAndCertificate> {
  const { name, addresses, ocspUrl } = request
  return issue(request, request.authority, [[OID.commonName, name]], 365, [
    extension(OID.keyUsage, keyUsage(DIGITAL_SIGNATURE), true),
    extension(OID.extendedKeyUsage, new pkijs.ExtKeyUsage({ keyPurposes: [OID.clientAuth] }).toSchema()),
    ...(addresses.length === 0
      ? []
      : [extension(OID.subjectAltName, new pkijs.AltName({ altNames: addresses.map(email) }).toSchema())]),
    ...(ocspUrl === undefined ? [] : [extension(OID.authorityInfoAccess, responderAt(ocspUrl))]),
  ])
}

/** A revocation list of this authority, PEM. RFC 5280 §5 */
export function issueRevocationList(request: RevocationRequest): string {
  const issuer = openAuthority(request.authority)
  const { from = new Date(), days = 7 } = request
  const number = request.number ?? Math.floor(from.getTime() / 1000)
  const revoked = request.revoked.map(
    ({ serialNumber, at }) => new pkijs.RevokedCertificate({ userCertificate: integer(serialNumber), revocationDate: time(at) }),
  )
  const list = new pkijs.CertificateRevocationList({
    version: 1,
    issuer: issuer.subject,
    thisUpdate: time(from),
    nextUpdate: time(new Date(from.getTime() + days * DAY)),
    ...(revoked.length === 0 ? {} : { revokedCertificates: revoked }),
    crlExtensions: new pkijs.Extensions({
      extensions: [authorityKeyIdentifier(issuer), extension(OID.crlNumber, integer(number.toString(16)))],
    }),
  })
  return writePem(signed(list, issuer), 'X509 CRL')
}

// -- certificates -------------------------------------------------------------------------------------------------------

type Subject = readonly (readonly [type: string, value: string])[]

async function issue(
  { from = new Date(Date.now() - HOUR), days, keyKind = 'rsa-2048' }: Common,
  authority: KeyAndCertificate | undefined,
  subject: Subject,
  defaultDays: number,
  extensions: readonly pkijs.Extension[],
): Promise<KeyAndCertificate> {
  const { privateKey, publicKey } = await generateKeys(keyKind)
  const spki = pkijs.PublicKeyInfo.fromBER(publicKey.export({ format: 'der', type: 'spki' }))
  const keyIdentifier = keyIdentifierOf(spki)
  // Not through pkijs's own list of attributes, which it writes as one relative distinguished name.
  const name = pkijs.RelativeDistinguishedNames.fromBER(writeName(subject.map(([type, value]) => ({ type, value }))))
  const issuer = authority === undefined ? { key: privateKey, subject: name, keyIdentifier } : openAuthority(authority)
  const certificate = new pkijs.Certificate({
    version: 2,
    serialNumber: integer(newSerialNumber()),
    issuer: issuer.subject,
    notBefore: time(from),
    notAfter: time(new Date(from.getTime() + (days ?? defaultDays) * DAY)),
    subject: name,
    subjectPublicKeyInfo: spki,
    extensions: [
      extension(OID.subjectKeyIdentifier, new asn1js.OctetString({ valueHex: keyIdentifier })),
      authorityKeyIdentifier(issuer),
      ...extensions,
    ],
  })
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificate: writePem(signed(certificate, issuer), 'CERTIFICATE'),
  }
}

function generateKeys(kind: KeyKind): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  if (kind === 'p-256') return makeKeyPair('ec', { namedCurve: 'prime256v1' })
  return makeKeyPair('rsa', { modulusLength: Number(kind.slice('rsa-'.length)) })
}

/** Positive, unguessable, 128 bits; hex. RFC 5280 §4.1.2.2 */
function newSerialNumber(): string {
  const serial = randomBytes(16)
  serial.writeUInt8(((serial[0] ?? 0) & 0x7f) | 0x40, 0)
  return serial.toString('hex')
}

/** Method 1 of RFC 5280 §4.2.1.2: SHA-1 of the bits of the key. */
function keyIdentifierOf({ subjectPublicKey }: pkijs.PublicKeyInfo): Buffer {
  return createHash('sha1').update(subjectPublicKey.valueBlock.valueHexView).digest()
}

// -- the issuer ---------------------------------------------------------------------------------------------------------

interface Issuer {
  readonly key: KeyObject
  readonly subject: pkijs.RelativeDistinguishedNames
  readonly keyIdentifier: Buffer
}

function openAuthority({ key, certificate }: KeyAndCertificate): Issuer {
  const [der = Buffer.alloc(0)] = readPem(Buffer.from(certificate), 'CERTIFICATE')
  const { subject, subjectPublicKeyInfo, extensions = [] } = pkijs.Certificate.fromBER(der)
  const own: unknown = extensions.find(({ extnID }) => extnID === OID.subjectKeyIdentifier)?.parsedValue
  const keyIdentifier =
    own instanceof asn1js.OctetString ? Buffer.from(own.valueBlock.valueHexView) : keyIdentifierOf(subjectPublicKeyInfo)
  return { key: createPrivateKey(key), subject, keyIdentifier }
}

/** The DER, signed by the issuer: at once, where pkijs's own sign would need a WebCrypto key and a promise. */
function signed(structure: pkijs.Certificate | pkijs.CertificateRevocationList, { key }: Issuer): Buffer {
  const algorithm =
    key.asymmetricKeyType === 'ec'
      ? new pkijs.AlgorithmIdentifier({ algorithmId: OID.ecdsaWithSha256 })
      : new pkijs.AlgorithmIdentifier({ algorithmId: OID.sha256WithRsa, algorithmParams: new asn1js.Null() })
  structure.signature = algorithm
  structure.signatureAlgorithm = algorithm
  const encode = () => structure.toSchema(true) as asn1js.Sequence
  const [toBeSigned] = encode().valueBlock.value
  if (toBeSigned === undefined) throw new Error('pkijs wrote nothing to sign')
  structure.signatureValue = new asn1js.BitString({ valueHex: sign('sha256', Buffer.from(toBeSigned.toBER()), key) })
  return Buffer.from(encode().toBER())
}
