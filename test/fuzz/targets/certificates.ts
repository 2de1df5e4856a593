/** Certificates and revocation lists: read or refused, and never trusted once a byte has changed. */
import assert from 'node:assert/strict'
import { checkProfile, parseCertificate } from '../../../src/smime/certificate.js'
import { issueAuthority, issueProviderCertificate, issueRevocationList } from '../../../src/smime/issue.js'
import { knownCertificate } from '../../../src/smime/known-certificates.js'
import { forbiddenName } from '../../../src/smime/name-constraints.js'
import { isSignedBy } from '../../../src/smime/path.js'
import { readPem, writePem } from '../../../src/smime/pem.js'
import { isAbout, parseRevocationList } from '../../../src/smime/revocation-list.js'
import { TrustStore } from '../../../src/smime/trust.js'
import { derOf } from '../../smime/fixtures.js'
import { makeCertificate } from '../../providers/certificates.js'
import { AT, provider, type FuzzProvider } from '../provider.js'
import { unlessRefused, type Target } from '../target.js'

const HOLDER = { providerName: 'Gestore S.p.A.', address: 'posta-certificata@gestore.test' }

export async function certificateTarget(): Promise<Target> {
  const house = await provider()
  const { authority, owner } = house
  const narrow = await issueAuthority({
    ...{ name: 'Stretta', authority, permittedEmails: ['.gestore.test'], excludedEmails: ['x@gestore.test'], pathLength: 0 },
    keyKind: 'p-256',
  })
  const crlUrl = 'http://127.0.0.1:9/x.crl'
  const under = await issueProviderCertificate({ authority: narrow, ...HOLDER, crlUrl, keyKind: 'p-256' })
  const corpus = [derOf(owner), derOf(authority), derOf(narrow), derOf(under), makeCertificate('semplice')]
  return { name: 'certificate', cases: 1500, corpus, format: 'der', run: (input) => runCertificate(input, corpus, house) }
}

async function runCertificate(input: Buffer, corpus: readonly Buffer[], { authority, trust }: FuzzProvider): Promise<void> {
  checkProfile(input, HOLDER)
  const read = await unlessRefused(() => parseCertificate(input))
  assert.equal(knownCertificate(input) !== undefined, read !== undefined)
  for (const der of readPem(Buffer.from(writePem(input, 'CERTIFICATE')), 'CERTIFICATE')) assert.ok(der.equals(input))
  readPem(input, 'CERTIFICATE')
  if (read === undefined) return
  const { value: certificate } = read
  if (certificate.nameConstraints !== undefined) forbiddenName(certificate, certificate.nameConstraints)
  const { trusted } = await trust.judge(input, corpus, AT)
  if (trusted) assert.ok(corpus.some((der) => der.equals(input)))
  const asAnchor = new TrustStore({ anchors: [input], crls: undefined, crlRequired: true })
  await asAnchor.judge(derOf(authority), [input], AT)
}

export async function revocationTarget(): Promise<Target> {
  const { authority } = await provider()
  const days = { from: AT, days: 30 }
  const at = new Date('2026-02-01T00:00:00Z')
  const lists = [
    issueRevocationList({ authority, revoked: [], ...days }),
    issueRevocationList({ authority, revoked: [{ serialNumber: '0badcafe', at }], number: 7, ...days }),
    issueRevocationList({
      authority,
      revoked: Array.from({ length: 500 }, (_, serial) => ({ serialNumber: (serial + 4096).toString(16), at })),
      ...days,
    }),
  ]
  const corpus = lists.flatMap((pem) => readPem(Buffer.from(pem), 'X509 CRL'))
  const issuer = knownCertificate(derOf(authority))
  assert.ok(issuer)
  const run = async (input: Buffer): Promise<void> => {
    readPem(input, 'X509 CRL')
    const list = await unlessRefused(() => parseRevocationList(input))
    if (list === undefined) return
    isAbout(list.value, issuer.certificate)
    if (await isSignedBy(list.value.signature, issuer)) assert.ok(corpus.some((der) => der.equals(input)))
  }
  return { name: 'revocation', cases: 1500, corpus, format: 'der', run }
}
