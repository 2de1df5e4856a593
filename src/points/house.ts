/** The provider as its three points see it. */
import type { Issuer } from '../pec/signed-message.js'
import type { Antivirus, Clock, Directory, Ledger, Outbox, ProviderIndex, Quarantine } from './ports.js'

export interface House {
  readonly issuer: Issuer
  /** Our receipts mailbox, mailReceipt in the index. */
  readonly receipts: string
  readonly directory: Directory
  readonly index: ProviderIndex
  readonly ledger: Ledger
  readonly outbox: Outbox
  readonly antivirus: Antivirus
  readonly quarantine: Quarantine
  readonly clock: Clock
}
