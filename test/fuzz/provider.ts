/** A provider that signs, the index that lists it and the authority above it: made once for all targets. */
import { createPrivateKey } from 'node:crypto'
import type { Trust } from '../../src/points/judge.js'
import type { ProviderIndex, ProviderRecord } from '../../src/points/ports.js'
import type { Issuer } from '../../src/pec/signed-message.js'
import { indexRecords } from '../../src/providers/provider-index.js'
import { certificateHash } from '../../src/providers/record.js'
import { issueAuthority, issueProviderCertificate, type KeyAndCertificate } from '../../src/smime/issue.js'
import { createSigner } from '../../src/smime/signer.js'
import { TrustStore } from '../../src/smime/trust.js'
import { derOf } from '../smime/fixtures.js'

export interface FuzzProvider {
  readonly issuer: Issuer
  readonly authority: KeyAndCertificate
  readonly owner: KeyAndCertificate
  readonly index: ProviderIndex
  readonly trust: Trust
}

/** Before the validity of the certificates ends, after it begins. */
export const AT = new Date('2026-03-01T10:00:00Z')
const FROM = new Date('2026-01-01T00:00:00Z')
const ADDRESS = 'posta-certificata@gestore.test'
const NAME = 'Gestore S.p.A.'

let made: Promise<FuzzProvider> | undefined

export function provider(): Promise<FuzzProvider> {
  made ??= make()
  return made
}

async function make(): Promise<FuzzProvider> {
  const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', from: FROM })
  const holder = { authority, providerName: NAME, address: ADDRESS, from: FROM, keyKind: 'p-256' } as const
  const owner = await issueProviderCertificate(holder)
  const certificate = derOf(owner)
  const record: ProviderRecord = {
    name: NAME,
    unit: undefined,
    certificateHashes: new Set([certificateHash(certificate)]),
    certificates: [certificate],
    mailReceipt: 'ricevute@gestore.test',
    managedDomains: new Set(['gestore.test', 'altro.test']),
  }
  return {
    issuer: {
      name: NAME,
      address: ADDRESS,
      domain: 'gestore.test',
      signer: createSigner(createPrivateKey(owner.key), certificate, []),
    },
    authority,
    owner,
    index: indexRecords([record]),
    trust: new TrustStore({ anchors: [derOf(authority)], crls: undefined, crlRequired: false }),
  }
}
