/** The register's row for a message that we made and signed (L1). */
import type { Kind } from '../pec/kinds.js'
import type { Issuer, SignedMessage } from '../pec/signed-message.js'
import type { MessageFacts, RegisterEvent } from './ports.js'

/** `recipients` are those that the message is about; all of the original's if left out. */
export function issued(
  type: Kind,
  signed: SignedMessage,
  about: Pick<MessageFacts, 'identifier' | 'sender' | 'subject' | 'recipients'>,
  issuer: Pick<Issuer, 'name'>,
  details: { readonly recipients?: readonly string[]; readonly outcome?: string } = {},
): RegisterEvent {
  return {
    type,
    identifier: about.identifier,
    messageId: signed.messageId,
    sender: about.sender,
    recipients: details.recipients ?? about.recipients.map(({ address }) => address),
    subject: about.subject,
    provider: issuer.name,
    outcome: details.outcome ?? 'issued',
    daticert: signed.daticert,
    signature: signed.signature,
  }
}
