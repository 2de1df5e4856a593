/** A message as it came in, and the register's row for one that is valid (L1). */
import type { Source } from '../mail/source.js'
import type { SpamLevel } from '../pec/kinds.js'
import type { Certified } from './judge.js'
import type { RegisterEvent } from './ports.js'

/** A message from another host, for addresses of our domains. */
export interface Incoming {
  /** Reverse path; '' for none. */
  readonly sender: string
  readonly recipients: readonly string[]
  readonly message: Source
  /** Who brought it, for the register. */
  readonly host: string
  /** Asked of ordinary mail only, if there is anybody to ask. Never rejects; undefined if it looks like none, or nobody can tell. */
  readonly rateSpam?: () => Promise<SpamLevel | undefined>
}

export function received(
  type: 'reception' | 'receipt-reception',
  { data, provider, messageId, daticert, signature }: Certified,
  { recipients }: Incoming,
  outcome: string,
): RegisterEvent {
  const { identifier, sender, subject } = data
  return { type, identifier, messageId, sender, recipients, subject, provider: provider.name, outcome, daticert, signature }
}
