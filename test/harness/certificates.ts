/** Throwaway TLS keys and certificates, made for the test that asks. */
import { issueAuthority, issueTlsCertificate } from '../../src/smime/issue.js'

export interface TlsIdentity {
  readonly key: string
  readonly cert: string
  /** PEM of the authority to trust. */
  readonly ca: string
}

/** A certificate for localhost and 127.0.0.1 under an authority of its own; PEM. */
export async function tlsIdentity(hosts: readonly string[] = ['localhost', '127.0.0.1']): Promise<TlsIdentity> {
  const authority = await issueAuthority({ name: 'Test CA', keyKind: 'p-256' })
  const { key, certificate } = await issueTlsCertificate({ authority, hosts, keyKind: 'p-256' })
  return { key, cert: certificate, ca: authority.certificate }
}
