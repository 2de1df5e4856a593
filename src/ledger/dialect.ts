/** What the ledger must know of the database under it, beyond what Kysely evens out. */
import type { InsertQueryBuilder, InsertResult, RawBuilder } from 'kysely'
import type { ColumnTypes, Tables } from './schema.js'

export interface SqlDialect {
  readonly types: ColumnTypes
  /** One transaction writes at a time, and waits for the disk: those of a process that wait for it had better be one. */
  readonly oneWriter: boolean
  /** Makes an insert skip the rows whose primary key exists; `column` is one of that key. */
  unlessKnown<T extends keyof Tables>(
    insert: InsertQueryBuilder<Tables, T, InsertResult>,
    column: keyof Tables[T] & string,
  ): InsertQueryBuilder<Tables, T, InsertResult>
  /** Behind a table's name: this index and no other, whatever the database thinks of its rows. */
  by(index: string): RawBuilder<unknown>
  /** Asks the server for its clock, in milliseconds; undefined where the database is no server. */
  readonly serverTime: RawBuilder<{ readonly now: number | string }> | undefined
  /** A unique key is taken. */
  isDuplicate(error: unknown): boolean
  /** An index of that name exists. */
  isKnownIndex(error: unknown): boolean
  /**
   * After how many milliseconds the same transaction may succeed: another one is in the way, or the database is away for a moment.
   * Undefined if that is of no use, or if it may have been committed.
   */
  retryAfter(error: unknown): number | undefined
  /** Whether a transaction that failed with it may be found committed. */
  leavesDoubt(error: unknown): boolean
}
