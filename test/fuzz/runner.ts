/** Runs a target over many mutated inputs, and tells of the first that it fails on. */
import fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cook, recipes, type Recipe } from './mutation.js'
import type { Target } from './target.js'
import { Watchdog } from './watchdog.js'

export interface Budget {
  readonly seed: number
  readonly cases: number
  /** Milliseconds after which no further case is begun. */
  readonly time: number
}

export interface Report {
  readonly cases: number
  readonly seconds: number
  /** Milliseconds. */
  readonly slowest: number
  /** Why it failed and how to run that again; undefined if it did not. */
  readonly failure: string | undefined
}

/** No case may take longer, in milliseconds. */
const LIMIT = 1000
/** Bytes that the process may grow by. */
const GROWTH = 1024 * 1024 * 1024
/** Cases between two looks at the memory. */
const LOOK = 128

export async function fuzz(target: Target, { seed, cases, time }: Budget): Promise<Report> {
  const watchdog = new Watchdog(target.name)
  const before = process.memoryUsage.rss()
  const begun = performance.now()
  let done = 0
  let slowest = 0

  const timed = async (input: Buffer): Promise<number> => {
    // The time of the processor, not of the wall: other work on the machine does not count.
    const start = process.cpuUsage()
    watchdog.begin(input)
    try {
      await target.run(input)
    } finally {
      watchdog.end()
    }
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000
  }
  const check = async (recipe: Recipe): Promise<void> => {
    const input = cook(recipe, target)
    let taken = await timed(input)
    // Slow only if it is so again: a collection of garbage may have come in between.
    if (taken > LIMIT) taken = Math.min(taken, await timed(input))
    if (taken > LIMIT) throw new Error(`${Math.round(taken)} ms for ${input.length} bytes`)
    slowest = Math.max(slowest, taken)
    done += 1
    if (done % LOOK === 0 && process.memoryUsage.rss() - before > GROWTH) throw new Error('the memory has grown by a gigabyte')
  }

  try {
    const details = await fc.check(fc.asyncProperty(recipes(target), check), {
      ...{ seed: seed + offsetOf(target), numRuns: cases, interruptAfterTimeLimit: time, markInterruptAsFailure: false },
      examples: target.corpus.map((_, member): [Recipe] => [{ member, edits: [] }]),
    })
    const failure = details.failed && details.counterexample !== null ? describe(target, seed, details) : undefined
    return { cases: done, seconds: (performance.now() - begun) / 1000, slowest, failure }
  } finally {
    await watchdog.stop()
  }
}

/** So that targets with the same corpus try different things. */
function offsetOf({ name }: Target): number {
  return Buffer.from(name).reduce((sum, byte) => (sum * 31 + byte) & 0xffff, 0)
}

function describe(target: Target, seed: number, details: fc.RunDetails<[Recipe]>): string {
  const [recipe] = details.counterexample ?? []
  const input = recipe === undefined ? Buffer.alloc(0) : cook(recipe, target)
  const path = join(tmpdir(), `fuzz-${target.name}-${seed}.bin`)
  writeFileSync(path, input)
  const { errorInstance } = details
  return [
    `${target.name}: ${errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance)}`,
    `seed ${seed}, path ${details.counterexamplePath ?? ''}; ${input.length} bytes, in ${path}`,
    input.length <= 600 ? JSON.stringify(input.toString('latin1')) : JSON.stringify(recipe),
  ].join('\n')
}
