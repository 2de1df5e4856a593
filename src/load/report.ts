/** What one run of the load found, as JSON for machines and as text for people. */
import { rounded } from '../bench/figures.js'
import type { MemoryFigures } from '../bench/memory.js'
import { machine } from '../bench/report.js'
import type { ExchangeFigures, Stretch } from './exchanges.js'
import type { GrowthFigures } from './growth.js'
import type { ProcessFigures } from './readings.js'

/** The parts that were measured. */
export interface Findings {
  readonly quick: boolean
  readonly exchanges: ExchangeFigures | undefined
  /** A message of 100 MB. */
  readonly memory: { readonly plain: MemoryFigures; readonly gateway: MemoryFigures } | undefined
  /** Messages per second with so many workers. */
  readonly workers: { readonly one: number; readonly two: number } | undefined
  readonly growth: GrowthFigures | undefined
}

type Json = Record<string, unknown>

/** The figures under stable names; those that were not measured are missing. */
export function toJson(findings: Findings): Json {
  const { exchanges, memory, workers, growth } = findings
  return {
    machine: machine(),
    quick: findings.quick,
    p99AcceptanceMs: figure(exchanges?.steady.latencies.acceptance?.p99),
    eventLoopP99Ms: figure(exchanges && worstLoop(exchanges.large.processes)),
    ownEventLoopP99Ms: figure(exchanges && worstOwnLoop(exchanges.large.processes)),
    memory100mOverPlainMb: figure(memory && memory.gateway.peakMb - memory.plain.peakMb),
    memory100mMb: memory,
    workersScaling: figure(workers && workers.two / workers.one),
    messagesPerSecondOfWorkers: workers && [rounded(workers.one), rounded(workers.two)],
    growthMbPer10000: figure(growth?.mbPer10000),
    growth: growth && { messages: growth.messages, residentMb: growth.residentMb.map(rounded) },
    ...(exchanges && Object.fromEntries(Object.entries(exchanges).map(([name, each]) => [name, stretchJson(each as Stretch)]))),
  }
}

/** The same as lines for a terminal. */
export function toText(findings: Findings): string {
  const { exchanges, memory, workers, growth } = findings
  const lines = [machine()]
  for (const [name, each] of Object.entries(exchanges ?? {}))
    lines.push('', ...stretchText(TITLES[name as keyof typeof TITLES], each as Stretch))
  lines.push('')
  if (exchanges !== undefined) {
    const { acceptance, receipt } = exchanges.steady.latencies
    lines.push(
      `to the acceptance receipt at 70 % of the highest rate, p99: ${shown(acceptance?.p99)} ms; to the delivery receipt: ${shown(receipt?.p99)} ms`,
    )
    const { processes } = exchanges.large
    lines.push(
      `event loops with messages of 30 MB in flight, p99: ${shown(worstLoop(processes))} ms; without what they waited for a processor: ${shown(worstOwnLoop(processes))} ms`,
    )
  }
  if (memory !== undefined) {
    const { plain, gateway } = memory
    lines.push(`100 MB message: peak ${rounded(gateway.peakMb)} MB, plain Haraka ${rounded(plain.peakMb)} MB`)
  }
  if (workers !== undefined) {
    const { one, two } = workers
    lines.push(
      `20 KiB messages per second: ${rounded(one)} with one worker, ${rounded(two)} with two, ${rounded(two / one)} times as many`,
    )
  }
  if (growth !== undefined) {
    const { residentMb, messages, mbPer10000 } = growth
    lines.push(
      `${messages} small messages: ${shown(residentMb[0])} MB at first, ${shown(residentMb.at(-1))} at the end, ${rounded(mbPer10000)} MB per 10,000 in the second half`,
    )
  }
  return `${lines.join('\n')}\n`
}

const TITLES: Readonly<Record<keyof ExchangeFigures, string>> = {
  saturation: 'mixed sizes, as fast as it goes',
  steady: 'the same at 70 % of that rate',
  large: 'messages of 30 MB, small ones beside them',
  recipients: 'one message to many mailboxes of the other provider',
}

const PEOPLE: Readonly<Record<keyof Stretch['latencies'], string>> = {
  accepted: '250',
  message: 'in mailbox',
  acceptance: 'acceptance',
  receipt: 'delivery rcpt',
}

function stretchText(title: string, { messages, messagesPerSecond, latencies, processes }: Stretch): string[] {
  const times = Object.entries(latencies).map(
    ([milestone, { p50, p99 }]) => `${PEOPLE[milestone as keyof typeof latencies]} ${rounded(p50)}/${rounded(p99)}`,
  )
  return [
    `${title}: ${messages} messages, ${rounded(messagesPerSecond)} per second`,
    `  p50/p99 ms: ${times.join(', ')}`,
    ...processes.map((each) => {
      const { name, cpuMs, loopP50Ms, loopP99Ms, loopMaxMs, ownLoopP99Ms, residentMb } = each
      const loop = `event loop p50/p99/max/own p99 ms ${[loopP50Ms, loopP99Ms, loopMaxMs, ownLoopP99Ms].map(rounded).join('/')}`
      const memory = `MB ${shown(residentMb[0])} to ${shown(residentMb.at(-1))}, most ${shown(Math.max(...residentMb))}`
      return `  ${name.padEnd(10)} CPU ${rounded(cpuMs / 1000)} s, ${loop}, ${memory}`
    }),
  ]
}

function stretchJson({ messages, messagesPerSecond, latencies, processes }: Stretch): Json {
  return {
    messages,
    messagesPerSecond: rounded(messagesPerSecond),
    latencyMs: Object.fromEntries(
      Object.entries(latencies).map(([milestone, { p50, p99 }]) => [milestone, { p50: rounded(p50), p99: rounded(p99) }]),
    ),
    processes: processes.map(({ name, cpuMs, loopP50Ms, loopP99Ms, loopMaxMs, ownLoopP99Ms, residentMb }) => ({
      name,
      cpuMs: rounded(cpuMs),
      eventLoopMs: { p50: rounded(loopP50Ms), p99: rounded(loopP99Ms), max: rounded(loopMaxMs), own: rounded(ownLoopP99Ms) },
      residentMb: residentMb.map(rounded),
    })),
  }
}

/** Of the process where it is worst. */
function worstLoop(processes: readonly ProcessFigures[]): number {
  return Math.max(...processes.map(({ loopP99Ms }) => loopP99Ms))
}

function worstOwnLoop(processes: readonly ProcessFigures[]): number {
  return Math.max(...processes.map(({ ownLoopP99Ms }) => ownLoopP99Ms))
}

function figure(value: number | undefined): number | undefined {
  return value === undefined ? undefined : rounded(value)
}

function shown(value: number | undefined): string {
  return value === undefined ? '-' : String(rounded(value))
}
