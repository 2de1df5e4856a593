/** Operations on a database that other transactions, or a moment's absence, may get in the way of. */
import { setTimeout as pause } from 'node:timers/promises'
import { isPecError, PecError, reasonOf } from '../errors.js'
import type { SqlDialect } from './dialect.js'

// For how long an operation is begun again: well under what an SMTP client waits for its answer, whatever the database adds to it.
const PATIENCE_MS = 5000

/** Tries again, within a bound, what failed for a passing reason; what then fails is the ledger's failure. */
export async function attempt<T>(dialect: SqlDialect, operation: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    let wait: number | undefined
    try {
      return await operation()
    } catch (error) {
      if (isPecError(error)) throw error
      wait = dialect.retryAfter(error)
      if (wait === undefined || performance.now() + wait > end) {
        const undone = !dialect.leavesDoubt(error)
        throw new PecError('ledger', `the ledger failed: ${reasonOf(error)}`, { temporary: true, undone, cause: error })
      }
    }
    await pause(wait)
  }
}
