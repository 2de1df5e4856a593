#!/usr/bin/env node
/** `npm run bench`: the gateway beside plain Haraka, from one run, on loopback. */
import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { reasonOf } from '../errors.js'
import { measureCryptography } from './cryptography.js'
import { gateway } from './gateway.js'
import { measureManyRecipients } from './many-recipients.js'
import { measureMemory } from './memory.js'
import { plain } from './plain.js'
import { toJson, toText, type Cell, type Findings } from './report.js'
import { withRig, type Rig } from './rig.js'
import { measureTokens } from './tokens.js'
import type { System } from './system.js'
import { measureThroughput, type Pace } from './throughput.js'

const SYSTEMS = { plain, gateway }
const PARTS = ['throughput', 'cryptography', 'memory', 'recipients'] as const

const FULL: Pace = { rounds: 5, warmUp: 5000, saturation: 4000, latency: 5000 }
const QUICK: Pace = { rounds: 3, warmUp: 800, saturation: 600, latency: 600 }
const SESSIONS = 8

interface Options {
  readonly quick: boolean
  readonly json?: string
  readonly workers: readonly number[]
  readonly sizes: readonly string[]
  readonly systems: readonly (keyof typeof SYSTEMS)[]
  readonly parts: readonly (typeof PARTS)[number][]
}

async function run(options: Options): Promise<Findings> {
  const { quick, parts } = options
  const systems = options.systems.map((name) => SYSTEMS[name])
  const cells: Cell[] = []
  if (parts.includes('throughput'))
    for (const workers of options.workers) cells.push(...(await throughput(systems, workers, options)))
  const memory: { -readonly [K in keyof Findings['memory']]: Findings['memory'][K] } = {}
  for (const system of parts.includes('memory') ? systems : []) {
    progress(`memory, ${system.name}`)
    memory[system.name] = await measureMemory(system, 30e6)
  }
  progress('cryptography')
  const cryptography = parts.includes('cryptography') ? await measureCryptography(quick ? 5 : 15, 300) : undefined
  const tokens = parts.includes('cryptography') ? await measureTokens(quick ? 3 : 9, 1000) : undefined
  const certified = parts.includes('recipients') && options.systems.includes('gateway')
  progress('many recipients')
  const manyRecipients = certified ? await measureManyRecipients(500) : undefined
  return { quick, cells, memory, cryptography, tokens, manyRecipients }
}

/** All systems up at the same time with so many workers, measured in turns. */
async function throughput(
  systems: readonly System[],
  workers: number,
  options: Options,
  up: readonly Rig[] = [],
): Promise<Cell[]> {
  const system = systems[up.length]
  if (system !== undefined) {
    return withRig(system, { workers, sessions: SESSIONS }, (rig) => throughput(systems, workers, options, [...up, rig]))
  }
  const cells: Cell[] = []
  for (const size of options.sizes) {
    progress(`throughput, ${size}, ${workers} worker(s)`)
    const figures = await measureThroughput(up, bytesOf(size), options.quick ? QUICK : FULL)
    cells.push(...figures.map((each, at) => ({ system: systems[at]?.name ?? 'plain', size, workers, figures: each })))
  }
  return cells
}

/** Says what is going on, apart from the results. */
function progress(what: string): void {
  process.stderr.write(`bench: ${(performance.now() / 1000).toFixed(0)} s: ${what}\n`)
}

/** `20k` is 20 KiB, `1m` 1 MiB. */
function bytesOf(size: string): number {
  const [, number = '', unit] = /^(\d+)([km])$/.exec(size) ?? []
  return Number(number) * (unit === 'm' ? 1024 * 1024 : 1024)
}

function listOf<T>(check: (item: string) => T | undefined): (value: string) => T[] {
  return (value) =>
    value.split(',').map((item) => {
      const checked = check(item)
      if (checked === undefined) throw new InvalidArgumentError(`not ${item}`)
      return checked
    })
}

function oneOf<T extends string>(values: readonly T[]): (item: string) => T | undefined {
  return (item) => values.find((value) => value === item)
}

async function main(): Promise<void> {
  const systems = Object.keys(SYSTEMS) as (keyof typeof SYSTEMS)[]
  const workers = (item: string) => (/^[1-9]\d?$/.test(item) ? Number(item) : undefined)
  const size = (item: string) => (/^[1-9]\d{0,3}[km]$/.test(item) ? item : undefined)
  const command = new Command('bench')
    .description('Measures the gateway beside plain Haraka on loopback: throughput, latency, CPU, memory.')
    .option('--quick', 'less than a minute, less exact', false)
    .option('--json <file>', 'write the figures to a file too')
    .addOption(new Option('--workers <list>', 'numbers of workers').default([1, 2]).argParser(listOf(workers)))
    .addOption(new Option('--sizes <list>', 'sizes of messages').default(['20k', '1m']).argParser(listOf(size)))
    .addOption(new Option('--systems <list>', 'of plain, gateway').default(systems).argParser(listOf(oneOf(systems))))
    .addOption(new Option('--parts <list>', `of ${PARTS.join(', ')}`).default(PARTS).argParser(listOf(oneOf(PARTS))))
    .parse()
  const options = command.opts<Options>()
  const findings = await run(options)
  process.stdout.write(toText(findings))
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(toJson(findings), null, 2)}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${reasonOf(error)}\n`)
  process.exitCode = 1
})
