/** The parts of a scenario that tells several stories, one after the other. */
import { receiveAll, type Expected } from './expectation.js'
import type { Inbox } from './letter.js'
import type { Outcome, Play } from './scenario.js'
import type { Verified } from './verification.js'

/** Something is sent, and whatever must come of it comes before the next act begins. */
export interface Act {
  readonly title: string
  /** Sends it, and tells so; resolves to what must arrive. */
  readonly begin: () => Promise<readonly Expected[]>
}

/** Milliseconds that the messages of one act may take. */
const PATIENCE = 15_000

/** Ends with the first act that does not end well: later ones would only repeat its faults. What comes late, or twice, is a fault of the act it comes in. */
export async function playActs(acts: readonly Act[], inboxes: readonly Inbox[], play: Play): Promise<Outcome> {
  const letters: Verified[] = []
  for (const [position, { title, begin }] of acts.entries()) {
    play.timeline.say(`${position === 0 ? '' : '\n'}${position + 1}. ${title}`)
    const expected = await begin()
    const pauses = { patience: PATIENCE, ...(position === acts.length - 1 ? {} : { quiet: 0 }) }
    const outcome = await receiveAll({ ...play, ...pauses, inboxes, expected })
    letters.push(...outcome.letters)
    if (outcome.faults.length > 0) return { letters, faults: outcome.faults }
  }
  return { letters, faults: [] }
}
