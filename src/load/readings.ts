/** What the processes of a gateway under load write down about themselves, and what it comes to. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { percentile } from '../bench/figures.js'

/** Names the directory of the readings to the processes of an instance. */
export const METER_VARIABLE = 'PEC_LOAD_READINGS'
/** Names the instance in what they write. */
export const NAME_VARIABLE = 'PEC_LOAD_NAME'

/** Milliseconds between two readings of a process. */
export const READING_MS = 500

/** One line of a process's file. */
export interface Reading {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** e.g. `A worker 1`. */
  readonly name: string
  readonly residentMb: number
  readonly heapMb: number
  /** User and system time since its start. */
  readonly cpuMs: number
  /** How late the event loop was for something due every some milliseconds, since the last reading; in milliseconds. */
  readonly delays: readonly number[]
  /** The same without what the process waited for a processor that others had. */
  readonly own: readonly number[]
}

/** A process during some time. */
export interface ProcessFigures {
  readonly name: string
  readonly cpuMs: number
  readonly loopP50Ms: number
  readonly loopP99Ms: number
  readonly loopMaxMs: number
  /** The 99th percentile of what the process itself was the cause of. */
  readonly ownLoopP99Ms: number
  /** Resident, at each reading. */
  readonly residentMb: readonly number[]
}

/** What was read from one time to another, process by process, in the order of their names. */
export async function processesDuring(directory: string, from: number, to: number): Promise<ProcessFigures[]> {
  const found: ProcessFigures[] = []
  for (const file of await readdir(directory)) {
    const lines = (await readFile(join(directory, file), 'utf8')).split('\n').slice(0, -1)
    const readings = lines.map((line) => JSON.parse(line) as Reading).filter(({ at }) => at >= from && at <= to)
    const figures = figuresOf(readings)
    if (figures !== undefined) found.push(figures)
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function figuresOf(readings: readonly Reading[]): ProcessFigures | undefined {
  const [first, last] = [readings[0], readings.at(-1)]
  if (first === undefined || last === undefined) return undefined
  const delays = readings.flatMap((reading) => reading.delays)
  return {
    name: first.name,
    cpuMs: last.cpuMs - first.cpuMs,
    loopP50Ms: percentile(delays, 0.5),
    loopP99Ms: percentile(delays, 0.99),
    loopMaxMs: percentile(delays, 1),
    ownLoopP99Ms: percentile(
      readings.flatMap(({ own }) => own),
      0.99,
    ),
    residentMb: readings.map(({ residentMb }) => residentMb),
  }
}
