/**
 * The tables of the ledger, which migrations.ts makes: one schema for SQLite and for MariaDB/MySQL.
 *
 * Times are integer milliseconds UTC. Whatever is compared is a key (keys.ts): at most 255 visible ASCII characters, compared byte by
 * byte, which both databases can index. What was written by people stands beside its key as text.
 *
 * Each table is clustered by its primary key, and each index answers one question:
 * - `claim` (identifier, what, recipient): what may be done once (P2) is a row here, so that the database itself keeps it so.
 * - `message`, `recipient` (identifier, ...): what the points ask about a message, in two reads of neighbouring rows.
 * - `recipient_open` (open_since): the deadlines. Only recipients still awaited have a value there, so the search costs what is open
 *   now and not what was ever sent.
 * - `event` by identifier, sender, provider, each with the time, and `event_recipient` by recipient with the time: the retrievals of
 *   L5, narrowed to any days. `event_time` (at, type): a day of the register, its export, and the counts of O6 without a look at the
 *   rows. An event's number begins with its step's, so rows are only ever appended.
 *   `event_type` (type, at): one kind of event over any time. `message_client` (client_message_id): what a user knows his message by.
 * - `evidence` (daticert.xml, smime.p7s) is most of the bytes. Apart from `event`, it burdens no search, and can leave for the archive.
 *
 * - `quarantine` (id): the messages kept because of a virus, by the names of their files: a file that has no row here is nobody's.
 *   By identifier for retrieval, by `until` for those that may go (L4).
 *
 * - `archive_day` (day): how far the archive of each day has come. `hold` (identifier): the messages that are kept beyond 30 months.
 * - `outage` (day): the log of outages.
 *
 * A commit touches one leaf of each of these trees, nearly always the last or the one of its identifier: the cost grows with the depth
 * of a tree, not with its size (P6). After 30 months (L4) rows go by `event_time`: each old event names the message and the claims
 * (its identifier or its Message-ID) and, in its list, the rows of `event_recipient` that go with it; the rest cascades.
 */
import type { Generated, RawBuilder } from 'kysely'

export interface Tables {
  migration: { version: number; name: string }
  /** `committed_at` is GIVEN_UP of one that never will be. */
  step: { id: Generated<number>; step: string; committed_at: number }
  claim: { identifier: string; what: string; recipient: string }
  message: {
    identifier: string
    client_message_id: string | null
    sender: string
    reply_to: string
    subject: string | null
    receipt_type: string
    provider: string
    own: number
    accepted_at: number
    size: number
  }
  recipient: {
    identifier: string
    recipient: string
    /** As it was written. */
    address: string
    /** Recipients are told in the order in which they were first named. */
    position: number
    type: string
    is_primary: number
    /** When the message was accepted, as long as we await an outcome: own messages, certified recipients. */
    open_since: number | null
    taken_at: number | null
    outcome: string | null
    outcome_at: number | null
  }
  event: {
    id: number
    at: number
    type: string
    identifier: string
    message_id: string
    sender: string
    sender_address: string
    /** Addresses as they were written, a JSON array. */
    recipients: string
    subject: string | null
    provider: string
    outcome: string
  }
  event_recipient: { recipient: string; at: number; event_id: number }
  evidence: { event_id: number; daticert: Buffer | null; signature: Buffer | null }
  /** Work that one node does at a time: who does it, and until when it is his. */
  job: { name: string; holder: string; until: number }
  quarantine: {
    id: string
    identifier: string
    reason: string
    signature: string
    sha256: string
    size: number
    since: number
    until: number
    provider: string
    sender: string
  }
  archive_day: { day: string; state: string; manifest: string; events: number }
  hold: { identifier: string; since: number; reason: string }
  outage: { id: Generated<number>; day: string; type: string; minutes: number; sla: number; note: string }
}

/** In the place of the time of a step's commit. */
export const GIVEN_UP = 0

/** Rows that one step may write into one table: events and recipients are numbered `step.id × ROWS_PER_STEP + n`. */
export const ROWS_PER_STEP = 65536

/** How a database says what the migrations mean. */
export interface ColumnTypes {
  /** A key: varchar(255) in a binary ASCII collation. */
  readonly key: RawBuilder<unknown>
  /** A short text that is searched as it is, up to 255 characters of Unicode. */
  readonly name: RawBuilder<unknown>
  /** Any length, any characters. */
  readonly text: RawBuilder<unknown>
  readonly bytes: RawBuilder<unknown>
  /** 64 bits. */
  readonly integer: RawBuilder<unknown>
  /** What follows the columns of a table: its engine or storage. `numbered` tables have an integer for primary key. */
  readonly storage: { readonly keyed: RawBuilder<unknown>; readonly numbered: RawBuilder<unknown> }
  /** A column of type `text` in an index: as much of it as an index can hold. */
  readonly indexed: (column: string) => RawBuilder<unknown>
  /** Whether an index can leave rows out. */
  readonly partialIndexes: boolean
}
