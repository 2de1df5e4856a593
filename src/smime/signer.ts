/**
 * Who signs for us: a certificate, the authorities above it, and something that can use its key. A hardware key is another
 * implementation of Signer.
 */
import { createPrivateKey, sign as rawSign, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { PecError, reasonOf } from '../errors.js'
import { checkProfile, parseCertificate, type Certificate, type CertificateHolder } from './certificate.js'
import { readPem } from './pem.js'
import type { Pkcs12 } from './pkcs12.js'

export interface Signer {
  /** DER. */
  readonly certificate: Buffer
  /** Issuing authorities to send along, DER. */
  readonly chain: readonly Buffer[]
  readonly algorithm: 'rsa' | 'ec'
  /** RSASSA-PKCS1-v1_5 or ECDSA (DER) with SHA-256 over data. Rejects with PecError 'signer', temporary. */
  sign(data: Buffer): Promise<Buffer>
  /** Lets go of what it holds, if that is more than memory; signatures under way are lost. */
  close?(): void
}

export interface CertificateFiles {
  /** Path of the certificate, PEM or DER, followed by further ones for the chain if it has several; may be the same PKCS#12 file. */
  readonly certificate: string
  /** Paths of issuing authorities' certificates to send along. */
  readonly chain?: readonly string[]
  /** Whose certificate it must be: its profile is checked only if given. RFC 6109 §5.5 */
  readonly holder?: CertificateHolder
  /** When the certificate must be valid: now, if left out. */
  readonly at?: Date
}

export interface SignerFiles extends CertificateFiles {
  /** Path of a private key in PEM, or of a PKCS#12 file. */
  readonly key: string
  /** Path of a file with the passphrase of the key. */
  readonly passphraseFile?: string
}

/** Opens a key kept in files. Throws PecError 'configuration' naming every fault found. */
export async function openFileSigner(files: SignerFiles): Promise<Signer> {
  const faults: string[] = []
  const attempt = async <T>(what: string, action: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await action()
    } catch (error) {
      faults.push(`${what}: ${reasonOf(error)}`)
      return undefined
    }
  }
  const { passphraseFile } = files
  const passphrase =
    passphraseFile === undefined ? undefined : await attempt('passphrase file', () => readPassphrase(passphraseFile))
  const key = await attempt(`key ${files.key}`, () => loadKey(files.key, passphrase))
  const own = await attempt(`certificate ${files.certificate}`, () => loadCertificates(files.certificate, passphrase))
  const chain = await Promise.all(
    (files.chain ?? []).map((path) => attempt(`chain ${path}`, () => loadCertificates(path, passphrase))),
  )
  const certificate = own === undefined ? undefined : leafOf(own, key)
  if (certificate !== undefined) faults.push(...certificateFaults(certificate, key, files))
  if (faults.length > 0 || key === undefined || own === undefined || certificate === undefined) {
    throw new PecError('configuration', `cannot sign: ${faults.join('; ')}`)
  }
  return createSigner(key, certificate.der, distinct([...own, ...chain.flatMap((found) => found ?? [])], certificate.der))
}

/** The certificate of a key that is kept elsewhere. Throws PecError 'configuration' naming every fault found. */
export async function openCertificate(files: CertificateFiles): Promise<Pick<Signer, 'certificate' | 'chain' | 'algorithm'>> {
  const read = (path: string): Promise<Certificate[]> =>
    loadCertificates(path, undefined).catch((error: unknown) => {
      throw new PecError('configuration', `cannot sign: certificate ${path}: ${reasonOf(error)}`)
    })
  const own = await read(files.certificate)
  const chain = await Promise.all((files.chain ?? []).map(read))
  const [certificate] = own
  if (certificate === undefined) throw new PecError('configuration', `cannot sign: ${files.certificate} is empty`)
  const { publicKey } = new X509Certificate(certificate.der)
  const faults = certificateFaults(certificate, undefined, files)
  if (!isUsable(publicKey)) faults.push('the key of the certificate is neither RSA nor EC')
  if (faults.length > 0) throw new PecError('configuration', `cannot sign: ${faults.join('; ')}`)
  return {
    certificate: certificate.der,
    chain: distinct([...own, ...chain.flat()], certificate.der),
    algorithm: algorithmOf(publicKey),
  }
}

/** A Signer over a key in memory, which stays a KeyObject: parsing PEM at each signature costs four times the signature. */
export function createSigner(key: KeyObject, certificate: Buffer, chain: readonly Buffer[]): Signer {
  return {
    certificate,
    chain,
    algorithm: algorithmOf(key),
    sign: (data) =>
      new Promise((resolve, reject) => {
        // With a callback the work is done in the thread pool.
        rawSign('sha256', data, key, (error, signature) => {
          if (error === null) resolve(signature)
          else reject(new PecError('signer', `signing failed: ${error.message}`, { temporary: true, cause: error }))
        })
      }),
  }
}

/** Whether this private key belongs to this certificate (DER). */
export function keyMatches(key: KeyObject, certificate: Buffer): boolean {
  return new X509Certificate(certificate).checkPrivateKey(key)
}

async function readPassphrase(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
}

async function loadKey(path: string, passphrase: string | undefined): Promise<KeyObject> {
  const file = await readFile(path)
  if (!isPem(file)) return (await openPkcs12(file, passphrase)).key
  return createPrivateKey({ key: file, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) })
}

async function loadCertificates(path: string, passphrase: string | undefined): Promise<Certificate[]> {
  const file = await readFile(path)
  const found = readPem(file, 'CERTIFICATE')
  if (found.length === 0) throw new Error('no certificate in it')
  try {
    return found.map(parseCertificate)
  } catch (error) {
    if (isPem(file)) throw error
    return (await openPkcs12(file, passphrase)).certificates.map(parseCertificate)
  }
}

/** What reads these files is in memory only where there is one. */
async function openPkcs12(file: Buffer, passphrase = ''): Promise<Pkcs12> {
  const { readPkcs12 } = await import('./pkcs12.js')
  return readPkcs12(file, passphrase)
}

function isPem(file: Buffer): boolean {
  return file.includes('-----BEGIN ')
}

/** The certificate of the key, wherever it stands among them; else the first, so that its faults are told. */
function leafOf(certificates: readonly Certificate[], key: KeyObject | undefined): Certificate | undefined {
  return certificates.find(({ der }) => key !== undefined && keyMatches(key, der)) ?? certificates[0]
}

function certificateFaults(certificate: Certificate, key: KeyObject | undefined, files: CertificateFiles): string[] {
  const { holder, at = new Date() } = files
  const faults: string[] = []
  if (key !== undefined && !isUsable(key)) faults.push('the key is neither RSA nor EC')
  if (key !== undefined && !keyMatches(key, certificate.der)) faults.push('the key does not match the certificate')
  if (at < certificate.notBefore) faults.push(`the certificate is not valid before ${certificate.notBefore.toISOString()}`)
  if (at > certificate.notAfter) faults.push(`the certificate expired at ${certificate.notAfter.toISOString()}`)
  if (holder !== undefined)
    faults.push(...checkProfile(certificate.der, holder).map((fault) => `certificate profile (RFC 6109 §5.5): ${fault}`))
  return faults
}

function isUsable(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec'
}

function algorithmOf(key: KeyObject): Signer['algorithm'] {
  return key.asymmetricKeyType === 'ec' ? 'ec' : 'rsa'
}

function distinct(certificates: readonly Certificate[], leaf: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (const { der } of certificates) if (!der.equals(leaf) && !found.some((other) => other.equals(der))) found.push(der)
  return found
}
