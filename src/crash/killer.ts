/** Kills one process after the other, at random and at named steps, and brings back what nobody else does. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Chance } from './random.js'
import type { Site } from './site.js'
import { GATEWAY_STEPS, STORE_STEPS, type CrashStep } from './steps.js'

export type Victim = 'worker' | 'master' | 'store' | CrashStep

/** How often each kind of kill, of a hundred; the rest are traps at named steps. */
const WORKERS = 25
const STORES = 8
const MASTERS = 3

const PAUSE_MS = 300
/** Kills that do not wait until work is done again hit processes that have only just been started. */
const HASTY = 0.3
const WORK_MS = 4000
/** How long a store stays away. */
const AWAY_MS = 800

export interface Kills {
  readonly count: number
  /** How many messages were accepted so far. */
  readonly accepted: () => number
  /** Told of each kill. */
  readonly killed: (victim: Victim) => void
}

/** Kills so many processes. */
export async function killMany(sites: readonly Site[], { count, accepted, killed }: Kills, chance: Chance): Promise<void> {
  let done = 0
  const note = (victim: Victim): void => {
    done++
    killed(victim)
  }
  while (done < count) {
    await sleep(chance.between(0, PAUSE_MS))
    if (!chance.happens(HASTY)) await untilMore(accepted)
    const victim = await strike(chance.one(sites), chance)
    if (victim !== undefined) note(victim)
    for (const site of sites) {
      site.traps.sprung().forEach(note)
      await site.revive()
    }
  }
}

/** Kills, or sets a trap, of which is heard later. Undefined if nothing was killed now. */
async function strike(site: Site, chance: Chance): Promise<Victim | undefined> {
  const lot = chance.between(0, 100)
  if (lot < WORKERS) return site.killWorker(chance) ? 'worker' : undefined
  if (lot < WORKERS + STORES) {
    const hit = site.killStore()
    await sleep(chance.between(0, AWAY_MS))
    return hit ? 'store' : undefined
  }
  if (lot < WORKERS + STORES + MASTERS) return site.killMaster() ? 'master' : undefined
  site.traps.set(chance.one<CrashStep>([...GATEWAY_STEPS, ...STORE_STEPS]))
  return undefined
}

async function untilMore(count: () => number): Promise<void> {
  const before = count()
  const end = performance.now() + WORK_MS
  while (count() === before && performance.now() < end) await sleep(20)
}
