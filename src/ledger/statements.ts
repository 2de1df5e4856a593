/**
 * Queries built once. Kysely takes longer to build and compile a query than SQLite to run it, so the ledger keeps the compiled text of
 * the few it needs and gives it new parameters each time.
 */
import type { CompiledQuery, Insertable, Kysely, QueryResult } from 'kysely'
import type { SqlDialect } from './dialect.js'
import type { Tables } from './schema.js'

/** The database or a transaction on it. */
export type Executor = Pick<Kysely<Tables>, 'executeQuery'>

type Parameter = string | number | Buffer | null

interface Compilable<O> {
  compile(): CompiledQuery<O>
}

/** Runs a query that was built with placeholders; the parameters come in the order in which they stand in its text. */
export type Statement<O> = (on: Executor, ...parameters: readonly Parameter[]) => Promise<QueryResult<O>>

export function prepare<O>(query: Compilable<O>): Statement<O> {
  const compiled = query.compile()
  return (on, ...parameters) => on.executeQuery({ ...compiled, parameters })
}

// Lists are cut into lengths of a power of two up to this, so that each statement has seven texts and no more.
const LONGEST = 64

/** Cuts a list into pieces of 64, 32, ... 1. */
function* pieces<T>(list: readonly T[]): Generator<readonly T[]> {
  let at = 0
  for (let length = LONGEST; length >= 1; length /= 2) {
    while (list.length - at >= length) {
      yield list.slice(at, at + length)
      at += length
    }
  }
}

/** Inserts any number of rows, each as the values of `columns` in order. */
export type Insertion = (on: Executor, rows: readonly (readonly Parameter[])[]) => Promise<void>

/** `unless-known` skips the rows whose primary key exists; the first column must be of that key. */
export function prepareInsert<T extends keyof Tables>(
  db: Kysely<Tables>,
  dialect: SqlDialect,
  table: T,
  columns: readonly [keyof Tables[T] & string, ...(keyof Insertable<Tables[T]> & string)[]],
  mode: 'new' | 'unless-known',
): Insertion {
  const compiled = new Map<number, CompiledQuery>()
  const compile = (length: number): CompiledQuery => {
    const row = Object.fromEntries(columns.map((column) => [column, 0])) as never
    const insert = db.insertInto(table).values(Array.from({ length }, () => row))
    return (mode === 'new' ? insert : dialect.unlessKnown(insert, columns[0])).compile()
  }
  return async (on, rows) => {
    for (const piece of pieces(rows)) {
      let query = compiled.get(piece.length)
      if (query === undefined) compiled.set(piece.length, (query = compile(piece.length)))
      await on.executeQuery({ ...query, parameters: piece.flat() })
    }
  }
}

/** Runs a query over a list of keys: `build` makes it for a number of keys, which are its last parameters. */
export function prepareForKeys<O>(
  build: (keys: readonly string[]) => Compilable<O>,
): (on: Executor, first: readonly Parameter[], keys: readonly string[]) => Promise<readonly O[]> {
  const compiled = new Map<number, CompiledQuery<O>>()
  return async (on, first, keys) => {
    const rows: O[] = []
    for (const piece of pieces(keys)) {
      let query = compiled.get(piece.length)
      if (query === undefined) compiled.set(piece.length, (query = build(piece).compile()))
      rows.push(...(await on.executeQuery<O>({ ...query, parameters: [...first, ...piece] })).rows)
    }
    return rows
  }
}
