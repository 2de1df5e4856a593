/**
 * What becomes of messages with a virus. RFC 6109 §2.2.1, §2.2.2, §3.1.3, §3.2.3
 *
 * What is scanned: whatever our users submit, at the access point (so the messages between our own users too), and every envelope
 * and all mail that is not a provider's valid receipt, at the reception point. Receipts and notices are passed on: the rules check
 * envelopes (§2.2.2), the user is owed the receipt, and the copy in it is of his own message, which was scanned when he sent it.
 */
import type { Source } from '../mail/source.js'
import type { Moment } from '../pec/moment.js'
import { composeNotification } from '../pec/notification.js'
import { notificationTo } from './dispatch.js'
import type { House } from './house.js'
import { issued } from './issued.js'
import type { Entry, MessageFacts } from './ports.js'
import type { Incoming } from './received.js'
import type { Infected, Step } from './step.js'
import { chargeOnly, type Charge, type Envelope } from './take-charge.js'

export interface InfectedCharge extends Charge {
  readonly outcomes: NonNullable<Entry['outcomes']>
}

/**
 * A valid envelope with a virus is taken in charge all the same, but goes no further: the sender's provider gets a notice for each
 * of these recipients of ours. `name` is what was found.
 */
export async function chargeInfected(
  envelope: Pick<Envelope, 'facts' | 'serviceMailbox'>,
  recipients: readonly string[],
  name: string,
  moment: Moment,
  house: House,
): Promise<InfectedCharge> {
  const { facts, serviceMailbox } = envelope
  const { identifier } = facts
  const charge = await chargeOnly(envelope, recipients, moment, house)
  const notices = await Promise.all(
    recipients.map(async (recipient) => {
      const occurrence = { kind: 'virus-detection', recipient, errorDetail: name, serviceMailbox } as const
      return { recipient, signed: await composeNotification({ message: facts, moment, occurrence }, house.issuer) }
    }),
  )
  return {
    ...charge,
    claims: [...charge.claims, ...recipients.map((recipient) => ({ identifier, what: 'outcome' as const, recipient }))],
    events: [
      ...charge.events,
      ...notices.map(({ recipient, signed }) =>
        issued('virus-detection', signed, facts, house.issuer, { recipients: [recipient], outcome: `virus: ${name}` }),
      ),
    ],
    outcomes: recipients.map((recipient) => ({ identifier, recipient, outcome: 'virus' })),
    dispatches: [
      ...charge.dispatches,
      ...notices.map(({ signed }) => notificationTo(serviceMailbox, identifier, signed.message, house)),
    ],
  }
}

/** What quarantine is told of a message with a virus. */
export function infectedBy(
  name: string,
  message: Source,
  about: Pick<MessageFacts, 'identifier' | 'provider' | 'sender'>,
): Infected {
  const { identifier, provider, sender } = about
  return { message, identifier, reason: 'virus', signature: name, provider, sender }
}

/** The reply to mail with a virus that is not a valid envelope; its bearer keeps it. */
export function refusalFor(name: string): string {
  return `5.7.1 The message holds a virus: ${name}`
}

/** That reply in the register. `provider` is who signed the message, or else the host that brought it. */
export function refusedInfected(name: string, { sender, recipients }: Incoming, provider: string, moment: Moment): Step {
  const nothing = { identifier: '', messageId: '', subject: undefined, daticert: undefined, signature: undefined }
  const refusal = { type: 'refusal', ...nothing, sender, recipients, provider, outcome: refusalFor(name) } as const
  return { at: moment, claims: [], events: [refusal], dispatches: [] }
}
