/**
 * Loaded into every process of a gateway under load before anything else (`node --require`): writes down what the process uses and
 * how late its event loop is. The product's own code knows nothing of it.
 */
import cluster from 'node:cluster'
import { appendFileSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { METER_VARIABLE, NAME_VARIABLE, READING_MS, type Reading } from './readings.js'

const STEP_MS = 10
const MEGABYTE = 1024 * 1024

/** Starts to write readings to a file of this process's own in `directory`. */
function meter(directory: string): void {
  const file = join(directory, `${process.pid}.jsonl`)
  const name = `${process.env[NAME_VARIABLE] ?? ''} ${cluster.worker === undefined ? 'master' : `worker ${cluster.worker.id}`}`
  let delays: number[] = []
  let own: number[] = []
  let last = performance.now()
  let lastWaited = waitedMs()
  setInterval(() => {
    const now = performance.now()
    const waited = waitedMs()
    const late = now - last - STEP_MS
    delays.push(...lateness(late))
    own.push(...lateness(late - (waited - lastWaited)))
    last = now
    lastWaited = waited
  }, STEP_MS).unref()
  const write = (): void => {
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const sizes = { residentMb: rss / MEGABYTE, heapMb: heapUsed / MEGABYTE, cpuMs: (user + system) / 1000 }
    const reading: Reading = { at: Date.now(), name, ...sizes, delays, own }
    appendFileSync(file, `${JSON.stringify(reading)}\n`)
    delays = []
    own = []
  }
  setInterval(write, READING_MS).unref()
}

/** Had something been due every step while the loop was busy, each of it would have waited for what was left of that time. */
function lateness(late: number): number[] {
  const steps = Math.max(0, Math.ceil(late / STEP_MS) - 1)
  return Array.from({ length: steps + 1 }, (_, step) => Number(Math.max(0, late - step * STEP_MS).toFixed(1)))
}

// Of the main thread: nanoseconds on a processor, and in line for one.
const schedule = openSync('/proc/self/schedstat', 'r')
const text = Buffer.alloc(64)

/** Milliseconds that the main thread could have run and had no processor. */
function waitedMs(): number {
  const [, waited = '0'] = text.toString('latin1', 0, readSync(schedule, text, 0, text.length, 0)).split(' ')
  return Number(waited) / 1e6
}

const directory = process.env[METER_VARIABLE]
if (directory !== undefined) meter(directory)
