/**
 * Prepare, commit, release: the one way in which a point certifies anything. The messages are written into the queue, what is kept
 * into quarantine; the ledger commits all that the step certifies, and only then may the messages leave. A crash in between leaves
 * nothing certified and nothing sent.
 */
import { randomUUID } from 'node:crypto'
import { isPecError } from '../errors.js'
import type { Source } from '../mail/source.js'
import type { Moment } from '../pec/moment.js'
import type { House } from './house.js'
import type { Dispatch, Entry, KeptFile, Prepared, QuarantinedMessage, Quarantine } from './ports.js'

/** A message that goes into quarantine. */
export interface Infected extends Omit<QuarantinedMessage, keyof KeptFile> {
  readonly message: Source
}

export interface Step extends Omit<Entry, 'step' | 'quarantined'> {
  readonly dispatches: readonly Dispatch[]
  readonly infected?: Infected | undefined
}

type Means = Pick<House, 'ledger' | 'outbox' | 'quarantine'>

/**
 * Carries out a step. Rejects with PecError 'conflict' if another one has certified the same before, and 'queue', 'quarantine' or
 * 'ledger', temporary, if it cannot be carried out now.
 */
export async function carryOut(step: Step, { ledger, outbox, quarantine }: Means): Promise<void> {
  const { dispatches, infected, ...entry } = step
  const id = randomUUID()
  const quarantined = infected === undefined ? undefined : await keep(infected, step.at, quarantine)
  let prepared: Prepared | undefined
  try {
    prepared = await outbox.prepare(id, dispatches)
    await ledger.commit({ ...entry, step: id, ...(quarantined === undefined ? {} : { quarantined }) })
  } catch (error) {
    if (prepared === undefined || isConflict(error) || isUndone(error)) {
      prepared?.drop()
      // A file that stays is one that no ledger names.
      if (quarantined !== undefined) await quarantine.discard(quarantined).catch(() => undefined)
    }
    // A connection may be lost after the commit: what the ledger then holds must go out, and stay in quarantine.
    else prepared.leaveToLedger()
    throw error
  }
  prepared.release()
}

async function keep({ message, ...facts }: Infected, { date }: Moment, quarantine: Quarantine): Promise<QuarantinedMessage> {
  return { ...facts, ...(await quarantine.keep(message, date)) }
}

/** The ledger has none of it, and never will. */
function isUndone(error: unknown): boolean {
  return isPecError(error) && error.undone
}

/** Another transaction certified the same first. */
export function isConflict(error: unknown): boolean {
  return isPecError(error) && error.code === 'conflict'
}
