/** A responder of openssl's on loopback and certificates that name it, for each file of tests; stores of trust that ask it. */
import { after, before, beforeEach } from 'node:test'
import { issueAuthority, issueProviderCertificate, type KeyAndCertificate } from '../../src/smime/issue.js'
import { OcspClient, type OcspTold } from '../../src/smime/ocsp.js'
import { TrustStore, type TrustOptions, type TrustVerdict } from '../../src/smime/trust.js'
import { OcspResponder } from '../harness/ocsp.js'
import { ADDRESS, derOf, NAME, temporaryDirectory } from './fixtures.js'

export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

export let responder: OcspResponder
export let authority: KeyAndCertificate
export let leaf: KeyAndCertificate
export let other: KeyAndCertificate
export let directory: string

export const provider = (ocspUrl?: string): Promise<KeyAndCertificate> =>
  issueProviderCertificate({
    ...{ authority, providerName: NAME, address: ADDRESS, keyKind: 'p-256', from: new Date(Date.now() - DAY) },
    ...(ocspUrl === undefined ? {} : { ocspUrl }),
  })

before(async () => {
  directory = await temporaryDirectory()
  responder = await OcspResponder.listen()
  authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', from: new Date(Date.now() - DAY) })
  ;[leaf, other] = await Promise.all([provider(responder.url), provider(responder.url)])
})

after(() => responder.close())

beforeEach(() => {
  responder.requests = 0
  responder.behaviour = (request, ask) => ask(request)
})

export interface Rig {
  readonly told: OcspTold[]
  /** Of the client. */
  now: number
  readonly judge: (certificate?: KeyAndCertificate, at?: Date) => Promise<TrustVerdict>
}

export function rigOf(options: Partial<TrustOptions> = {}, timeout = 20_000, copies?: string): Rig {
  const told: OcspTold[] = []
  const ocsp = new OcspClient({
    ...{ timeout, clock: () => new Date(rig.now), onAnswer: (each) => told.push(each) },
    ...(copies === undefined ? {} : { copies }),
  })
  const trust = new TrustStore({ anchors: [derOf(authority)], crls: undefined, ocsp, crlRequired: true, ...options })
  const rig: Rig = {
    told,
    now: Date.now(),
    judge: (certificate = leaf, at = new Date()) => trust.judge(derOf(certificate), [], at),
  }
  return rig
}

export const both = () => [{ certificate: leaf }, { certificate: other }]
