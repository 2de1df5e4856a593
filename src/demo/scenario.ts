/** A story that is played on the stage and judged. */
import type { Cast, Ground, Stage } from './stage.js'
import type { Timeline } from './timeline.js'
import type { Letter } from './letter.js'
import type { Verified } from './verification.js'

export interface Play {
  readonly stage: Stage
  readonly timeline: Timeline
  readonly signal: AbortSignal
  /** Judges a letter by the eyes of both providers, and by openssl. */
  readonly verify: (letter: Letter) => Promise<Verified>
}

export interface Outcome {
  /** Every message that arrived, in that order. */
  readonly letters: readonly Verified[]
  /** Everything that is not as it must be, what never arrived included. */
  readonly faults: readonly string[]
}

export type Performance = (play: Play) => Promise<Outcome>

export interface Scenario {
  /** One sentence for a person. */
  readonly story: string
  readonly cast: Cast
  /** Sees to what it needs beyond two providers, before these start. */
  readonly prepare: (ground: Ground) => Promise<Performance>
}
