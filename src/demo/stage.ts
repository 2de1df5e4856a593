/**
 * What a scenario plays on: two independent providers under one authority, and the mail host of somebody who has no certified mail.
 * All of it on loopback, in one directory, and gone when it is closed.
 */
import { join } from 'node:path'
import { freePorts } from '../lab/ports.js'
import { startSink, type Sink } from '../lab/sink.js'
import { Authority } from './authority.js'
import { DemoProvider, type ProviderPlan } from './provider.js'
import type { Performance, Scenario } from './scenario.js'

export const DOMAINS = { a: 'pec-a.test', b: 'pec-b.test', ordinary: 'example.test' } as const

/** The people of each provider. */
export interface Cast {
  readonly a: readonly string[]
  readonly b: readonly string[]
}

export const PASSWORD = 'segretissimo'

/** The stage before its providers start. */
export interface Ground {
  /** For anything that a scenario wants to keep. */
  readonly directory: string
  readonly authority: Authority
  readonly a: DemoProvider
  readonly b: DemoProvider
  /** What ends something that was started for the scenario. */
  readonly onClose: (end: () => Promise<unknown>) => void
}

export interface Stage {
  readonly authority: Authority
  readonly a: DemoProvider
  readonly b: DemoProvider
  readonly ordinaryHost: Sink
  /** What the scenario has prepared to be played here. */
  readonly perform: Performance
  close(): Promise<void>
}

/** Sets the stage in `directory`. Rejects, with all that had been started ended, if it cannot be set or the signal comes. */
export async function setStage(directory: string, { cast, prepare }: Scenario, signal: AbortSignal): Promise<Stage> {
  const endings: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    await Promise.all(endings.map((end) => end()))
  }
  try {
    const authority = await Authority.open(join(directory, 'authority'))
    const ordinaryHost = await startSink({ protocol: 'smtp' })
    endings.push(() => ordinaryHost.close())
    const roles = await assignRoles(directory, cast)
    const [a, b] = await both(roles, async ({ plan, addresses }) => {
      const provider = await DemoProvider.init(plan, authority, signal)
      for (const address of addresses) await provider.addMailbox(address, PASSWORD)
      return provider
    })
    endings.push(...[a, b].map((provider) => () => provider.stop()))
    await introduce(a, b, directory)
    await both([a, b], (provider) => provider.addRoute(DOMAINS.ordinary, ordinaryHost.port))
    const perform = await prepare({ directory, authority, a, b, onClose: (end) => void endings.push(end) })
    await both([a, b], (provider) => provider.start())
    return { authority, a, b, ordinaryHost, perform, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Role {
  readonly plan: ProviderPlan
  readonly addresses: readonly string[]
}

async function assignRoles(directory: string, { a, b }: Cast): Promise<readonly [Role, Role]> {
  const ports = await freePorts(8)
  const portsFrom = (first: number): ProviderPlan['ports'] => {
    const [submission = 0, starttls = 0, mx = 0, store = 0] = ports.slice(first, first + 4)
    return { submission, starttls, mx, store }
  }
  return [
    { plan: { name: 'Provider A', domain: DOMAINS.a, directory: join(directory, 'A'), ports: portsFrom(0) }, addresses: a },
    { plan: { name: 'Provider B', domain: DOMAINS.b, directory: join(directory, 'B'), ports: portsFrom(4) }, addresses: b },
  ]
}

/** Each gets the other's record, as the index of all providers gives it in service, and a route in place of the DNS. */
async function introduce(a: DemoProvider, b: DemoProvider, directory: string): Promise<void> {
  const recordOf = ({ plan }: DemoProvider): string => join(directory, `${plan.domain}.ldif`)
  await both([a, b], (provider) => provider.exportRecord(recordOf(provider)))
  await both([a, b], async (provider) => {
    const other = provider === a ? b : a
    await provider.importRecord(recordOf(other))
    await provider.addRoute(other.plan.domain, other.plan.ports.mx)
  })
}

/** Does the same with two at once. Waits for both, then rejects if either failed: nothing may go on when the stage is cleared. */
export async function both<T, R>(pair: readonly [T, T], work: (one: T) => Promise<R>): Promise<readonly [R, R]> {
  const [first, second] = await Promise.allSettled([work(pair[0]), work(pair[1])])
  if (first.status === 'rejected') throw first.reason
  if (second.status === 'rejected') throw second.reason
  return [first.value, second.value]
}
