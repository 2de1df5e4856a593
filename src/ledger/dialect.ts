/** What the ledger must know of the database under it, beyond what Kysely evens out. */
import type { InsertQueryBuilder, InsertResult } from 'kysely'
import type { ColumnTypes, Tables } from './schema.js'

export interface SqlDialect {
  readonly types: ColumnTypes
  /** Makes an insert skip the rows whose primary key exists. */
  unlessKnown<T extends keyof Tables>(
    insert: InsertQueryBuilder<Tables, T, InsertResult>,
  ): InsertQueryBuilder<Tables, T, InsertResult>
  /** A unique key is taken. */
  isDuplicate(error: unknown): boolean
  /** Another transaction is in the way for now: the same one may succeed if tried again. */
  isBusy(error: unknown): boolean
}
