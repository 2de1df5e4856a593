/** Where events are retrieved from (L5): the register in the database. */
import type { FoundEvent, Position, RegisterQuery } from '../ledger/search.js'
import type { SqlLedger } from '../ledger/ledger.js'
import type { RegisterEvent } from '../points/ports.js'

export type Proof = Pick<RegisterEvent, 'daticert' | 'signature'>

/** An event that was found. What it was certified by is read when it is asked for: it is most of the bytes. */
export interface RetrievedEvent extends FoundEvent {
  evidence(): Promise<Proof>
}

export interface EventSource {
  /** What it is, for a report. */
  readonly name: string
  /** The events that a query means, in the order of time; by a client's Message-ID, message after message. */
  search(query: RegisterQuery): AsyncIterable<RetrievedEvent>
}

const PAGE = 500

export function databaseSource(ledger: Pick<SqlLedger, 'search' | 'evidenceOf'>): EventSource {
  return {
    name: 'database',
    async *search(query) {
      let position: Position | undefined
      do {
        const page = await ledger.search(query, PAGE, position)
        for (const event of page.events) yield { ...event, evidence: () => ledger.evidenceOf(event.id) }
        position = page.next
      } while (position !== undefined)
    },
  }
}
