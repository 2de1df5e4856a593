#!/usr/bin/env node
/** `npm run growth`: what a ledger costs as it grows, on either database. */
import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { rounded } from '../bench/figures.js'
import { reasonOf } from '../errors.js'
import type { EngineName } from './database.js'
import { grow, type GrowthFigures } from './growth.js'

interface Options {
  readonly rows: number
  readonly engine: EngineName
  readonly evidence: number
  readonly json?: string
}

async function main(): Promise<void> {
  const command = new Command('growth')
    .description('fill a ledger with the traffic of 30 months, and measure commits and retrievals at a tenth, half and all of it')
    .option('--rows <N>', 'events in the register at the end', count, 1e6)
    .addOption(new Option('--engine <ENGINE>', 'the database').choices(['sqlite', 'mysql']).default('sqlite'))
    .option('--evidence <BYTES>', 'of daticert.xml and of smime.p7s in the rows that are filled in', count, 100)
    .option('--json <FILE>', 'write the figures there')
  const { rows, engine, evidence, json } = command.parse().opts<Options>()
  const sizes = [rows / 10, rows / 2, rows].map(Math.round)
  const plan = { engine, sizes, evidence, rounds: 7, perRound: 150, runs: 30 }
  const figures = await grow(plan, (line) => process.stderr.write(`${line}\n`))
  process.stdout.write(`${toText(figures)}\n`)
  if (json !== undefined) await writeFile(json, `${JSON.stringify(figures, undefined, 2)}\n`)
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It is a whole number above 0, e.g. 1e6.')
  return value
}

function toText({ engine, stages, commitCpuRatio, commitWallRatio, effortRatio, slowestQueryMs }: GrowthFigures): string {
  const lines = [`${engine}: an exchange is two commits; milliseconds`]
  for (const { events, megabytes, commit, effort, queries } of stages) {
    lines.push(
      `${events} events, ${megabytes} MB: CPU ${rounded(commit.cpuMs)}, wall ${rounded(commit.wallMs)}; effort ${rounded(effort)}`,
    )
    for (const [name, { p50, max }] of Object.entries(queries))
      lines.push(`  ${name}: median ${rounded(p50)}, most ${rounded(max)}`)
  }
  lines.push(
    `last over first: CPU ${rounded(commitCpuRatio)}, wall ${rounded(commitWallRatio)}, effort ${rounded(effortRatio)}; slowest page ${rounded(slowestQueryMs)}`,
  )
  return lines.join('\n')
}

main().catch((error: unknown) => {
  process.stderr.write(`growth: ${reasonOf(error)}\n`)
  process.exitCode = 1
})
