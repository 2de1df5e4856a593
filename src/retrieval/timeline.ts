/** All that the register knows of one message, in the order of time, with what each event was certified by, checked (L5). */
import type { RecordedQuarantine } from '../archive/register.js'
import type { SqlLedger } from '../ledger/ledger.js'
import type { StoredMessage } from '../points/ports.js'
import { checkProof, type CheckedProof, type CheckMeans, type ProofFinding } from './signature-check.js'
import type { EventSource, Proof, RetrievedEvent } from './source.js'

export interface TimelineEvent {
  readonly event: RetrievedEvent
  readonly proof: Proof
  readonly checked: CheckedProof
}

export interface Timeline {
  readonly identifier: string
  /** Undefined if it was refused, or has gone from the database. */
  readonly message: StoredMessage | undefined
  readonly events: readonly TimelineEvent[]
  readonly quarantined: readonly RecordedQuarantine[]
}

export type MessageRegister = Pick<SqlLedger, 'message' | 'quarantinedOf'>

/** Without events if nothing is known of the identifier. */
export async function timelineOf(
  identifier: string,
  source: EventSource,
  register: MessageRegister,
  means: CheckMeans,
): Promise<Timeline> {
  const events: TimelineEvent[] = []
  for await (const event of source.search({ identifier })) {
    const proof = await event.evidence()
    events.push({ event, proof, checked: await checkProof({ identifier: event.identifier, ...proof }, means) })
  }
  return {
    ...{ identifier, events },
    message: await register.message(identifier),
    quarantined: await register.quarantinedOf(identifier),
  }
}

/** What is wrong with any of its proofs. */
export function findingsOf({ events }: Timeline): readonly ProofFinding[] {
  return events.flatMap(({ checked }) => checked.findings)
}
