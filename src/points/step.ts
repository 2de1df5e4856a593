/**
 * Prepare, commit, release: the one way in which a point certifies anything. The messages are written into the queue, the ledger
 * commits all that the step certifies, and only then may they leave. A crash in between leaves nothing certified and nothing sent.
 */
import { randomUUID } from 'node:crypto'
import { isPecError } from '../errors.js'
import type { House } from './house.js'
import type { Dispatch, Entry } from './ports.js'

export interface Step extends Omit<Entry, 'step'> {
  readonly dispatches: readonly Dispatch[]
}

/**
 * Carries out a step. Rejects with PecError 'conflict' if another one has certified the same before, and 'queue' or 'ledger',
 * temporary, if it cannot be carried out now.
 */
export async function carryOut(step: Step, { ledger, outbox }: Pick<House, 'ledger' | 'outbox'>): Promise<void> {
  const { dispatches, ...entry } = step
  const id = randomUUID()
  const prepared = await outbox.prepare(id, dispatches)
  try {
    await ledger.commit({ ...entry, step: id })
  } catch (error) {
    // A connection may be lost after the commit: what the ledger then holds must go out.
    if (isConflict(error)) prepared.drop()
    else prepared.leaveToLedger()
    throw error
  }
  prepared.release()
}

/** Another transaction certified the same first. */
export function isConflict(error: unknown): boolean {
  return isPecError(error) && error.code === 'conflict'
}
