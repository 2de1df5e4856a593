/**
 * Events out of the archives of their days (L5), for what has left the database or a database that is away. Only archives of days that
 * may have such events are read. Whether an archive is what was sealed is told by `pec archive verify`.
 */
import { dayOf } from '../archive/day.js'
import { daysIn, filesOf } from '../archive/place.js'
import { LOOK_BACK } from '../archive/register.js'
import { isMeant, type RegisterQuery } from '../ledger/search.js'
import { archivedEvents, clientMessageIdOf, type ArchivedEvent } from './archived-events.js'
import { marksOfQuery, mayHold } from './day-marks.js'
import type { EventSource } from './source.js'

const DAY_MS = 86_400_000

/** Milliseconds between two lines about a search that takes long. */
const TOLD_EVERY_MS = 10_000

/** Rejects with PecError 'archive' for an archive that cannot be read. `tell` hears why a search takes longer than others, and where it is. */
export function archiveSource(
  folder: string,
  tell: (line: string) => void = () => undefined,
  every: number = TOLD_EVERY_MS,
): EventSource {
  let toldAt = -Infinity
  const place = {
    folder,
    onMissing: (day: string) => {
      if (performance.now() - toldAt < every) return
      toldAt = performance.now()
      tell(`archives without marks are read whole, this one time: the search takes longer, and is at ${day}`)
    },
  }
  return {
    name: 'archives',
    async *search(query) {
      for await (const { event, proof } of eventsOf(place, await questionOf(place, query)))
        yield { ...event, evidence: () => Promise.resolve(proof) }
    },
  }
}

interface Place {
  readonly folder: string
  readonly onMissing: (day: string) => void
}

interface Question {
  readonly query: RegisterQuery
  /** Of the messages whose events are meant; undefined for those of all. */
  readonly identifiers: ReadonlySet<string> | undefined
  /** A day that has events of it has all marks of one of these. */
  readonly marks: readonly (readonly number[])[]
}

/**
 * A client's Message-ID is asked for by the identifiers of its messages: daticert.xml has it, of whichever event, and that may be one
 * before the period.
 */
async function questionOf(place: Place, query: RegisterQuery): Promise<Question> {
  const { clientMessageId, identifier, to } = query
  if (clientMessageId === undefined) return { query, identifiers: undefined, marks: [marksOfQuery(query)] }
  const identifiers = new Set<string>()
  const messages = { clientMessageId, ...(identifier === undefined ? {} : { identifier }), ...(to === undefined ? {} : { to }) }
  const question = { query: messages, identifiers: undefined, marks: [marksOfQuery(messages)] }
  for await (const { event, proof } of eventsOf(place, question))
    if (clientMessageIdOf(proof) === clientMessageId) identifiers.add(event.identifier)
  const marks = [...identifiers].map((each) => marksOfQuery({ ...query, clientMessageId: undefined, identifier: each }))
  return { query, identifiers, marks }
}

async function* eventsOf({ folder, onMissing }: Place, { query, identifiers, marks }: Question): AsyncGenerator<ArchivedEvent> {
  const { from, to } = query
  for (const day of await daysOf(folder, from, to)) {
    if (!(await mayHold(folder, day, marks, () => onMissing(day)))) continue
    for await (const archived of archivedEvents(filesOf(folder, day).zip)) {
      const { event } = archived
      const isInTime = (from === undefined || event.at >= from) && (to === undefined || event.at < to)
      if (isInTime && isMeant(event, query) && identifiers?.has(event.identifier) !== false) yield archived
    }
  }
}

async function daysOf(folder: string, from: Date | undefined, to: Date | undefined): Promise<readonly string[]> {
  const first = from === undefined ? '' : dayOf(from)
  const last = to === undefined ? '9999-12-31' : dayOf(new Date(to.getTime() + LOOK_BACK * DAY_MS))
  return (await daysIn(folder)).filter((day) => day >= first && day <= last)
}
