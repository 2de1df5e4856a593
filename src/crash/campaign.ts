/** One run: providers come up, users write, processes are killed, everything is given time to end, and the result is judged. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Authority } from '../demo/authority.js'
import { freePort, freePorts } from '../lab/ports.js'
import { correspond, type Attempt, type User } from './clients.js'
import { gather } from './evidence.js'
import { killMany, type Victim } from './killer.js'
import { Chance } from './random.js'
import { Site, type NodePlan, type SitePlan } from './site.js'
import type { Turn } from './turn.js'
import { judge, type Verdict } from './verdict.js'

/**
 * local: between users of one provider. peers: between those of two as well. nodes: of one provider on two nodes, over one MariaDB,
 * one mailbox store and one clamd.
 */
export const SETUPS = ['local', 'peers', 'nodes'] as const
export type Setup = (typeof SETUPS)[number]

export interface CampaignOptions {
  readonly setup: Setup
  readonly kills: number
  readonly seed: number
  readonly workers: number
  /** How long the queues may stay as they are, in milliseconds, before everything is restarted. */
  readonly patience: number
  /** Shared by runs at the same time. */
  readonly turn: Turn
  readonly progress: (line: string) => void
  /** Where everything stays for inspection if there was a violation; it goes otherwise. */
  readonly keepFaulty?: boolean
}

export interface CampaignResult extends Verdict {
  readonly setup: Setup
  readonly attempts: readonly Attempt[]
  readonly kills: ReadonlyMap<Victim, number>
  /** Queue files that nobody took up before everything was restarted. */
  readonly stranded: readonly string[]
}

/** Users of each provider; one address of each is nobody's. */
const USERS = ['one', 'two', 'three', 'four']
const UNKNOWN = 'nobody'
/** By which the clocks go ahead at every restart of the end: what is due later is due then. */
const AHEAD_MS = 600_000
const RESTARTS = 6

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const directory = await mkdtemp(join(tmpdir(), `pec-crash-${options.setup}-`))
  const endTurn = await options.turn.take()
  const stop = new AbortController()
  let sites: readonly Site[] = []
  let keep = false
  try {
    sites = await open(directory, options, stop.signal)
    const result = await run(sites, options, stop, endTurn)
    keep = options.keepFaulty === true && hasViolations(result)
    if (keep) await writeFile(join(directory, 'result.json'), JSON.stringify(result, undefined, 1))
    return result
  } finally {
    endTurn()
    stop.abort()
    await Promise.all(sites.map((site) => site.close()))
    if (keep) {
      for (const site of sites) await writeFile(join(site.plan.directory, 'processes.log'), site.log)
      options.progress(`everything is in ${directory}`)
    } else await rm(directory, { recursive: true, force: true })
  }
}

export function hasViolations({ lost, duplicateReceipts, uncertifiedSent, leftover }: Verdict): boolean {
  return lost.length + duplicateReceipts.length + uncertifiedSent.length + leftover.length > 0
}

async function run(
  sites: readonly Site[],
  options: CampaignOptions,
  stop: AbortController,
  endTurn: () => void,
): Promise<CampaignResult> {
  const chance = new Chance(options.seed)
  const attempts: Attempt[] = []
  const letters = usersOf(sites).map((user) => correspond(user, attempts, chance.branch(), stop.signal))
  const kills = new Map<Victim, number>()
  let count = 0
  const killed = (victim: Victim): void => {
    kills.set(victim, (kills.get(victim) ?? 0) + 1)
    if (++count % 25 === 0) options.progress(`${options.setup}: ${count} kills`)
  }
  const accepted = (): number => attempts.filter(({ answer }) => answer === 'accepted').length
  await killMany(sites, { count: options.kills, accepted, killed }, chance.branch())
  stop.abort()
  for (const { traps } of sites) traps.clear()
  await Promise.all(letters)
  endTurn()
  const stranded = await drain(sites, options)
  const verdict = judge(await gather(sites, attempts), (address) => !address.startsWith(`${UNKNOWN}@`))
  return { ...verdict, setup: options.setup, attempts, kills, stranded }
}

/** Resolves when the queues are empty, or will never be; with what was in them before everything was restarted. */
async function drain(sites: readonly Site[], { setup, patience, progress }: CampaignOptions): Promise<readonly string[]> {
  await Promise.all(sites.map((site) => site.start()))
  progress(`${setup}: waiting for the queues to become empty`)
  if (await areEmpty(sites, patience)) return []
  const stranded = await queuedAt(sites)
  for (let restart = 0; restart < RESTARTS; restart++) {
    progress(`${setup}: ${(await queuedAt(sites)).length} files in the queues: everything is restarted`)
    await Promise.all(sites.map((site) => site.restartLater(AHEAD_MS)))
    if (await areEmpty(sites, patience)) break
  }
  return stranded
}

/** Empty three times in a row: what leaves one queue may come into another. As long as they become emptier, there is hope. */
async function areEmpty(sites: readonly Site[], patience: number): Promise<boolean> {
  let end = performance.now() + patience
  let fewest = Infinity
  for (let empty = 0; empty < 3;) {
    const { length } = await queuedAt(sites)
    empty = length === 0 ? empty + 1 : 0
    if (length < fewest) end = performance.now() + patience
    else if (length > 0 && performance.now() > end) return false
    fewest = Math.min(fewest, length)
    await sleep(150)
  }
  return true
}

async function queuedAt(sites: readonly Site[]): Promise<string[]> {
  return (await Promise.all(sites.map((site) => site.queued()))).flat()
}

function usersOf(sites: readonly Site[]): User[] {
  const contacts = sites.flatMap(({ plan }) => [...plan.mailboxes, `${UNKNOWN}@${plan.domain}`])
  return sites.flatMap((site) => site.plan.mailboxes.map((address) => ({ address, site, contacts })))
}

async function open(directory: string, { setup, workers }: CampaignOptions, signal: AbortSignal): Promise<Site[]> {
  const authority = await Authority.open(join(directory, 'authority'))
  const sites: Site[] = []
  try {
    for (const name of setup === 'peers' ? ['a', 'b'] : ['a']) {
      const plan = await planOf(name, directory, workers)
      const servers = setup === 'nodes' ? { clamd: await freePort() } : {}
      sites.push(await Site.init({ ...plan, ...servers }, authority, signal))
    }
    await introduce(sites, directory)
    if (setup === 'nodes') for (const site of sites) await site.addNode(await secondNode(site))
    await Promise.all(sites.map((site) => site.start()))
  } catch (error) {
    await Promise.all(sites.map((site) => site.close()))
    throw error
  }
  return sites
}

async function planOf(name: string, directory: string, workers: number): Promise<SitePlan> {
  const [submission = 0, starttls = 0, mx = 0, store = 0] = await freePorts(4)
  const domain = `pec-${name}.test`
  const own = join(directory, name)
  await mkdir(own)
  return {
    ...{ name: `Provider ${name.toUpperCase()}`, domain, directory: own, workers },
    ports: { submission, starttls, mx, store },
    mailboxes: USERS.map((user) => `${user}@${domain}`),
  }
}

async function secondNode({ plan }: Site): Promise<NodePlan> {
  const [submission = 0, starttls = 0, mx = 0] = await freePorts(3)
  return { directory: `${plan.directory}-second`, ports: { submission, starttls, mx } }
}

/** Each gets the others' records and routes to them. */
async function introduce(sites: readonly Site[], directory: string): Promise<void> {
  for (const site of sites) await site.provider.exportRecord(join(directory, `${site.plan.domain}.ldif`))
  for (const site of sites) {
    for (const other of sites.filter((each) => each !== site)) {
      await site.provider.importRecord(join(directory, `${other.plan.domain}.ldif`))
      await site.provider.addRoute(other.plan.domain, other.plan.ports.mx)
    }
  }
}
