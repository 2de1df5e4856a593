/** Holds a whole ledger to its invariants, at one moment, beside whoever writes it. Repairs nothing. */
import { dossiersOf } from './dossier.js'
import { violationsOf, type Bounds, type Violation } from './invariants.js'
import type { Tables } from './schema.js'
import type { LedgerView } from './snapshot.js'

export interface CheckSettings {
  /** Seconds after the acceptance at which a message without an outcome gets its last notice. */
  readonly lastNotice: number
  /** For how many months infected messages are kept. */
  readonly quarantineMonths: number
}

export interface CheckSummary {
  /** Identifiers looked at. */
  readonly identifiers: number
  readonly violations: number
}

// For a node to give a notice that is due, and clocks of nodes to differ.
const GRACE_MS = 3_600_000
const MONTH_MS = 30 * 86_400_000

/** Tells each violation as it is found, and each row of the quarantine to whoever knows where its file must be. */
export async function checkLedger(
  view: LedgerView,
  { lastNotice, quarantineMonths }: CheckSettings,
  onViolation: (violation: Violation) => void,
  onQuarantined: (kept: Tables['quarantine']) => Promise<void>,
): Promise<CheckSummary> {
  const bounds: Bounds = {
    ...(await timesOf(view)),
    overdue: lastNotice * 1000 + GRACE_MS,
    quarantine: quarantineMonths * MONTH_MS,
  }
  let identifiers = 0
  let violations = 0
  for await (const dossier of dossiersOf(view)) {
    identifiers++
    for (const violation of violationsOf(dossier, bounds)) {
      violations++
      onViolation(violation)
    }
    for (const kept of dossier.quarantined) await onQuarantined(kept)
  }
  return { identifiers, violations }
}

/** The first and the last time that the ledger knows. */
async function timesOf(view: LedgerView): Promise<Pick<Bounds, 'now' | 'horizon'>> {
  const first = await view.selectFrom('event').select('at').orderBy('at').limit(1).executeTakeFirst()
  const last = await view.selectFrom('event').select('at').orderBy('at', 'desc').limit(1).executeTakeFirst()
  return { horizon: first?.at ?? 0, now: last?.at ?? 0 }
}
