/** What came in and is not certified goes on in an anomaly envelope that says why. RFC 6109 §2.2.2, §3.2.2 */
import type { Source } from '../mail/source.js'
import { composeAnomalyEnvelope } from '../pec/envelope.js'
import type { SpamLevel } from '../pec/kinds.js'
import type { Moment } from '../pec/moment.js'
import { deliveries } from './dispatch.js'
import type { House } from './house.js'
import type { Fault } from './judge.js'
import type { RegisterEvent } from './ports.js'
import type { Step } from './step.js'

/** A message that came in, for these recipients not certified. */
export interface Uncertified {
  /** Reverse path; '' for none. An anomaly envelope keeps the paths of what it carries. */
  readonly sender: string
  readonly recipients: readonly string[]
  readonly message: Source
  readonly faults: readonly Fault[]
  /** Who signed it, or else the host that brought it. */
  readonly provider: string
  readonly spam?: SpamLevel | undefined
}

/** The anomaly envelope, to each recipient; nothing if there are none. */
export async function anomalyFor(
  { sender, recipients, message, faults, provider, spam }: Uncertified,
  moment: Moment,
  { issuer }: House,
): Promise<Pick<Step, 'events' | 'dispatches'>> {
  if (recipients.length === 0) return { events: [], dispatches: [] }
  const reasons = faults.map(({ italian }) => italian)
  const facts = { received: message, moment, sender, recipients, faults: reasons, spam }
  const anomaly = await composeAnomalyEnvelope(facts, issuer)
  const event: RegisterEvent = {
    type: 'anomaly',
    identifier: '',
    messageId: anomaly.messageId,
    sender,
    recipients,
    subject: undefined,
    provider,
    outcome: [...faults.map(({ english }) => english), ...(spam === undefined ? [] : [`spam: ${spam}`])].join('; '),
    daticert: undefined,
    signature: anomaly.signature,
  }
  return {
    events: [event],
    dispatches: deliveries(sender, recipients, anomaly.message, { kind: 'deliver-anomaly', identifier: '' }),
  }
}
