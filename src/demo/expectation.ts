/** What must arrive in a scenario, and the wait for it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kind } from '../pec/kinds.js'
import type { Inbox, Letter } from './letter.js'
import type { Outcome } from './scenario.js'
import type { Timeline } from './timeline.js'
import type { CertifiedLetter, Verified } from './verification.js'

/** A certified message that somebody must get, once. */
export interface Expected {
  readonly kind: Kind
  readonly inbox: string
  /** The recipient that a receipt is about. */
  readonly about?: string
  /** Name of the provider that must have signed it. */
  readonly provider: string
  /** What is wrong with its contents; empty if nothing is. */
  readonly faults: (letter: CertifiedLetter) => Promise<readonly string[]>
}

export interface Wait {
  readonly inboxes: readonly Inbox[]
  readonly expected: readonly Expected[]
  readonly timeline: Timeline
  readonly signal: AbortSignal
  /** Milliseconds to wait at the most; 30 s if left out. */
  readonly patience?: number
  readonly verify: (letter: Letter) => Promise<Verified>
}

const LONGEST_MS = 30_000
const PAUSE_MS = 25
/** After the last one, for what should not come at all. */
const QUIET_MS = 500

/** Waits for everything expected, and a moment longer, or for as long as it may take at the most. Rejects when the signal comes. */
export async function receiveAll({ inboxes, expected, timeline, signal, patience = LONGEST_MS, verify }: Wait): Promise<Outcome> {
  const missing = new Set(expected)
  const letters: Verified[] = []
  const faults: string[] = []
  let end = performance.now() + patience
  while (performance.now() < end) {
    for (const letter of await arrivals(inboxes)) {
      const verified = await verify(letter)
      const match = [...missing].find((each) => isMatch(each, verified))
      if (match !== undefined) missing.delete(match)
      const complete = { ...verified, faults: [...verified.faults, ...(await contentFaults(match, verified))] }
      timeline.arrival(complete)
      letters.push(complete)
      faults.push(...complete.faults.map((fault) => `${letter.inbox}: ${fault}`))
      if (missing.size === 0) end = performance.now() + QUIET_MS
    }
    await sleep(PAUSE_MS, undefined, { signal })
  }
  for (const { kind, inbox, about } of missing) {
    faults.push(`${inbox}: no ${kind} message${about === undefined ? '' : ` about ${about}`} came within ${patience / 1000} s`)
  }
  return { letters, faults }
}

/** The oldest first. */
async function arrivals(inboxes: readonly Inbox[]): Promise<Letter[]> {
  const letters = (await Promise.all(inboxes.map((inbox) => inbox.fresh()))).flat()
  return letters.sort((a, b) => a.arrivedAt.getTime() - b.arrivedAt.getTime())
}

function isMatch({ kind, inbox, about }: Expected, { letter, certified }: Verified): boolean {
  return letter.inbox === inbox && certified?.kind === kind && certified.data.delivery === about
}

async function contentFaults(match: Expected | undefined, { certified }: Verified): Promise<readonly string[]> {
  // What is wrong with a message that is not certified is told already.
  if (certified === undefined) return []
  if (match === undefined) return ['nobody should have sent this message']
  const signer = certified.provider === match.provider ? [] : [`it is signed by ${certified.provider}, not by ${match.provider}`]
  return [...signer, ...(await match.faults(certified))]
}
