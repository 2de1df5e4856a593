/** A row of the table of events, as an event of the register. */
import type { EventType, RegisterEvent } from '../points/ports.js'
import type { Tables } from './schema.js'

type EventColumns = Pick<
  Tables['event'],
  'at' | 'type' | 'message_id' | 'sender_address' | 'recipients' | 'subject' | 'provider' | 'outcome'
>

/** All but its identifier, which not every query asks for, and what proves it. */
export function eventOf(row: EventColumns): Omit<RegisterEvent, 'identifier' | 'daticert' | 'signature'> & { readonly at: Date } {
  return {
    at: new Date(row.at),
    type: row.type as EventType,
    messageId: row.message_id,
    sender: row.sender_address,
    recipients: JSON.parse(row.recipients) as string[],
    subject: row.subject ?? undefined,
    provider: row.provider,
    outcome: row.outcome,
  }
}

/** What proves it, from a row of a query that has it. */
export function evidenceIn(row: {
  readonly daticert: Buffer | null
  readonly signature: Buffer | null
}): Pick<RegisterEvent, 'daticert' | 'signature'> {
  return { daticert: row.daticert ?? undefined, signature: row.signature ?? undefined }
}
