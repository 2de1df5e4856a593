/** The digest and signature algorithms we accept, and the one place where a signature is checked. RFC 8017, RFC 4055, RFC 5754, RFC 5758 */
import { constants, createPublicKey, verify as rawVerify, type KeyObject } from 'node:crypto'
import { TAG, DerReader, contextTag, onlyElement, readOid, readSmallInteger } from './der.js'
import { OID } from './oids.js'

export type DigestName = 'sha1' | 'sha256' | 'sha384' | 'sha512'

export interface SignatureScheme {
  readonly family: 'rsa' | 'rsa-pss' | 'ec'
  /** undefined: the algorithm does not say (rsaEncryption), the message's digest algorithm does. */
  readonly digest: DigestName | undefined
  /** Octets; RSA-PSS only. */
  readonly saltLength?: number
}

const DIGESTS: ReadonlyMap<string, DigestName> = new Map([
  [OID.sha1, 'sha1'],
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
])

const SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map<string, SignatureScheme>([
  [OID.rsaEncryption, { family: 'rsa', digest: undefined }],
  [OID.sha1WithRsa, { family: 'rsa', digest: 'sha1' }],
  [OID.sha256WithRsa, { family: 'rsa', digest: 'sha256' }],
  [OID.sha384WithRsa, { family: 'rsa', digest: 'sha384' }],
  [OID.sha512WithRsa, { family: 'rsa', digest: 'sha512' }],
  [OID.ecdsaWithSha1, { family: 'ec', digest: 'sha1' }],
  [OID.ecdsaWithSha256, { family: 'ec', digest: 'sha256' }],
  [OID.ecdsaWithSha384, { family: 'ec', digest: 'sha384' }],
  [OID.ecdsaWithSha512, { family: 'ec', digest: 'sha512' }],
])

/** The digest that an AlgorithmIdentifier names; undefined if it is none of ours. Throws PecError 'malformed'. */
export function readDigestAlgorithm(identifier: Buffer): DigestName | undefined {
  const { id, parameters } = readIdentifier(identifier)
  return isEmpty(parameters) ? DIGESTS.get(id) : undefined
}

/** The signature scheme that an AlgorithmIdentifier names; undefined if it is none of ours. Throws PecError 'malformed'. */
export function readSignatureAlgorithm(identifier: Buffer): SignatureScheme | undefined {
  const { id, parameters } = readIdentifier(identifier)
  if (id === OID.rsaPss) return parameters === undefined ? undefined : readPssParameters(parameters)
  return isEmpty(parameters) ? SCHEMES.get(id) : undefined
}

function readIdentifier(identifier: Buffer): { readonly id: string; readonly parameters: Buffer | undefined } {
  const reader = new DerReader(onlyElement(identifier, TAG.sequence).content)
  const id = readOid(reader.next(TAG.oid))
  const parameters = reader.done ? undefined : reader.element().bytes
  reader.end()
  return { id, parameters }
}

/** Absent or NULL: both are met for the same algorithm. */
function isEmpty(parameters: Buffer | undefined): boolean {
  return parameters === undefined || (parameters.length === 2 && parameters[0] === TAG.null)
}

/** RFC 4055 §3.1. Only the use everyone makes of it: MGF1 with the same digest, which must be written out. */
function readPssParameters(parameters: Buffer): SignatureScheme | undefined {
  const reader = new DerReader(onlyElement(parameters, TAG.sequence).content)
  const hash = reader.optional(contextTag(0, 'constructed'))
  const mask = reader.optional(contextTag(1, 'constructed'))
  const salt = reader.optional(contextTag(2, 'constructed'))
  const trailer = reader.optional(contextTag(3, 'constructed'))
  reader.end()
  if (hash === undefined || mask === undefined) return undefined
  if (trailer !== undefined && readSmallInteger(onlyElement(trailer, TAG.integer).content) !== 1) return undefined
  const digest = readDigestAlgorithm(hash)
  const generator = readIdentifier(mask)
  if (digest === undefined || generator.id !== OID.mgf1 || generator.parameters === undefined) return undefined
  if (readDigestAlgorithm(generator.parameters) !== digest) return undefined
  const saltLength = salt === undefined ? 20 : readSmallInteger(onlyElement(salt, TAG.integer).content)
  return { family: 'rsa-pss', digest, saltLength }
}

const RSA_BITS = { least: 1024, most: 8192 } as const
const CURVES: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1']

/** The key in a SubjectPublicKeyInfo (DER); undefined for kinds and sizes we do not verify with. */
export function readPublicKey(spki: Buffer): KeyObject | undefined {
  let key: KeyObject
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec') return CURVES.includes(namedCurve) ? key : undefined
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss') return undefined
  // A huge key or exponent would make one verification as dear as thousands.
  const bounded = modulusLength >= RSA_BITS.least && modulusLength <= RSA_BITS.most && publicExponent < 2n ** 64n
  return bounded ? key : undefined
}

/** Whether a signature under this scheme can be one of this key. */
export function fitsKey(scheme: SignatureScheme, key: KeyObject): boolean {
  if (scheme.family === 'rsa-pss') return key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss'
  return key.asymmetricKeyType === scheme.family
}

/** Whether `signature` is the key's over `data`; the work is done in the thread pool. */
export function verifySignature(
  key: KeyObject,
  scheme: SignatureScheme,
  digest: DigestName,
  data: Buffer,
  signature: Buffer,
): Promise<boolean> {
  if (!fitsKey(scheme, key)) return Promise.resolve(false)
  const input =
    scheme.family === 'rsa-pss'
      ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltLength ?? 20 }
      : scheme.family === 'rsa'
        ? { key, padding: constants.RSA_PKCS1_PADDING }
        : { key, dsaEncoding: 'der' as const }
  return new Promise((resolve) => {
    rawVerify(digest, data, input, signature, (error, valid) => resolve(error === null && valid))
  })
}
