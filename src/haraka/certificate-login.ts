/**
 * Logging in with the certificate of a TLS client (A1): SASL EXTERNAL in the place of a password, or a certificate beside it. Haraka asks
 * for certificates (requestCert of tls.ini), TLS proves that the client has the key, and whether it opens a mailbox is ours to say.
 * RFC 4422 appendix A, RFC 4954
 */
import type { Connection } from './types.js'

/** The longest login in an answer, in bytes. */
const MAX_LOGIN = 512

/** DER; undefined where the client has shown none. */
export function certificateOf({ tls }: Connection): Buffer | undefined {
  const raw = tls.enabled ? tls.peerCertificate?.raw : undefined
  return Buffer.isBuffer(raw) && raw.length > 0 ? raw : undefined
}

/** What the client answers to EXTERNAL: the login that it wants, '' for that of its certificate; undefined for what is no answer. */
export function readExternal(answer: string): string | undefined {
  if (answer === '' || answer === '=') return ''
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(answer) || answer.length > MAX_LOGIN) return undefined
  const login = Buffer.from(answer, 'base64').toString('utf8')
  return /^[\x21-\x7e]+$/.test(login) ? login : undefined
}
