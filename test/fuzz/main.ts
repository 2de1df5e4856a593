/**
 * Fuzzing for as long as one likes: `npm run fuzz -- --minutes 60`, with `--target NAME` (several, with commas between) for some
 * targets only and `--seed S` to run again what failed. Ends with 1 if anything failed.
 */
import { Command } from 'commander'
import { fuzz } from './runner.js'
import { DEFAULT_CASES, type Target } from './target.js'
import { TARGETS } from './targets.js'

interface Options {
  readonly target?: string
  readonly minutes: string
  readonly seed?: string
}

const program = new Command('fuzz')
  .description('give the parsers mutated inputs, and look at what they do')
  .option('--target <NAMES>', 'only these targets')
  .option('--minutes <N>', 'how long', '1')
  .option('--seed <S>', 'of the first round: the one that a failure was told with')

async function main({ target, minutes, seed }: Options): Promise<void> {
  const opened: Target[] = []
  for (const open of TARGETS) opened.push(await open())
  const wanted = target?.split(',') ?? opened.map(({ name }) => name)
  const targets = opened.filter(({ name }) => wanted.includes(name))
  if (targets.length === 0) throw new Error(`no such target; there are ${opened.map(({ name }) => name).join(', ')}`)
  const end = performance.now() + Number(minutes) * 60_000
  const failed = new Set<string>()
  for (let round = Number(seed ?? Date.now() & 0x7fffffff); performance.now() < end && failed.size < targets.length; round++) {
    for (const each of targets) if (!failed.has(each.name) && !(await passes(each, round, end))) failed.add(each.name)
  }
  process.exitCode = failed.size > 0 ? 1 : 0
}

async function passes(target: Target, seed: number, end: number): Promise<boolean> {
  const time = Math.max(1, end - performance.now())
  const { cases, seconds, slowest, failure } = await fuzz(target, { seed, cases: target.cases ?? DEFAULT_CASES, time })
  const rate = Math.round(cases / seconds)
  process.stdout.write(`${target.name}: seed ${seed}, ${cases} cases, ${rate}/s, slowest ${Math.round(slowest)} ms\n`)
  if (failure !== undefined) process.stdout.write(`${failure}\n`)
  return failure === undefined
}

void main(program.parse().opts<Options>())
