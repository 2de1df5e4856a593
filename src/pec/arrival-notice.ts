/** The notice that a message has arrived in a mailbox (O8): ordinary mail, which certifies nothing and is not signed. */
import { textPart } from '../mail/compose.js'
import { formatField } from '../mail/header.js'
import { fromBuffer, type Source } from '../mail/source.js'
import { newMessageId } from './identifier.js'
import type { Moment } from './moment.js'
import type { Issuer } from './signed-message.js'
import { arrivalText } from './wording.js'

/** What a notice may tell of the message. */
export interface ArrivalDetails {
  /** '' for none. */
  readonly sender: string
  readonly subject: string | undefined
}

export interface ArrivalFacts {
  readonly from: string
  readonly to: string
  /** Where the message has arrived. */
  readonly mailbox: string
  /** Undefined for a notice that tells nothing but that. */
  readonly details: ArrivalDetails | undefined
  readonly moment: Moment
}

export function composeArrivalNotice(facts: ArrivalFacts, issuer: Pick<Issuer, 'domain'>): Source {
  const { from, to, mailbox, moment } = facts
  return fromBuffer(
    Buffer.concat([
      formatField('Date', moment.rfc5322),
      formatField('Message-ID', `<${newMessageId(moment, issuer.domain)}>`),
      formatField('From', from),
      formatField('To', to),
      formatField('Subject', `Nuovo messaggio nella casella ${mailbox}`),
      // RFC 3834 §5
      formatField('Auto-Submitted', 'auto-generated'),
      formatField('X-Auto-Response-Suppress', 'All'),
      formatField('MIME-Version', '1.0'),
      textPart(arrivalText(facts)),
    ]),
  )
}
