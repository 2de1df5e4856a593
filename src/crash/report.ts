/** The figures of a run. */
import type { CampaignResult } from './campaign.js'
import type { Victim } from './killer.js'

export interface Figures {
  readonly kills: number
  /** What was promised and is not there. */
  readonly lost: number
  readonly duplicateReceipts: number
  /** In a mailbox or certified without reason. */
  readonly uncertifiedSent: number
  /** Times that a mailbox got what it had already. */
  readonly duplicateDeliveries: number
  /** Receipts among these that the register had already. */
  readonly recordedTwice: number
  readonly messages: number
  /** Certified, but their clients have not heard of it. */
  readonly unheard: number
  /** Left in a queue at the end. */
  readonly leftover: number
  /** Queue files that waited for a restart. */
  readonly stranded: number
  readonly seed: number
  readonly seconds: number
  readonly victims: Readonly<Partial<Record<Victim, number>>>
}

export type Run = Pick<Figures, 'seed' | 'seconds'>

export function toJson(results: readonly CampaignResult[], { seed, seconds }: Run): Figures {
  const sum = (count: (result: CampaignResult) => number): number => results.reduce((total, each) => total + count(each), 0)
  const victims: Partial<Record<Victim, number>> = {}
  for (const { kills } of results) for (const [victim, count] of kills) victims[victim] = (victims[victim] ?? 0) + count
  return {
    kills: sum(({ kills }) => [...kills.values()].reduce((total, count) => total + count, 0)),
    lost: sum(({ lost }) => lost.length),
    duplicateReceipts: sum(({ duplicateReceipts }) => duplicateReceipts.length),
    uncertifiedSent: sum(({ uncertifiedSent }) => uncertifiedSent.length),
    duplicateDeliveries: sum(({ duplicateDeliveries }) => duplicateDeliveries),
    recordedTwice: sum(({ recordedTwice }) => recordedTwice),
    messages: sum(({ attempts }) => attempts.length),
    unheard: sum(({ unheard }) => unheard),
    leftover: sum(({ leftover }) => leftover.length),
    stranded: sum(({ stranded }) => stranded.length),
    seed,
    seconds: Math.round(seconds),
    victims,
  }
}

const SHOWN = 20

export function toText(results: readonly CampaignResult[], run: Run): string {
  const { victims, ...figures } = toJson(results, run)
  const lines = Object.entries(figures).map(([name, value]) => `${name.padEnd(20)} ${value}`)
  const killed = Object.entries(victims).map(([victim, count]) => `  ${victim.padEnd(28)} ${count}`)
  const faults = results.flatMap(({ setup, lost, duplicateReceipts, uncertifiedSent, leftover }) =>
    Object.entries({ lost, duplicateReceipts, uncertifiedSent, leftover }).flatMap(([kind, all]) =>
      all.slice(0, SHOWN).map((line) => `${setup}, ${kind}: ${line}`),
    ),
  )
  return `${[...lines, 'killed:', ...killed, ...faults].join('\n')}\n`
}
