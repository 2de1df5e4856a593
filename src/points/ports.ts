/**
 * What the three points of RFC 6109 need from the rest of the house. The points own these interfaces; directories, ledger, queue
 * and index implement them, and tests pass plain objects.
 */
import type { TimeWitness } from '../clock/borne-out.js'
import type { Source } from '../mail/source.js'
import type { Kind, ReceiptType, RecipientType } from '../pec/kinds.js'
import type { Moment } from '../pec/moment.js'
import type { Range } from '../pec/signed-message.js'

/** Reads the time. One reading serves a whole transaction (P5). Throws PecError 'clock', temporary, while the time is wrong (K3). */
export type Clock = () => Date

// -- users and providers ------------------------------------------------------------------------------------------------

/** active: sends and receives; suspended: receives, may not send; frozen: neither, for a time; closed: neither, for good (O2). */
export const MAILBOX_STATES = ['active', 'suspended', 'frozen', 'closed'] as const
export type MailboxState = (typeof MAILBOX_STATES)[number]

export interface Mailbox {
  /** Lower case. */
  readonly address: string
  readonly state: MailboxState
  /** Where copies of its traffic go (O8); nowhere if undefined. */
  readonly archive?: TrafficArchive | undefined
  /** Who is told of what arrives in it (O8); nobody if undefined. */
  readonly arrivalNotice?: ArrivalNotice | undefined
  /** Why nobody can tell now which of the two it has, in one sentence; undefined if it has what stands here. */
  readonly unreadableOptions?: string | undefined
}

/** files: below the gateway's folder of copies; or another mailbox of the same store. */
export type TrafficArchive = 'files' | { readonly mailbox: string }

/** An ordinary e-mail for each message that arrives: that one is there, or its sender and subject too. */
export interface ArrivalNotice {
  /** An address of ordinary mail. */
  readonly to: string
  readonly details: boolean
}

/** A mailbox that a login and its password open. */
export interface OpenedMailbox extends Mailbox {
  /** The password is a temporary one: good for nothing but its own change (O3). */
  readonly temporary: boolean
}

/** What becomes of ordinary mail (R4): an anomaly envelope, a refusal, or a journey on to an ordinary address elsewhere. */
export type OrdinaryMailPolicy = 'accept' | 'reject' | { readonly forward: string }

/** Our own domains and mailboxes (O1, O2). Rejects with PecError 'directory', temporary, when it cannot tell. */
export interface Directory {
  managesDomain(domain: string): boolean
  mailbox(address: string): Promise<Mailbox | undefined>
  /** The policy of a mailbox, else of its domain; undefined where neither has one. */
  ordinaryMail(address: string): Promise<OrdinaryMailPolicy | undefined>
  /** The mailbox that this login and password open, in whatever state; undefined if they do not match, or the password has ended. */
  authenticate(login: string, password: string): Promise<OpenedMailbox | undefined>
}

/** A provider as the index lists it; a secondary environment is a record of its own. RFC 6109 §4.5 */
export interface ProviderRecord {
  readonly name: string
  readonly unit: string | undefined
  /** SHA-1 of each certificate's DER, hex, lower case. */
  readonly certificateHashes: ReadonlySet<string>
  /** DER. */
  readonly certificates: readonly Buffer[]
  /** Where take-charge receipts and virus notices go. */
  readonly mailReceipt: string
  /** Lower case. */
  readonly managedDomains: ReadonlySet<string>
}

export interface ProviderIndex {
  /** The record that manages this domain, compared without case. */
  byDomain(domain: string): ProviderRecord | undefined
  /** Every record that lists exactly this certificate (DER): by hash first, then by the certificate itself. */
  byCertificate(certificate: Buffer): readonly ProviderRecord[]
}

// -- ledger -------------------------------------------------------------------------------------------------------------

export interface RecipientFacts {
  readonly address: string
  readonly type: RecipientType
  /** Named in To, or in neither To nor Cc: gets the full receipt. Only in Cc: a concise one. RFC 6109 §3.3.2 */
  readonly primary: boolean
}

/** What is certified about a message, from its acceptance or from the envelope that brought it. */
export interface MessageFacts {
  /** Without angle brackets. */
  readonly identifier: string
  /** As the client wrote it, with angle brackets. */
  readonly clientMessageId: string | undefined
  readonly sender: string
  readonly replyTo: string
  readonly subject: string | undefined
  readonly receiptType: ReceiptType
  /** Name of the sender's provider. */
  readonly provider: string
  /** Accepted by our own access point: its certified recipients are tracked against the time limits. */
  readonly own: boolean
  readonly acceptedAt: Date
  /** Bytes of the original. */
  readonly size: number
  readonly recipients: readonly RecipientFacts[]
}

/** How a certified recipient ended. */
export type Outcome = 'delivered' | 'not-delivered' | 'virus' | 'expired'

export interface RecipientState extends RecipientFacts {
  readonly takenInChargeAt: Date | undefined
  readonly outcome: Outcome | undefined
  readonly outcomeAt: Date | undefined
}

export interface StoredMessage extends MessageFacts {
  readonly recipients: readonly RecipientState[]
}

/**
 * Something that may be done once, ever (P2). `outcome` covers delivery, non-delivery and virus together; `received` is a receipt
 * that came in, its Message-ID in `identifier`.
 */
export interface Claim {
  readonly identifier: string
  readonly what: 'acceptance' | 'take-charge' | 'outcome' | 'time-limit-12' | 'time-limit-24' | 'received'
  /** The recipient it is about; '' for the whole message. */
  readonly recipient: string
}

export type EventType =
  | Kind // a message of that kind was issued, by us
  | 'reception' // a valid envelope came in
  | 'receipt-reception' // a valid receipt or notice came in
  | 'mailbox-delivery' // the mailbox store accepted a message
  | 'delivery-failure' // it refused one for good, or a peer did
  | 'relay' // a peer or ordinary host accepted a message of ours
  | 'forward' // ordinary mail went on to an address elsewhere
  | 'copy' // an archive took a copy of a mailbox's traffic
  | 'arrival-notice' // an ordinary host took a notice of arrival
  | 'option-failure' // one of these two was refused for good, or given up
  | 'purge' // rows and archives went after their time
  | 'hold' // `sender` has kept a message beyond its time, or let it go
  | 'retrieval' // an extract of the register was made; its sender asked for it
  | 'refusal' // refused in the SMTP session, or with a plain delivery report
  | 'provisioning' // domains, mailboxes and passwords: `sender` has done to `recipients` what `subject` says
  | 'index' // the index of providers says something else of one
  | 'interoperability' // `sender` has checked how the provider of `recipients` answers a test message

/** A row of the register (L1). */
export interface RegisterEvent {
  readonly type: EventType
  /** The original's identifier; '' where there is none. */
  readonly identifier: string
  /** Message-ID, without brackets, of the message issued or received; '' where there is none. */
  readonly messageId: string
  readonly sender: string
  readonly recipients: readonly string[]
  readonly subject: string | undefined
  /** The sending provider: who signed the message, or its host. */
  readonly provider: string
  /** Short and in English, e.g. `accepted`, `5.1.1 unknown mailbox`. */
  readonly outcome: string
  readonly daticert: Buffer | undefined
  /** DER of smime.p7s. */
  readonly signature: Buffer | undefined
}

/** A message kept because of what was found in it. RFC 6109 §2.2.4 */
export interface QuarantinedMessage extends KeptFile {
  /** The original's identifier. */
  readonly identifier: string
  readonly reason: 'virus'
  /** What was found, as the antivirus calls it. */
  readonly signature: string
  /** The sending provider. */
  readonly provider: string
  readonly sender: string
}

/** All that one transaction certifies: it is committed whole or not at all. */
export interface Entry {
  /** The id of the step, in the notes of every message it prepared. */
  readonly step: string
  readonly at: Moment
  /** Stored unless the identifier is known. */
  readonly message?: MessageFacts
  readonly claims: readonly Claim[]
  readonly events: readonly RegisterEvent[]
  readonly takenInCharge?: { readonly identifier: string; readonly recipients: readonly string[] }
  readonly outcomes?: readonly { readonly identifier: string; readonly recipient: string; readonly outcome: Outcome }[]
  readonly quarantined?: QuarantinedMessage
}

export interface Ledger {
  /** Durable when it resolves. Rejects with PecError 'conflict' if a claim is taken (nothing is written), 'ledger' (temporary) otherwise. */
  commit(entry: Entry): Promise<void>
  isCommitted(step: string): Promise<boolean>
  /** Sees to it that a step never will be committed; false if it is. Rejects with PecError 'ledger', temporary, while nobody can tell. */
  giveUp(step: string): Promise<boolean>
  message(identifier: string): Promise<StoredMessage | undefined>
  /** Which of these claims are taken already. */
  taken(claims: readonly Claim[]): Promise<readonly Claim[]>
}

/** A certified recipient of a message of ours, without an outcome yet. */
export interface OpenRecipient {
  readonly identifier: string
  readonly address: string
  readonly acceptedAt: Date
  readonly takenInChargeAt: Date | undefined
}

/** What the time limits are kept by. */
export interface DeadlineLedger extends Ledger, TimeWitness {
  /** Those of messages accepted before a time, the longest waiting first; with `after`, those that follow it. */
  openRecipients(before: Date, limit: number, after?: OpenRecipient): Promise<readonly OpenRecipient[]>
  /** Takes or renews work that one node does at a time; false while another has it. */
  lease(job: string, holder: string, now: Date, until: Date): Promise<boolean>
  /** Writes something that means nothing: resolves if entries can be committed now, as they cannot where only reading is allowed. */
  probe(now: Date): Promise<void>
}

// -- queue --------------------------------------------------------------------------------------------------------------

/**
 * What a queued message is, so that its outcome means the same after a restart. Envelopes delivered owe a receipt or a notice;
 * anomaly envelopes and ordinary mail a plain delivery report; everything else nothing. RFC 6109 §2.2.3
 */
export type Errand =
  | {
      readonly kind: 'deliver-envelope'
      readonly identifier: string
      readonly recipient: string
      /** Where the original stands in the message. */
      readonly original: Range
    }
  | {
      readonly kind: 'deliver-anomaly' | 'deliver-other'
      readonly identifier: string
    }
  | {
      readonly kind: 'send-envelope' | 'send-receipt' | 'forward' | 'deliver-copy' | 'notify'
      readonly identifier: string
    }
  /** A copy for the folder of copies, of a message of this time (ISO 8601); its recipient is the mailbox. */
  | { readonly kind: 'archive'; readonly identifier: string; readonly at: string }
  /** Waits until somebody can tell what its recipient, a mailbox through which it has passed at this time (ISO 8601), has for it. */
  | { readonly kind: 'options'; readonly identifier: string; readonly at: string; readonly as: Passage }
  /** Goes nowhere: its sender gets a plain delivery report with this reply, e.g. `5.1.1 Unknown mailbox`. */
  | { readonly kind: 'refuse'; readonly identifier: string; readonly reply: string }

/** As what a message has passed through a mailbox: an envelope or anomaly envelope that was delivered to it, or anything else. */
export type Passage = 'envelope' | 'anomaly' | 'other'

export interface Dispatch {
  /** Reverse path; '' for none. */
  readonly from: string
  /** One recipient where the errand delivers, any number where it sends. */
  readonly to: readonly string[]
  readonly message: Source
  readonly errand: Errand
}

/** Messages written durably into the queue that do not leave before release. */
export interface Prepared {
  /** The step was committed: let them go. */
  release(): void
  /** It was not: take them out again. */
  drop(): void
  /** Nobody knows: whether they leave is asked of the ledger, once it can tell. */
  leaveToLedger(): void
}

export interface Outbox {
  /** Resolves when every message is durable; rejects with PecError 'queue', temporary, with none of them queued. */
  prepare(step: string, dispatches: readonly Dispatch[]): Promise<Prepared>
}

// -- antivirus ----------------------------------------------------------------------------------------------------------

/** `name` is what the antivirus calls what it found: one line of visible ASCII. */
export type ScanVerdict = { readonly verdict: 'clean' } | { readonly verdict: 'infected'; readonly name: string }

export interface Antivirus {
  /**
   * Scans a message to its last byte. Rejects with PecError 'antivirus', temporary, if it could not be scanned, or not whole: what
   * was not scanned is never clean.
   */
  scan(message: Source): Promise<ScanVerdict>
}

/** The file of a message in the special store. RFC 6109 §2.2.4 */
export interface KeptFile {
  /** The file's name, made by the store and by nobody else. */
  readonly id: string
  /** Hex, lower case. */
  readonly sha256: string
  /** Bytes. */
  readonly size: number
  /** The day on which it may go. */
  readonly until: Date
}

export interface Quarantine {
  /** Keeps a message as it is, from `since` on. Durable when it resolves; rejects with PecError 'quarantine', temporary. */
  keep(message: Source, since: Date): Promise<KeptFile>
  /** Takes a file out again that no ledger knows of. */
  discard(file: KeptFile): Promise<void>
}
