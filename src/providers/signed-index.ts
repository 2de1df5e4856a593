/** The index of providers as it is published: an LDIF file in a CMS signature, `.ldif.p7m`. RFC 6109 §4.5 */
import { PecError } from '../errors.js'
import { readPem } from '../smime/pem.js'
import type { TrustStore } from '../smime/trust.js'
import { verifyEnclosed } from '../smime/verify.js'

export interface SignedIndex {
  /** As it was signed; not yet read. */
  readonly ldif: Buffer
  readonly signedAt: Date
}

/**
 * Opens a signed index, in DER, PEM or base64. `signers` says who may have signed it: an index is everybody's trust. Rejects with
 * PecError 'index' if it is not signed, or not as it should be.
 */
export async function openSignedIndex(file: Buffer, signers: TrustStore, at: Date): Promise<SignedIndex> {
  const { certificate, chain, ...index } = await unwrap(file)
  const { trusted, reason } = await signers.judge(certificate, chain, at)
  if (!trusted) throw refused(`it is signed by somebody who may not sign it: ${reason}`)
  return index
}

/** When a signed index says that it was signed; whoever signed it. Rejects with PecError 'index' as above. */
export async function signingTimeOf(file: Buffer): Promise<Date> {
  return (await unwrap(file)).signedAt
}

/** The LDIF of an index, signed by whomever or not at all. Rejects with PecError 'index' if it is signed, but not as it should be. */
export async function contentOf(file: Buffer): Promise<Buffer> {
  return /^(?:\xef\xbb\xbf)?(?:version|dn|#)/i.test(file.toString('latin1', 0, 16)) ? file : (await unwrap(file)).ldif
}

async function unwrap(file: Buffer) {
  const { verdict, content } = await verifyEnclosed(binaryOf(file))
  if (!verdict.valid) throw refused(`its signature does not hold (${verdict.fault})`)
  const { certificate, chain, signingTime } = verdict
  if (content === undefined || signingTime === undefined) throw refused('it does not say when it was signed')
  return { ldif: content, signedAt: signingTime, certificate, chain }
}

function binaryOf(file: Buffer): Buffer {
  if (file[0] === 0x30) return file
  const [found] = [...readPem(file, 'PKCS7'), ...readPem(file, 'CMS')]
  if (found !== undefined) return found
  const text = file.toString('latin1')
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text)) throw refused('it is no signed file, neither DER nor PEM nor base64')
  return Buffer.from(text, 'base64')
}

function refused(reason: string): PecError {
  return new PecError('index', `the index is refused: ${reason}`)
}
