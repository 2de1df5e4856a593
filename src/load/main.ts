#!/usr/bin/env node
/** `npm run load`: what the gateway stands, on loopback: throughput, latency, event loops, memory. */
import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { gateway } from '../bench/gateway.js'
import { measureMemory } from '../bench/memory.js'
import { plain } from '../bench/plain.js'
import { withRig, type Rig } from '../bench/rig.js'
import { measureThroughput, type Pace } from '../bench/throughput.js'
import { reasonOf } from '../errors.js'
import { HUGE, measureExchanges, type ExchangePace } from './exchanges.js'
import { measureGrowth } from './growth.js'
import { toJson, toText, type Findings } from './report.js'

const PARTS = ['exchanges', 'memory', 'workers', 'growth'] as const

const MEASURED = { workers: 2, connections: 50 }
const FULL: ExchangePace = {
  ...MEASURED,
  ...{ warmUp: 5000, saturation: 30_000, steady: 30_000, large: 15_000, mix: 400, recipients: 1000, huge: true },
}
const QUICK: ExchangePace = {
  ...MEASURED,
  ...{ warmUp: 1000, saturation: 3000, steady: 3000, large: 1500, mix: 200, recipients: 50, huge: false },
}
const FULL_PACE: Pace = { rounds: 5, warmUp: 3000, saturation: 3000, latency: 1000 }
const QUICK_PACE: Pace = { rounds: 3, warmUp: 500, saturation: 1000, latency: 100 }
const SMALL = 20 * 1024
const SESSIONS = 8
const MANY = 10_000
const QUICK_MANY = 1000

interface Options {
  readonly quick: boolean
  readonly json?: string
  readonly parts: readonly (typeof PARTS)[number][]
  readonly messages?: number
}

async function run({ quick, parts, messages }: Options): Promise<Findings> {
  if (parts.includes('memory')) progress('a message of 100 MB, plain Haraka and the gateway')
  const memory = parts.includes('memory')
    ? { plain: await measureMemory(plain, HUGE), gateway: await measureMemory(gateway, HUGE) }
    : undefined
  if (parts.includes('workers')) progress('one worker and two')
  const workers = parts.includes('workers') ? await measureWorkers(quick ? QUICK_PACE : FULL_PACE) : undefined
  const many = messages ?? (quick ? QUICK_MANY : MANY)
  if (parts.includes('growth')) progress(`${many} small messages`)
  const growth = parts.includes('growth') ? await measureGrowth(many, progress) : undefined
  // At the end: this process goes on with less of the processors than those of the other parts should have.
  const exchanges = parts.includes('exchanges') ? await measureExchanges(quick ? QUICK : FULL, progress) : undefined
  return { quick, exchanges, memory, workers, growth }
}

/** Messages per second with one worker and with two, in turns. */
function measureWorkers(pace: Pace): Promise<Findings['workers']> {
  const withWorkers = <T>(workers: number, use: (rig: Rig) => Promise<T>) =>
    withRig(gateway, { workers, sessions: SESSIONS }, use)
  return withWorkers(1, (one) =>
    withWorkers(2, async (two) => {
      const [first, second] = await measureThroughput([one, two], SMALL, pace)
      return { one: first?.messagesPerSecond ?? NaN, two: second?.messagesPerSecond ?? NaN }
    }),
  )
}

/** Says what is going on, apart from the results. */
function progress(what: string): void {
  process.stderr.write(`load: ${(performance.now() / 1000).toFixed(0)} s: ${what}\n`)
}

function partsOf(text: string): (typeof PARTS)[number][] {
  return text.split(',').map((item) => {
    const part = PARTS.find((each) => each === item)
    if (part === undefined) throw new InvalidArgumentError(`not ${item}`)
    return part
  })
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('not a whole number from 1 to 9999999')
  return Number(text)
}

async function main(): Promise<void> {
  const options = new Command('load')
    .description('Puts the gateway under load on loopback: throughput, latency, event loops, memory.')
    .option('--quick', 'less than a minute, less exact', false)
    .option('--json <file>', 'write the figures to a file too')
    .addOption(new Option('--parts <list>', `of ${PARTS.join(', ')}`).default(PARTS).argParser(partsOf))
    .addOption(new Option('--messages <n>', `small messages of the part growth: ${MANY} unless told`).argParser(whole))
    .parse()
    .opts<Options>()
  const findings = await run(options)
  process.stdout.write(toText(findings))
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(toJson(findings), undefined, 2)}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`load: ${reasonOf(error)}\n`)
  process.exitCode = 1
})
