/** Who gave a mailbox its state, by the register: what the provider has suspended is not for a customer's administrator to let go on. */
import { domainOf } from '../mail/address.js'
import { MAILBOX_STATES, type MailboxState } from '../points/ports.js'
import type { EventSource, RetrievedEvent } from './source.js'

export interface StateChange {
  readonly state: MailboxState
  readonly by: string
}

/** The last change of the state of a mailbox; undefined where the register has none (any more). */
export async function lastStateChange(address: string, source: Pick<EventSource, 'search'>): Promise<StateChange | undefined> {
  let last: StateChange | undefined
  for await (const event of source.search({ type: 'provisioning', recipient: address })) {
    const state = stateIn(event)
    if (state !== undefined && counts(event, address)) last = { state, by: event.sender }
  }
  return last
}

function stateIn({ subject = '' }: Pick<RetrievedEvent, 'subject'>): MailboxState | undefined {
  const words = subject.split(', ')
  return MAILBOX_STATES.find((state) => words.includes(state))
}

/** Administrators are known by their domain. Whatever the provider has begun counts, even if nobody recorded how it ended. */
function counts({ outcome, sender }: Pick<RetrievedEvent, 'outcome' | 'sender'>, address: string): boolean {
  return outcome === 'done' || (outcome === 'asked for' && domainOf(sender) !== domainOf(address))
}
