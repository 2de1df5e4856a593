/**
 * What happens in the service, as an operator, a log, a metric or an alarm wants to know it. Told once, by the decorators of this
 * folder and by the hooks, to whoever listens. It holds neither bodies nor secrets.
 */
import type { ErrorCode } from '../errors.js'
import type { SpamLevel } from '../pec/kinds.js'
import type { QuarantinedMessage, RegisterEvent } from '../points/ports.js'

/** The parts that the service stands on, by which failures are counted. */
export type Part =
  | 'ledger' // the database of the register
  | 'queue' // the folder of Haraka's queue
  | 'spool' // the folder of messages that are coming in
  | 'quarantine' // the folder of infected messages
  | 'store' // the mailbox store, by LMTP
  | 'copies' // the folder of copies of mailboxes' traffic
  | 'signer' // the key, in a file or a token
  | 'antivirus'
  | 'spam-filter'
  | 'directory' // users and mailboxes
  | 'index' // the index of providers
  | 'index-age' // that in use is too old
  | 'index-source' // where the index of providers is fetched from
  | 'crl' // revocation lists
  | 'crl-age' // those in use are out of date
  | 'certificate' // our own, about to end or unfit
  | 'clock'
  | 'dns'
  | 'descriptors' // of files and connections, as many as the system allows
  | 'log' // the flat logs
  | 'output' // where the process's own log goes
  | 'disk' // room in the folders
  | 'archive' // a day of the register, sealed
  | 'timestamp' // the authority that stamps archives
  | 'interoperability' // test messages to other providers
  | 'configuration' // settings or keys that could not be taken over

/** The point that a session or a message belongs to. */
export type Point = 'access' | 'reception' | 'delivery'

/** The other end of a connection. */
export interface Client {
  readonly ip: string
  /** By the reverse DNS; undefined where it has no name. */
  readonly host: string | undefined
}

interface Occurred {
  readonly at: Date
}

/** A client's session went over to TLS. */
export interface TlsBegun extends Occurred {
  readonly kind: 'tls'
  readonly point: Point
  readonly client: Client
  /** Haraka's id of the session. */
  readonly session: string
  /** e.g. TLSv1.3; undefined where it is not known. */
  readonly protocol: string | undefined
  readonly cipher: string | undefined
}

export interface Authenticated extends Occurred {
  readonly kind: 'authentication'
  readonly client: Client
  readonly session: string
  /** As the client gave it. */
  readonly user: string
  readonly passed: boolean
  /** The mark of the certificate that the client has shown: sha256:FINGERPRINT. */
  readonly certificate?: string | undefined
  /** What was wrong with it, or that there was none where there must be; undefined if nothing was. */
  readonly fault?: string | undefined
}

/** Somebody asked us to carry mail to a domain that is not ours. */
export interface RelayAttempted extends Occurred {
  readonly kind: 'relay-attempt'
  readonly client: Client
  readonly session: string
  /** '' for the null path. */
  readonly sender: string
  readonly recipient: string
}

/** A command or message was refused in an SMTP session, for good or for now. */
export interface Refused extends Occurred {
  readonly kind: 'refusal'
  readonly point: Point
  readonly client: Client
  readonly session: string
  /** The command that was refused, e.g. RCPT. */
  readonly command: string
  /** '' for the null path; undefined before MAIL. */
  readonly sender: string | undefined
  readonly recipients: readonly string[]
  /** What the client was told. */
  readonly reply: string
  readonly temporary: boolean
}

/** A message came in over SMTP and was dealt with: 250 was said. */
export interface Received extends Occurred {
  readonly kind: 'reception'
  readonly point: 'access' | 'reception'
  readonly client: Client
  /** Haraka's id of the transaction. */
  readonly session: string
  /** '' for the null path. */
  readonly sender: string
  readonly recipients: readonly string[]
  /** Bytes. */
  readonly size: number
  /** accepted and not-accepted at the access point, what it was judged to be at the reception point. */
  readonly outcome: 'accepted' | 'not-accepted' | 'envelope' | 'receipt' | 'incorrect' | 'ordinary'
  /** The identifier that the access point gave it. */
  readonly identifier: string | undefined
  /** From the end of DATA to our answer. */
  readonly milliseconds: number
}

/** An attempt to deliver or relay a message failed for now: there will be another. */
export interface Deferred extends Occurred {
  readonly kind: 'deferral'
  readonly identifier: string
  /** '' for the null path. */
  readonly sender: string
  readonly recipients: readonly string[]
  /** Where the message is to go; our own for our mailboxes. */
  readonly domain: string
  readonly reason: string
  /** Seconds until the next attempt. */
  readonly delay: number
}

/** A step was committed to the register. */
export interface Registered extends Occurred {
  readonly kind: 'registered'
  readonly events: readonly RegisterEvent[]
  /** When the message was accepted by its sender's provider, where that is known. */
  readonly acceptedAt: Date | undefined
  /** What the commit took. */
  readonly milliseconds: number
}

/** An infected message went into quarantine, committed. */
export interface VirusKept extends Occurred {
  readonly kind: 'virus'
  readonly kept: QuarantinedMessage
}

/** A message was scanned to its end. */
export interface Scanned extends Occurred {
  readonly kind: 'scan'
  /** What was found; undefined in a clean message. */
  readonly found: string | undefined
  /** Bytes. */
  readonly size: number
  readonly milliseconds: number
}

/** Ordinary mail was rated as spam. */
export interface SpamMarked extends Occurred {
  readonly kind: 'spam'
  readonly client: Client
  readonly session: string
  readonly sender: string
  readonly recipients: readonly string[]
  readonly level: SpamLevel
}

/** The provider's key was used (K2). */
export interface Signed extends Occurred {
  readonly kind: 'signature'
  /** Which key: a name from the settings, not a secret. */
  readonly key: string
  /** Serial number of its certificate, hex. */
  readonly serial: string
  /** SHA-256, hex, of the bytes that were signed: the signed attributes of a smime.p7s in the register. */
  readonly digest: string
  readonly milliseconds: number
}

export interface IndexTaken extends Occurred {
  readonly kind: 'index-synchronised'
  readonly records: number
  readonly domains: number
  /** Records that could not be read, one sentence each. */
  readonly faults: readonly string[]
}

/** A new index was not taken over: the last good copy stays. */
export interface IndexRefused extends Occurred {
  readonly kind: 'index-refused'
  readonly reason: string
  /** Milliseconds since the copy in use was written. */
  readonly age: number
}

/** A synchronisation brought something else about a provider. */
export interface IndexChanged extends Occurred {
  readonly kind: 'index-changed'
  /** URL. */
  readonly source: string
  /** One line in English. */
  readonly change: string
}

export interface CrlRead extends Occurred {
  readonly kind: 'crl-refreshed'
  /** Path or URL. */
  readonly source: string
  readonly nextUpdate: Date | undefined
}

export interface CrlFailed extends Occurred {
  readonly kind: 'crl-failed'
  readonly source: string
  readonly reason: string
}

/** An OCSP responder was asked about a certificate. */
export interface OcspAnswered extends Occurred {
  readonly kind: 'ocsp-answer'
  /** URL. */
  readonly responder: string
  readonly outcome: 'good' | 'revoked' | 'unknown' | 'failed'
  /** Why it failed; undefined if it did not. */
  readonly failure: string | undefined
  readonly milliseconds: number
}

/** A part has stopped working; told again from time to time for as long as it does not. */
export interface Failed extends Occurred {
  readonly kind: 'failure'
  readonly part: Part
  /** 'bug' for what is no PecError. */
  readonly code: ErrorCode | 'bug'
  /** One sentence in English. */
  readonly reason: string
  readonly since: Date
  /** Failures since then, this one included. */
  readonly count: number
}

/** A part works again. */
export interface Recovered extends Occurred {
  readonly kind: 'recovery'
  readonly part: Part
  readonly since: Date
  readonly count: number
}

/** A mailbox of another provider was sent a test message (O7). */
export interface Checked extends Occurred {
  readonly kind: 'interoperability'
  readonly mailbox: string
  readonly passed: boolean
  /** Of each answer that came, in seconds. */
  readonly seconds: Readonly<Partial<Record<'acceptance' | 'takeCharge' | 'delivery', number>>>
}

/** A mailbox that has many messages gets no notice of one more. */
export interface NoticeLeftOut extends Occurred {
  readonly kind: 'notice-left-out'
  readonly mailbox: string
}

/** Settings, keys or users were taken over without a restart. */
export interface Reloaded extends Occurred {
  readonly kind: 'reloaded'
  readonly what: 'configuration' | 'keys' | 'directory' | 'trust'
  /** One line in English. */
  readonly detail: string
}

/** A process is ready for mail, or was told to end and finishes its work. */
export interface Process extends Occurred {
  readonly kind: 'started' | 'ending'
}

export type Occurrence =
  | TlsBegun
  | Authenticated
  | RelayAttempted
  | Refused
  | Received
  | Deferred
  | Registered
  | VirusKept
  | Scanned
  | SpamMarked
  | Signed
  | IndexTaken
  | IndexRefused
  | IndexChanged
  | CrlRead
  | CrlFailed
  | OcspAnswered
  | Failed
  | Recovered
  | Checked
  | NoticeLeftOut
  | Reloaded
  | Process

export interface Watch {
  /** Never throws and never waits. */
  tell(occurrence: Occurrence): void
}
