/** Fills a ledger stage by stage, and measures it at each. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openGrowingDatabase, type EngineName, type GrowingDatabase } from './database.js'
import { measureCommits, measureEffort, measureQueries, type CommitFigures, type QueryFigures } from './measurement.js'
import { EVENTS_PER_MESSAGE, statementsFor, STEPS } from './traffic.js'

export interface StageFigures {
  /** Rows of the register. */
  readonly events: number
  readonly megabytes: number
  readonly commit: CommitFigures
  /** Of an exchange: pages written to SQLite's journal, rows handled by MariaDB. */
  readonly effort: number
  readonly queries: Readonly<Record<string, QueryFigures>>
}

export interface GrowthFigures {
  readonly engine: EngineName
  readonly stages: readonly StageFigures[]
  /** Of the last stage over the first. */
  readonly commitCpuRatio: number
  readonly commitWallRatio: number
  readonly effortRatio: number
  /** Of all retrievals at the last stage, milliseconds. */
  readonly slowestQueryMs: number
}

export interface GrowthPlan {
  readonly engine: EngineName
  /** Of events, in ascending order. */
  readonly sizes: readonly number[]
  /** Bytes of daticert.xml and of smime.p7s in the rows that are filled in. */
  readonly evidence: number
  readonly rounds: number
  readonly perRound: number
  readonly runs: number
}

const MONTHS_30 = 913 * 86_400_000
const PIECE = 4000

export async function grow(plan: GrowthPlan, onProgress: (line: string) => void): Promise<GrowthFigures> {
  const database = await openGrowingDatabase(plan.engine)
  try {
    const filling = new Filling(database, Math.ceil((plan.sizes.at(-1) ?? 0) / EVENTS_PER_MESSAGE), plan.evidence)
    const stages: StageFigures[] = []
    for (const [stage, events] of plan.sizes.entries()) {
      await filling.to(Math.ceil(events / EVENTS_PER_MESSAGE), (share) =>
        onProgress(`${plan.engine}, ${events} events: ${share} %`),
      )
      await database.settle()
      stages.push(await measure(database, plan, { stage, events, span: filling.span }))
    }
    return { engine: plan.engine, stages, ...ratiosOf(stages) }
  } finally {
    await database.close()
  }
}

export async function measure(
  database: GrowingDatabase,
  { rounds, perRound, runs }: GrowthPlan,
  { stage, events, span }: { readonly stage: number; readonly events: number; readonly span: number },
): Promise<StageFigures> {
  // The first round warms up: statements are prepared, pages read.
  await measureCommits(database, `warm${stage}`, 1, perRound)
  const commit = await measureCommits(database, `stage${stage}`, rounds, perRound)
  const effort = await measureEffort(database, `effort${stage}`)
  const queries = await measureQueries(database, span, runs)
  return { events, megabytes: Math.round((await database.size()) / 1e6), commit, effort, queries }
}

export function ratiosOf(stages: readonly StageFigures[]): Omit<GrowthFigures, 'engine' | 'stages'> {
  const [first, last] = [stages[0], stages.at(-1)]
  return {
    commitCpuRatio: (last?.commit.cpuMs ?? NaN) / (first?.commit.cpuMs ?? NaN),
    commitWallRatio: (last?.commit.wallMs ?? NaN) / (first?.commit.wallMs ?? NaN),
    effortRatio: (last?.effort ?? NaN) / (first?.effort ?? NaN),
    slowestQueryMs: Math.max(...Object.values(last?.queries ?? {}).map(({ max }) => max)),
  }
}

/** Traffic of 30 months, whatever its amount, filled in up to some message. */
export class Filling {
  private readonly database: GrowingDatabase
  private readonly interval: number
  private readonly evidence: number
  private messages = 0
  private stage = 0

  /** `messages` are those of all the months. */
  constructor(database: GrowingDatabase, messages: number, evidence: number) {
    this.database = database
    this.interval = Math.max(1, Math.floor(MONTHS_30 / messages))
    this.evidence = evidence
  }

  /** How many milliseconds of traffic there are. */
  get span(): number {
    return this.messages * this.interval
  }

  async to(messages: number, onProgress: (percent: number) => void = () => undefined): Promise<void> {
    const { database, interval, evidence } = this
    let told = 0
    while (this.messages < messages) {
      const first = this.messages
      const last = Math.min(messages, first + PIECE)
      // What was committed between two stages has numbers of steps, too.
      const firstStep = first * STEPS + this.stage * STEPS_BETWEEN
      await database.fill(statementsFor({ first, last, firstStep, interval, evidence }, database.words))
      this.messages = last
      const percent = Math.floor((last / messages) * 100)
      if (percent >= told + 5) onProgress((told = percent))
      await nextTurn()
    }
    this.stage++
  }
}

const STEPS_BETWEEN = 1_000_000
