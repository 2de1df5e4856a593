/**
 * Loaded into every process of a gateway under load before anything else (`node --require`): writes down what the process uses and
 * how late its event loop is. The product's own code knows nothing of it.
 */
import cluster from 'node:cluster'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { METER_VARIABLE, NAME_VARIABLE, READING_MS, type Reading } from './readings.js'

const STEP_MS = 10
const MEGABYTE = 1024 * 1024

/** Starts to write readings to a file of this process's own in `directory`. */
function meter(directory: string): void {
  const file = join(directory, `${process.pid}.jsonl`)
  const name = `${process.env[NAME_VARIABLE] ?? ''} ${cluster.worker === undefined ? 'master' : `worker ${cluster.worker.id}`}`
  let delays: number[] = []
  let last = performance.now()
  setInterval(() => {
    const now = performance.now()
    // Had something been due every step while the loop was busy, each of it would have waited for what was left of that time.
    for (let late = now - last - STEP_MS; late > -STEP_MS; late -= STEP_MS) delays.push(Number(Math.max(0, late).toFixed(1)))
    last = now
  }, STEP_MS).unref()
  const write = (): void => {
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const sizes = { residentMb: rss / MEGABYTE, heapMb: heapUsed / MEGABYTE, cpuMs: (user + system) / 1000 }
    const reading: Reading = { at: Date.now(), name, ...sizes, delays }
    appendFileSync(file, `${JSON.stringify(reading)}\n`)
    delays = []
  }
  setInterval(write, READING_MS).unref()
}

const directory = process.env[METER_VARIABLE]
if (directory !== undefined) meter(directory)
