/** A provider to sign with: a CA and a certificate made for this test run. */
import { createPrivateKey } from 'node:crypto'
import type { Issuer } from '../../src/pec/signed-message.js'
import { issueAuthority, issueProviderCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { createSigner } from '../../src/smime/signer.js'

export interface TestIssuer extends Issuer {
  /** The anchor, PEM. */
  readonly authority: string
}

const ANY_TIME = { from: new Date('2000-01-01'), days: 25_000 }

/** One that may sign at any time of a test's, unless its certificate is to begin at a certain one. */
export async function makeIssuer(from?: Date): Promise<TestIssuer> {
  const validity = from === undefined ? ANY_TIME : { from }
  const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', ...validity })
  const address = 'posta-certificata@gestore.test'
  const provider = await issueProviderCertificate({
    authority,
    providerName: 'Gestore S.p.A.',
    address,
    keyKind: 'rsa-2048',
    ...validity,
  })
  const [certificate = Buffer.alloc(0)] = readPem(Buffer.from(provider.certificate), 'CERTIFICATE')
  const signer = createSigner(createPrivateKey(provider.key), certificate, [])
  return { name: 'Gestore S.p.A.', address, domain: 'gestore.test', signer, authority: authority.certificate }
}
