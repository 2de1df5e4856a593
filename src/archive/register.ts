/** What the archive needs of the register, and remembers in it. The ledger implements it. */
import type { QuarantinedMessage, RegisterEvent } from '../points/ports.js'

/** Days back in which events are looked for that came late: they are in the archive of a later day. */
export const LOOK_BACK = 7

/** A row of the register. */
export interface RegisterRow extends RegisterEvent {
  readonly id: number
  readonly at: Date
}

/** A message in quarantine, with the time from which it is kept. */
export interface RecordedQuarantine extends QuarantinedMessage {
  readonly since: Date
}

/** Each implies those before it: the zip file is there; its manifest is signed; the signature is stamped; it was handed over. */
export type DayState = 'exported' | 'sealed' | 'stamped' | 'handed-over' | 'purged'

export interface ArchivedDay {
  /** YYYY-MM-DD, UTC. */
  readonly day: string
  readonly state: DayState
  /** SHA-256 of its manifest, hex. */
  readonly manifest: string
  /** Events with a time of that day that are in archives: its own, and later ones for those that came late. */
  readonly events: number
}

export interface ArchiveRegister {
  /** A day's events in the order of their time, a page at a time: at most `limit` after a row of the page before. */
  eventsOfDay(day: string, limit: number, after?: RegisterRow): Promise<readonly RegisterRow[]>
  /** How many events of each type there are. */
  countDay(day: string): Promise<Readonly<Record<string, number>>>
  /** The messages that came into quarantine on a day and are there, in the order of time. */
  quarantinedOn(day: string): Promise<readonly RecordedQuarantine[]>
  /** The day of the oldest event; undefined while there is none. */
  firstDay(): Promise<string | undefined>
  /** The last days archived, the newest first. */
  lastDays(limit: number): Promise<readonly ArchivedDay[]>
  /** Days that have not come further than one of these states, the oldest first. */
  daysIn(states: readonly DayState[]): Promise<readonly ArchivedDay[]>
  /**
   * A new day, with how many late events of earlier ones it contains, in one transaction. Rejects with PecError 'conflict' if the day
   * is there.
   */
  addDay(day: ArchivedDay, late: ReadonlyMap<string, number>): Promise<void>
  setState(day: string, state: DayState): Promise<void>
}
