/** The changes of the index of providers as events of the register (I1). */
import { createHash } from 'node:crypto'
import { momentOf } from '../pec/moment.js'
import type { Ledger, RegisterEvent } from '../points/ports.js'
import { isConflict } from '../points/step.js'
import { describeChange, type RecordChange } from './index-changes.js'

/** Characters of a name in the register. */
const NAME = 255
/** Events of one step. */
const MOST = 10_000

/** Every node of a service fetches the same index: the same changes of a day are written once. Rejects with PecError 'ledger', temporary. */
export async function registerChanges(ledger: Ledger, changes: readonly RecordChange[], at: Date): Promise<void> {
  const lines = changes.map(describeChange)
  const digest = createHash('sha256')
    .update(JSON.stringify([at.toISOString().slice(0, 10), lines]))
    .digest('hex')
  try {
    await ledger.commit({ step: `index ${digest}`, at: momentOf(at), claims: [], events: changes.slice(0, MOST).map(eventOf) })
  } catch (error) {
    if (!isConflict(error)) throw error
  }
}

function eventOf(change: RecordChange): RegisterEvent {
  return {
    ...{ type: 'index', identifier: '', messageId: '', sender: '', recipients: [], subject: undefined },
    ...{ daticert: undefined, signature: undefined },
    provider: change.name.slice(0, NAME),
    outcome: describeChange(change),
  }
}
