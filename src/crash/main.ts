#!/usr/bin/env node
/** `npm run crash`: kills processes of real gateways under load, and sets what is there afterwards against what clients were told. */
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { reasonOf } from '../errors.js'
import { hasViolations, runCampaign, SETUPS, type Setup } from './campaign.js'
import { toJson, toText } from './report.js'
import { Turn } from './turn.js'

interface Options {
  readonly kills: number
  readonly seed: number
  readonly json?: string
  readonly workers: number
  readonly setups: readonly Setup[]
  readonly patience: number
  readonly keep: boolean
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('not a whole number')
  return Number(text)
}

function setups(text: string): Setup[] {
  return text.split(',').map((name) => {
    const setup = SETUPS.find((each) => each === name)
    if (setup === undefined) throw new InvalidArgumentError(`not of ${SETUPS.join(', ')}`)
    return setup
  })
}

async function main(): Promise<void> {
  const options = new Command('crash')
    .description('Kills processes of gateways under load, and checks that nothing was lost and nothing certified twice.')
    .addOption(new Option('--kills <n>', 'kills in all').default(500).argParser(whole))
    .addOption(new Option('--seed <n>', 'of an earlier run').default(randomInt(1e9), 'a new one').argParser(whole))
    .addOption(new Option('--workers <n>', 'of each gateway').default(2).argParser(whole))
    .addOption(new Option('--setups <list>', `of ${SETUPS.join(', ')}`).default(SETUPS).argParser(setups))
    .addOption(
      new Option('--patience <s>', 'that the queues may stay as they are before all is restarted').default(90).argParser(whole),
    )
    .option('--json <file>', 'write the figures to a file too')
    .option('--keep', 'keep the directory of a run with violations', false)
    .parse()
    .opts<Options>()
  const { kills, seed, workers, patience, keep } = options
  const progress = (line: string): void =>
    void process.stderr.write(`crash: ${(performance.now() / 1000).toFixed(0)} s: ${line}\n`)
  progress(`seed ${seed}`)
  const turn = new Turn()
  const results = await Promise.all(
    options.setups.map((setup, at, { length }) => {
      const share = Math.floor((kills * (at + 1)) / length) - Math.floor((kills * at) / length)
      const own = { setup, kills: share, seed: seed + at, workers, patience: patience * 1000, turn, progress, keepFaulty: keep }
      return runCampaign(own)
    }),
  )
  const run = { seed, seconds: performance.now() / 1000 }
  process.stdout.write(toText(results, run))
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(toJson(results, run), undefined, 2)}\n`)
  if (results.some(hasViolations)) process.exitCode = 1
}

main().catch((error: unknown) => {
  process.stderr.write(`crash: ${reasonOf(error)}\n`)
  process.exitCode = 1
})
