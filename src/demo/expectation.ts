/** What must arrive in a scenario, and the wait for it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CertifiedKind } from '../pec/kinds.js'
import type { Inbox, Letter } from './letter.js'
import type { Outcome } from './scenario.js'
import type { Timeline } from './timeline.js'
import type { AnomalyLetter, CertifiedLetter, Verified } from './verification.js'

/** A provider's message that somebody must get, once. */
export type Expected = ExpectedCertified | ExpectedAnomaly

export interface ExpectedCertified extends Due<CertifiedLetter> {
  readonly kind: CertifiedKind
  /** The recipient that a receipt is about. */
  readonly about?: string
}

export interface ExpectedAnomaly extends Due<AnomalyLetter> {
  readonly kind: 'anomaly'
}

interface Due<Contents> {
  readonly inbox: string
  /** Name of the provider that must have signed it. */
  readonly provider: string
  /** What is wrong with its contents; empty if nothing is. */
  readonly faults: (letter: Contents) => Promise<readonly string[]>
}

export interface Wait {
  readonly inboxes: readonly Inbox[]
  readonly expected: readonly Expected[]
  readonly timeline: Timeline
  readonly signal: AbortSignal
  /** Milliseconds to wait at the most; 30 s if left out. */
  readonly patience?: number
  /** Milliseconds after the last one, for what should not come at all; 0.5 s if left out. */
  readonly quiet?: number
  readonly verify: (letter: Letter) => Promise<Verified>
}

const LONGEST_MS = 30_000
const PAUSE_MS = 25
const QUIET_MS = 500

/** Waits for everything expected, and a moment longer, or for as long as it may take at the most. Rejects when the signal comes. */
export async function receiveAll(wait: Wait): Promise<Outcome> {
  const { inboxes, expected, timeline, signal, patience = LONGEST_MS, quiet = QUIET_MS, verify } = wait
  const missing = new Set(expected)
  const letters: Verified[] = []
  const faults: string[] = []
  let end = performance.now() + (missing.size === 0 ? quiet : patience)
  while (performance.now() < end) {
    for (const letter of await arrivals(inboxes)) {
      const verified = await verify(letter)
      const match = [...missing].find((each) => isMatch(each, verified))
      if (match !== undefined) missing.delete(match)
      const complete = { ...verified, faults: [...verified.faults, ...(await contentFaults(match, verified))] }
      timeline.arrival(complete)
      letters.push(complete)
      faults.push(...complete.faults.map((fault) => `${letter.inbox}: ${fault}`))
      if (missing.size === 0) end = performance.now() + quiet
    }
    await sleep(PAUSE_MS, undefined, { signal })
  }
  for (const each of missing) {
    const about = recipientOf(each)
    const what = `no ${each.kind} message${about === undefined ? '' : ` about ${about}`}`
    faults.push(`${each.inbox}: ${what} came within ${patience / 1000} s`)
  }
  return { letters, faults }
}

/** The oldest first. */
async function arrivals(inboxes: readonly Inbox[]): Promise<Letter[]> {
  const letters = (await Promise.all(inboxes.map((inbox) => inbox.fresh()))).flat()
  return letters.sort((a, b) => a.arrivedAt.getTime() - b.arrivedAt.getTime())
}

/** The first of its kind counts: several in one inbox about one recipient are expected in this order. */
function isMatch(expected: Expected, { letter, certified }: Verified): boolean {
  if (letter.inbox !== expected.inbox || certified?.kind !== expected.kind) return false
  return certified.kind === 'anomaly' || certified.data.delivery === recipientOf(expected)
}

function recipientOf(expected: Expected): string | undefined {
  return expected.kind === 'anomaly' ? undefined : expected.about
}

async function contentFaults(match: Expected | undefined, { certified }: Verified): Promise<readonly string[]> {
  // What is wrong with a message that does not verify is told already.
  if (certified === undefined) return []
  if (match === undefined) return ['nobody should have sent this message']
  const signer = certified.provider === match.provider ? [] : [`it is signed by ${certified.provider}, not by ${match.provider}`]
  if (certified.kind === 'anomaly') return [...signer, ...(match.kind === 'anomaly' ? await match.faults(certified) : [])]
  return [...signer, ...(match.kind === 'anomaly' ? [] : await match.faults(certified))]
}
