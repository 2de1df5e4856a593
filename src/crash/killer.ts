/** Kills one process after the other, at random and at named steps, and brings back what nobody else does. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Chance } from './random.js'
import type { Site } from './site.js'
import { GATEWAY_STEPS, STORE_STEPS, type CrashStep } from './steps.js'

export type Victim = 'worker' | 'master' | 'store' | 'database' | 'antivirus' | CrashStep

/** How often each kind of kill, of a hundred; the rest are traps at named steps. */
const SHARES = { worker: 25, store: 8, master: 3, database: 6, antivirus: 4 } as const

const PAUSE_MS = 300
/** Kills that do not wait until work is done again hit processes that have only just been started. */
const HASTY = 0.3
const WORK_MS = 4000
/** Those that others wait for, and how long they stay away. */
const STAYING_AWAY: ReadonlySet<Victim> = new Set(['store', 'database', 'antivirus'])
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
  const kills: Record<keyof typeof SHARES, () => boolean | Promise<boolean>> = {
    worker: () => site.killWorker(chance),
    master: () => site.killMaster(chance),
    store: () => site.killStore(),
    database: () => site.killDatabase(),
    antivirus: () => site.killScanner(),
  }
  const victim = drawn(chance)
  if (victim === undefined) {
    site.traps.set(chance.one<CrashStep>([...GATEWAY_STEPS, ...STORE_STEPS]))
    return undefined
  }
  if (!(await kills[victim]())) return undefined
  if (STAYING_AWAY.has(victim)) await sleep(chance.between(0, AWAY_MS))
  return victim
}

/** Undefined for a trap. */
function drawn(chance: Chance): keyof typeof SHARES | undefined {
  let lot = chance.between(0, 100)
  return (Object.keys(SHARES) as (keyof typeof SHARES)[]).find((victim) => (lot -= SHARES[victim]) < 0)
}

async function untilMore(count: () => number): Promise<void> {
  const before = count()
  const end = performance.now() + WORK_MS
  while (count() === before && performance.now() < end) await sleep(20)
}
