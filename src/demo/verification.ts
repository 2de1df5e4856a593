/** Whether a message is what it claims to be: judged as each provider judges what comes in, and by openssl. */
import { openPecMessage, readCertified } from '../pec/message.js'
import type { CertificationData } from '../pec/certification.js'
import type { Kind } from '../pec/kinds.js'
import { fromBuffer, slice, type Source } from '../mail/source.js'
import { judge, type Fault, type Judgement } from '../points/judge.js'
import type { Letter } from './letter.js'
import type { Openssl } from './openssl.js'
import type { Eyes } from './provider.js'

/**
 * signature: the bytes are those that were signed. index: the signer's certificate is a provider's. chain: it leads to the
 * authority, is valid and not revoked. data: the form is right, and the signer is the one to say what the certification data say.
 * openssl: `openssl cms -verify` says the same of signature and chain.
 */
export type CheckName = 'signature' | 'index' | 'chain' | 'data' | 'openssl'

export interface Verified {
  readonly letter: Letter
  readonly passed: readonly CheckName[]
  /** What is wrong with it, in words. */
  readonly faults: readonly string[]
  /** Of a message that is certified in every respect. */
  readonly certified: CertifiedLetter | undefined
}

export interface CertifiedLetter {
  readonly kind: Kind
  /** The provider that signed it. */
  readonly provider: string
  readonly data: CertificationData
  /** The message that it carries. */
  readonly original: Source | undefined
}

/** The order in which a provider asks, and where it stopped. */
const ORDER: readonly CheckName[] = ['signature', 'index', 'chain', 'data']

/** Judges a letter by every pair of eyes. A check passes if it passes for all of them. */
export async function verify(letter: Letter, eyes: readonly Eyes[], openssl: Openssl | undefined): Promise<Verified> {
  const source = fromBuffer(letter.bytes)
  let passed = ORDER
  const faults: string[] = []
  let judgement: Judgement | undefined
  for (const { name, index, trust } of eyes) {
    judgement = await judge(source, letter.arrivedAt, index, trust)
    if (judgement.verdict === 'envelope' || judgement.verdict === 'receipt') continue
    const found = judgement.verdict === 'ordinary' ? [judgement.fault] : judgement.faults
    passed = passed.slice(0, Math.min(passed.length, ...found.map((fault) => ORDER.indexOf(checkOf(fault)))))
    faults.push(...found.map(({ english }) => `${name}: ${english}`))
  }
  const complaint = await openssl?.complaint(letter.bytes)
  if (complaint !== undefined) faults.push(`openssl: ${complaint}`)
  const all: readonly CheckName[] = openssl === undefined || complaint !== undefined ? passed : [...passed, 'openssl']
  const certified = faults.length === 0 ? await certifiedOf(source, judgement) : undefined
  return { letter, passed: all, faults, certified }
}

function checkOf({ kind }: Fault): CheckName {
  switch (kind) {
    case 'unsigned':
    case 'signature-invalid':
      return 'signature'
    case 'signer-unknown':
      return 'index'
    case 'certificate-untrusted':
      return 'chain'
    default:
      return 'data'
  }
}

async function certifiedOf(source: Source, judgement: Judgement | undefined): Promise<CertifiedLetter | undefined> {
  const form = await readCertified(await openPecMessage(source))
  if (!form.correct || judgement === undefined) return undefined
  const { kind, data, original } = form
  const carried = original === undefined ? undefined : slice(source, original.start, original.end)
  return { kind, provider: 'provider' in judgement ? judgement.provider.name : '', data, original: carried }
}
