/**
 * Events of a message that the archives have and the database has no more, though their time is not over: somebody has taken them out.
 */
import { dayOf, monthsAfter } from '../archive/day.js'
import { isPecError } from '../errors.js'
import type { EventSource, RetrievedEvent } from './source.js'

export interface Archived {
  readonly source: EventSource
  /** For how long events are kept. */
  readonly months: number
}

/** None of what an archive has that cannot be read: that shows elsewhere. */
export async function lostEvents(
  identifier: string,
  present: readonly RetrievedEvent[],
  { source, months }: Archived,
  now: Date,
): Promise<readonly RetrievedEvent[]> {
  const known = new Set(present.map(({ id }) => id))
  const lost: RetrievedEvent[] = []
  try {
    for await (const event of source.search({ identifier }))
      if (!known.has(event.id) && monthsAfter(dayOf(event.at), months) > dayOf(now)) lost.push(event)
  } catch (error) {
    if (!isPecError(error) || error.code !== 'archive') throw error
  }
  return lost
}
