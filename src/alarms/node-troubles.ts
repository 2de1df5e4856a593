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
  /** The processes in which it fails now. */
  readonly failing: Set<number>
  /** Where it fails in none. */
  worksSince: Date | undefined
  toldAt: Date | undefined
}

export class NodeTroubles {
  private readonly patience: Patience
  private readonly troubles = new Map<Part, Trouble>()

  constructor(patience: Patience) {
    this.patience = patience
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
    const trouble = known ?? { part, since, code, reason, failing: new Set(), worksSince: undefined, toldAt: undefined }
    Object.assign(trouble, { code, reason, worksSince: undefined })
    trouble.failing.add(processId)
    if (known === undefined) this.troubles.set(part, trouble)
  }

  /** A process has ended, and what failed in it no longer does. */
  forget(processId: number, at: Date): void {
    for (const part of this.troubles.keys()) this.works(processId, part, at)
  }

  /** What is to be told now. It counts as told. */
  due(now: Date): Alarm[] {
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
    if (trouble?.failing.delete(processId) === true && trouble.failing.size === 0) trouble.worksSince = at
  }
}

function alarmOf({ part, code, reason, since }: Trouble, state: Alarm['state'], at: Date): Alarm {
  return { state, part, code, reason, since, at }
}
