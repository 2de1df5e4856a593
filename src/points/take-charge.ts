/**
 * What the reception point does with a valid transport envelope: it takes charge of it for its own recipients and hands it to
 * their delivery point. RFC 6109 §2.2.2, §3.2.1
 */
import type { Source } from '../mail/source.js'
import type { Moment } from '../pec/moment.js'
import { composeNotification } from '../pec/notification.js'
import type { Range } from '../pec/signed-message.js'
import { notificationTo } from './dispatch.js'
import type { House } from './house.js'
import { issued } from './issued.js'
import type { Claim, Dispatch, MessageFacts, RegisterEvent } from './ports.js'

/** A valid envelope, as it came in or as we have just made it. */
export interface Envelope {
  readonly message: Source
  /** Where the original stands in it. */
  readonly original: Range
  readonly facts: MessageFacts
  /** Where take-charge receipts go: mailReceipt of the sender's provider. */
  readonly serviceMailbox: string
}

/** What taking charge adds to a step. */
export interface Charge {
  readonly dispatches: readonly Dispatch[]
  readonly claims: readonly Claim[]
  readonly events: readonly RegisterEvent[]
  readonly takenInCharge: { readonly identifier: string; readonly recipients: readonly string[] }
}

/** Takes charge of an envelope for these recipients of ours and sends it on to their mailboxes. */
export async function takeCharge(
  envelope: Envelope,
  recipients: readonly string[],
  moment: Moment,
  house: House,
): Promise<Charge> {
  const charge = await chargeOnly(envelope, recipients, moment, house)
  return { ...charge, dispatches: [...charge.dispatches, ...recipients.map((recipient) => envelopeTo(recipient, envelope))] }
}

/**
 * Takes charge, with one receipt for all these recipients. Our own receipt, for a message between two of our users, is for
 * ourselves: it is in the register and goes nowhere.
 */
export async function chargeOnly(
  envelope: Pick<Envelope, 'facts' | 'serviceMailbox'>,
  recipients: readonly string[],
  moment: Moment,
  house: House,
): Promise<Charge> {
  const { facts, serviceMailbox } = envelope
  const { identifier } = facts
  const occurrence = { kind: 'take-charge', takenInCharge: recipients, serviceMailbox } as const
  const receipt = await composeNotification({ message: facts, moment, occurrence }, house.issuer)
  const forOurselves = facts.own && serviceMailbox === house.receipts
  return {
    dispatches: forOurselves ? [] : [notificationTo(serviceMailbox, identifier, receipt.message, house)],
    claims: recipients.map((recipient) => ({ identifier, what: 'take-charge', recipient })),
    events: [issued('take-charge', receipt, facts, house.issuer, { recipients })],
    takenInCharge: { identifier, recipients },
  }
}

/** To the mailbox of one recipient: the delivery point owes a receipt or a notice for each. */
function envelopeTo(recipient: string, { message, original, facts }: Envelope): Dispatch {
  const { identifier, sender } = facts
  return { from: sender, to: [recipient], message, errand: { kind: 'deliver-envelope', identifier, recipient, original } }
}
