/** A provider with everything that others know it by: authority, certificate, record of the index. */
import { createPrivateKey } from 'node:crypto'
import type { Issuer } from '../../src/pec/signed-message.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { issueAuthority, issueProviderCertificate, issueRevocationList, type KeyAndCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { createSigner } from '../../src/smime/signer.js'
import { readAll } from '../../src/mail/source.js'
import type { Moment } from '../../src/pec/moment.js'
import { makeAll } from '../pec/messages.js'

export interface KnownProvider {
  readonly issuer: Issuer
  readonly authority: KeyAndCertificate
  /** DER. */
  readonly certificate: Buffer
  /** The index of providers, LDIF, with this one alone in it. */
  readonly index: Buffer
  /** A list of the authority, PEM, on which the certificate stands if it was revoked. */
  readonly revocationList: (from: Date, revokedAt?: Date) => string
}

/** Valid for `days` from `from`; manages gestore.test and the domains given. */
export async function makeKnownProvider(from: Date, days: number, ...domains: readonly string[]): Promise<KnownProvider> {
  const name = 'Gestore S.p.A.'
  const address = 'posta-certificata@gestore.test'
  const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', from, days: 36500 })
  const pair = await issueProviderCertificate({ authority, providerName: name, address, keyKind: 'p-256', from, days })
  const [certificate = Buffer.alloc(0)] = readPem(Buffer.from(pair.certificate), 'CERTIFICATE')
  const serialNumber = parseCertificate(certificate).serialNumber.toString('hex')
  return {
    issuer: { name, address, domain: 'gestore.test', signer: createSigner(createPrivateKey(pair.key), certificate, []) },
    authority,
    certificate,
    index: ownRecordLdif({
      ...{ name, certificates: [certificate], mailReceipt: 'ricevute@gestore.test' },
      domains: ['gestore.test', ...domains],
    }),
    revocationList: (listedFrom, revokedAt) =>
      issueRevocationList({
        authority,
        from: listedFrom,
        revoked: revokedAt === undefined ? [] : [{ serialNumber, at: revokedAt }],
      }),
  }
}

/** The bytes of a message of each kind, by its name. */
export async function bytesOf({ issuer }: KnownProvider, at: Date | Moment): Promise<ReadonlyMap<string, Buffer>> {
  const all = await makeAll(issuer, at)
  return new Map(await Promise.all([...all.messages].map(async ([name, { message }]) => [name, await readAll(message)] as const)))
}

export const DAY = 86_400_000
