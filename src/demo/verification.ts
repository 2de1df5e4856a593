/** Whether a message is what it claims to be: judged as each provider judges what comes in, and by openssl. */
import type { CertificationData } from '../pec/certification.js'
import { readEnclosures } from '../pec/enclosures.js'
import type { CertifiedKind } from '../pec/kinds.js'
import { openPecMessage, readCertified, type OpenedMessage } from '../pec/message.js'
import { decodedText } from '../mail/entity.js'
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
  /** Of a provider's message that is right in every respect. */
  readonly certified: CertifiedLetter | AnomalyLetter | undefined
}

export interface CertifiedLetter {
  readonly kind: CertifiedKind
  /** The provider that signed it. */
  readonly provider: string
  readonly data: CertificationData
  /** The message that it carries. */
  readonly original: Source | undefined
}

/** Of what it carries it certifies nothing. */
export interface AnomalyLetter {
  readonly kind: 'anomaly'
  readonly provider: string
  /** Why, as it tells a person. */
  readonly reason: string
  readonly original: Source | undefined
}

/** The order in which a provider asks, and where it stopped. */
const ORDER: readonly CheckName[] = ['signature', 'index', 'chain', 'data']

/** Judges a letter by every pair of eyes. A check passes if it passes for all of them. */
export async function verify(letter: Letter, eyes: readonly Eyes[], openssl: Openssl | undefined): Promise<Verified> {
  const source = fromBuffer(letter.bytes)
  const opened = await openPecMessage(source)
  let passed = ORDER
  const faults: string[] = []
  let judgement: Judgement | undefined
  for (const { name, index, trust } of eyes) {
    judgement = await judge(source, letter.arrivedAt, index, trust)
    const found = faultsIn(judgement, opened)
    passed = passed.slice(0, Math.min(passed.length, ...found.map((fault) => ORDER.indexOf(checkOf(fault)))))
    faults.push(...found.map(({ english }) => `${name}: ${english}`))
  }
  const complaint = await openssl?.complaint(letter.bytes)
  if (complaint !== undefined) faults.push(`openssl: ${complaint}`)
  const all: readonly CheckName[] = openssl === undefined || complaint !== undefined ? passed : [...passed, 'openssl']
  const certified = faults.length === 0 ? await certifiedOf(opened, judgement) : undefined
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

function faultsIn(judgement: Judgement, { claimed }: OpenedMessage): readonly Fault[] {
  if (judgement.verdict === 'ordinary') return [judgement.fault]
  if (judgement.verdict !== 'incorrect') return []
  // Other providers take no anomaly envelope for certified mail, nor is it; that is no fault in it. RFC 6109 §3.2.2
  const isExpected = ({ kind }: Fault): boolean => kind === 'not-certified' || kind === 'no-certification'
  return claimed === 'anomaly' ? judgement.faults.filter((fault) => !isExpected(fault)) : judgement.faults
}

async function certifiedOf(
  opened: OpenedMessage,
  judgement: Judgement | undefined,
): Promise<CertifiedLetter | AnomalyLetter | undefined> {
  const provider = judgement !== undefined && 'provider' in judgement ? judgement.provider.name : ''
  if (opened.claimed === 'anomaly') {
    const { original } = await readEnclosures(opened)
    return { kind: 'anomaly', provider, reason: await reasonIn(opened), original: original?.message }
  }
  const form = await readCertified(opened)
  if (!form.correct) return undefined
  const { kind, data, original } = form
  return { kind, provider, data, original: original && slice(opened.source, original.start, original.end) }
}

const MAX_TEXT = 64 * 1024

/** What the readable text of an anomaly envelope names as its cause. */
async function reasonIn({ source, structure }: OpenedMessage): Promise<string> {
  const part = structure?.parts[0]?.parts[0]
  const text = part === undefined ? '' : await decodedText(source, part, MAX_TEXT)
  return /per il seguente errore:\r\n(.*)\r\nIl messaggio originale/s.exec(text)?.[1] ?? ''
}
