/**
 * Entries committed together, where only one transaction writes at a time: what waits for the disk at the same moment waits for it
 * once. Each stands between savepoints, so that one that is refused takes nothing of the others with it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import { isPecError, type PecError } from '../errors.js'
import type { Entry } from '../points/ports.js'
import { attempt } from './attempt.js'
import type { SqlDialect } from './dialect.js'
import type { Tables } from './schema.js'
import type { EntryWriter } from './writer.js'

interface Waiting {
  readonly entry: Entry
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Entries of one transaction: the process does nothing else meanwhile. */
const MOST = 32

const SAVE = CompiledQuery.raw('savepoint entry')
const KEEP = CompiledQuery.raw('release entry')
const UNDO = CompiledQuery.raw('rollback to entry')

export class GroupCommit {
  private readonly db: Kysely<Tables>
  private readonly dialect: SqlDialect
  private readonly write: EntryWriter
  private readonly waiting: Waiting[] = []
  private isAtWork = false

  constructor(db: Kysely<Tables>, dialect: SqlDialect, write: EntryWriter) {
    this.db = db
    this.dialect = dialect
    this.write = write
  }

  /** Resolves once the transaction that holds the entry is durable; rejects as SqlLedger's commit does. */
  commit(entry: Entry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ entry, resolve, reject })
      if (!this.isAtWork) void this.work()
    })
  }

  private async work(): Promise<void> {
    this.isAtWork = true
    while (this.waiting.length > 0) {
      await nextTurn() // whatever else is ready to be committed comes along
      await this.commitNext()
    }
    this.isAtWork = false
  }

  /** What comes in while other processes write comes along, too. */
  private async commitNext(): Promise<void> {
    const { length } = this.waiting
    let group: readonly Waiting[] | undefined
    await this.settle(
      () => (group ??= this.waiting.splice(0, MOST)),
      () => group ?? this.waiting.splice(0, length),
    )
  }

  /** Those that `next` tells once the transaction has begun; if it never can, those of `late` are told so. */
  private async settle(next: () => readonly Waiting[], late = next): Promise<void> {
    // None until all is written.
    let refusals: readonly (PecError | undefined)[] = []
    try {
      await attempt(this.dialect, () =>
        this.db.transaction().execute(async (transaction) => {
          refusals = await this.writeAll(transaction, next())
        }),
      )
    } catch (error) {
      const group = late()
      // What fails of a group before its commit may be the fault of one. What fails in the commit may have been committed.
      if (group.length > 1 && refusals.length === 0 && !this.isPassing(error))
        for (const one of group) await this.settle(() => [one])
      else for (const { reject } of group) reject(error)
      return
    }
    for (const [at, { resolve, reject }] of next().entries()) {
      const refusal = refusals[at]
      if (refusal === undefined) resolve()
      else reject(refusal)
    }
  }

  /** Why each of them is refused, if it is. */
  private async writeAll(on: Transaction<Tables>, group: readonly Waiting[]): Promise<readonly (PecError | undefined)[]> {
    const refusals: (PecError | undefined)[] = []
    for (const { entry } of group) {
      if (group.length > 1) await on.executeQuery(SAVE)
      try {
        await this.write(on, entry)
        refusals.push(undefined)
      } catch (error) {
        if (group.length === 1 || !isPecError(error)) throw error
        await on.executeQuery(UNDO)
        refusals.push(error)
      }
      if (group.length > 1) await on.executeQuery(KEEP)
    }
    return refusals
  }

  /** Others were in the way for too long: they would be in the way of each by itself. */
  private isPassing(error: unknown): boolean {
    return isPecError(error) && this.dialect.retryAfter(error.cause) !== undefined
  }
}
