/**
 * The troubles of a node: parts that fail in any of its processes, and when somebody is told. A part that fails and works in turn is
 * one trouble: it begins with the first failure, and ends once the part has worked everywhere for a while.
 */
import type { Failed, Part, Recovered } from '../watch/occurrence.js'

/** What an operator is told, once for a node and a part. */
export interface Alarm {
  readonly state: 'failing' | 'solved'
  readonly part: Part
  readonly code: Failed['code']
  /** One sentence in English: the last failure. */
  readonly reason: string
  readonly since: Date
  /** When it is told, or when the part last began to work. */
  readonly at: Date
}

/** A trouble that an operator has been told of, and not yet of its end. */
export interface Told extends Omit<Alarm, 'state' | 'at'> {
  /** When it was told last. */
  readonly toldAt: Date
}

/** Milliseconds. */
export interface Patience {
  /** A trouble younger than this is not told. */
  readonly minimum: number
  /** How long a part must have worked until its trouble counts as solved. */
  readonly settled: number
  /** Between two alarms about a trouble that goes on; 0 for one alarm only. */
  readonly repeat: number
}

interface Trouble extends Pick<Alarm, 'part' | 'since'> {
  code: Failed['code']
  reason: string
  /** The processes in which it fails now, with the last failure of each. */
  readonly failing: Map<number, Date>
  /** When it last worked again in one of them. */
  workedAt: Date | undefined
  /** Where it fails in none. */
  worksSince: Date | undefined
  toldAt: Date | undefined
}

/** A process that fails says so every five minutes. One that has been silent for this long has nothing to do with the part. */
const SILENCE_MS = 10 * 60_000

export class NodeTroubles {
  private readonly patience: Patience
  private readonly troubles = new Map<Part, Trouble>()

  /** `told` before this process began, at `now`: such a trouble ends here unless it goes on. */
  constructor(patience: Patience, told: readonly Told[] = [], now = new Date()) {
    this.patience = patience
    for (const trouble of told)
      this.troubles.set(trouble.part, { ...trouble, failing: new Map(), workedAt: undefined, worksSince: now })
  }

  /** What has been told and is not over. */
  get told(): Told[] {
    return [...this.troubles.values()].flatMap(({ part, code, reason, since, toldAt }) =>
      toldAt === undefined ? [] : [{ part, code, reason, since, toldAt }],
    )
  }

  /** `processId` tells the processes of the node apart. */
  hear(processId: number, occurrence: Failed | Recovered): void {
    const { part, at } = occurrence
    if (occurrence.kind === 'recovery') {
      this.works(processId, part, at)
      return
    }
    const { code, reason, since } = occurrence
    const known = this.troubles.get(part)
    const none = { workedAt: undefined, worksSince: undefined, toldAt: undefined }
    const trouble = known ?? { part, since, code, reason, failing: new Map<number, Date>(), ...none }
    Object.assign(trouble, { code, reason, worksSince: undefined })
    trouble.failing.set(processId, at)
    if (known === undefined) this.troubles.set(part, trouble)
  }

  /** A process has ended, and what failed in it no longer does. */
  forget(processId: number, at: Date): void {
    for (const part of this.troubles.keys()) this.works(processId, part, at)
  }

  /** What is to be told now. It counts as told. */
  due(now: Date): Alarm[] {
    this.forgetSilent(now)
    return [...this.troubles.values()].flatMap((trouble) => {
      const { worksSince, toldAt } = trouble
      const age = (since: Date): number => now.getTime() - since.getTime()
      if (worksSince !== undefined) {
        if (age(worksSince) < this.patience.settled) return []
        this.troubles.delete(trouble.part)
        return toldAt === undefined ? [] : [alarmOf(trouble, 'solved', worksSince)]
      }
      const { minimum, repeat } = this.patience
      const isDue = toldAt === undefined ? age(trouble.since) >= minimum : repeat > 0 && age(toldAt) >= repeat
      if (!isDue) return []
      trouble.toldAt = now
      return [alarmOf(trouble, 'failing', now)]
    })
  }

  private works(processId: number, part: Part, at: Date): void {
    const trouble = this.troubles.get(part)
    if (trouble?.failing.delete(processId) !== true) return
    trouble.workedAt = at
    if (trouble.failing.size === 0) trouble.worksSince = at
  }

  /** A process that failed and has had no work since does not know that the part works again: another one does. */
  private forgetSilent(now: Date): void {
    for (const { part, failing, workedAt } of this.troubles.values())
      for (const [processId, failedAt] of failing)
        if (workedAt !== undefined && workedAt > failedAt && now.getTime() - failedAt.getTime() >= SILENCE_MS)
          this.works(processId, part, now)
  }
}

function alarmOf({ part, code, reason, since }: Trouble, state: Alarm['state'], at: Date): Alarm {
  return { state, part, code, reason, since, at }
}
