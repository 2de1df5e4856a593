/** Systems side by side under the same load, round by round, so that a noisy machine disturbs all of them alike. */
import { setTimeout as sleep } from 'node:timers/promises'
import { resetPeaks } from '../lab/processes.js'
import type { Milestone, Times } from './exchange.js'
import { median, percentile } from './figures.js'
import { saturate, trickle, type Load } from './load.js'
import type { Rig } from './rig.js'

/** How long to measure; milliseconds. */
export interface Pace {
  readonly rounds: number
  readonly warmUp: number
  readonly saturation: number
  readonly latency: number
}

export interface Quantiles {
  readonly p50: number
  readonly p99: number
}

export interface Throughput {
  readonly messagesPerSecond: number
  readonly cpuMsPerMessage: number
  /** Of each round, in order: to be set against those of another system. */
  readonly cpuOfRounds: readonly number[]
  readonly peakMb: number
  /** From when a message was due, at half of the rate above, in milliseconds. */
  readonly latencies: { readonly [M in Milestone]?: Quantiles }
}

interface Round {
  readonly messagesPerSecond: number
  readonly cpuMsPerMessage: number
}

/** Messages under way at most while saturating: enough to keep every stage busy. */
function windowOf(size: number): number {
  return size > 256 * 1024 ? 8 : 32
}

/** Measures messages of one size on systems that are up; a result for each, in their order. */
export async function measureThroughput(rigs: readonly Rig[], size: number, pace: Pace): Promise<Throughput[]> {
  const loads = rigs.map((rig) => ({ rig, load: rig.load(size), rounds: [] as Round[] }))
  for (const { rig, load } of loads) {
    await saturate(load, pace.warmUp, windowOf(size))
    rig.log.take()
    resetPeaks(rig.instance.pid)
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (const { rig, load, rounds } of loads) rounds.push(await measureRound(rig, load, size, pace.saturation))
  }
  const results: Throughput[] = []
  for (const { rig, load, rounds } of loads) {
    const { peakMb } = rig.instance.consumption()
    const messagesPerSecond = median(rounds.map((round) => round.messagesPerSecond))
    const cpuOfRounds = rounds.map((round) => round.cpuMsPerMessage)
    await trickle(load, pace.latency, messagesPerSecond / 2)
    const latencies = quantiles(rig.log.take().exchanges)
    results.push({ messagesPerSecond, cpuMsPerMessage: median(cpuOfRounds), cpuOfRounds, peakMb, latencies })
  }
  return results
}

async function measureRound(rig: Rig, load: Load, size: number, ms: number): Promise<Round> {
  const before = rig.instance.consumption().cpuMs
  await saturate(load, ms, windowOf(size))
  await sleep(100) // what the last messages leave to be done: removing their queue files
  const cpuMs = rig.instance.consumption().cpuMs - before
  const { exchanges, seconds } = rig.log.take()
  return { messagesPerSecond: exchanges.length / seconds, cpuMsPerMessage: cpuMs / exchanges.length }
}

/** Of every milestone that was reached. */
export function quantiles(exchanges: readonly Times[]): Throughput['latencies'] {
  const reached = [...new Set(exchanges.flatMap((times) => Object.keys(times) as Milestone[]))]
  return Object.fromEntries(
    reached.map((milestone) => {
      const values = exchanges.map((times) => times[milestone] ?? NaN)
      return [milestone, { p50: percentile(values, 0.5), p99: percentile(values, 0.99) }]
    }),
  )
}
