/**
 * The members of Haraka 3.3 that the gateway uses, no more: Haraka ships no types. Everything here is checked against the real
 * thing by the black-box tests.
 */
import type { Address } from './address.js'
import type { Writable } from 'node:stream'

export type Next = (code?: number, message?: unknown) => void

export interface Results {
  add(plugin: { readonly name: string }, result: Readonly<Record<string, unknown>>): void
  get(name: string): Readonly<Record<string, unknown>> | undefined
}

/** What Haraka expects of the thing that keeps a transaction's bytes. */
export interface MessageStream {
  headers: string[]
  add_line(line: Buffer | string): void
  add_line_end(done?: () => void): void
  pipe(destination: Writable, options?: Readonly<Record<string, unknown>>): Writable
  unpipe(): void
  destroy(): void
}

export interface Transaction {
  readonly uuid: string
  readonly mail_from: Address
  readonly rcpt_to: readonly Address[]
  /** Bytes of DATA as they came over the wire. */
  readonly data_bytes: number
  readonly notes: Record<string, unknown>
  readonly results: Results
  message_stream: MessageStream
  /** Called once after the last line of DATA. */
  end_data(done: () => void): void
}

/** As Node.js describes it, with the version of TLS. */
export interface Cipher {
  readonly version: string
  readonly name: string
  readonly standardName?: string
}

/** The socket of a connection, also when it becomes that of a TLS session. */
export interface Client {
  destroy(): void
  pause(): void
  resume(): void
  on(event: 'data', listener: (chunk: Buffer) => void): void
}

export interface Connection extends Logger {
  readonly uuid: string
  readonly local: { readonly ip: string; readonly port: number }
  readonly remote: { readonly ip: string; readonly host: string; readonly closed: boolean }
  readonly hello: { readonly host: string }
  readonly tls: { readonly enabled: boolean; readonly cipher?: Cipher; readonly peerCertificate?: { readonly raw?: unknown } }
  readonly relaying: boolean
  readonly capabilities: string[]
  readonly client: Client
  /** One of haraka-constants' connection.state. */
  readonly state: number
  readonly notes: Record<string, unknown>
  readonly results: Results
  /** Null once the client has gone. */
  readonly transaction: Transaction | null
}

export interface Todo {
  /** Milliseconds since 1970. */
  readonly queue_time: number
  readonly domain: string
  readonly rcpt_to: readonly QueuedRecipient[]
  readonly mail_from: Address
  readonly notes: Readonly<Record<string, unknown>>
  readonly uuid: string
  readonly force_tls: boolean
}

/** A recipient of a queued message, with what the other side said of it. */
export interface QueuedRecipient extends Address {
  readonly dsn_smtp_code?: string
  readonly dsn_smtp_extc?: string | undefined
  readonly dsn_smtp_response?: string
  readonly dsn_status?: string
  readonly dsn_msg?: string
}

/** One file of the outbound queue. */
export interface QueuedMail extends Logger {
  readonly path: string
  /** Where the message begins in the file. */
  readonly data_start: number
  readonly file_size: number
  readonly todo: Todo
  refcount: number
  /** Called once an attempt is over, however it ended; each attempt has one of its own. */
  next_cb: () => void
  discard(): void
  temp_fail(reason: string): void
  get_force_tls(mx: unknown): boolean
}

/** Why a message waits for another attempt, and for how many seconds. */
export interface DeferredParams {
  readonly delay: number
  readonly err: unknown
}

export interface BounceError extends Error {
  readonly bounced_rcpt?: readonly QueuedRecipient[]
}

/** host, ip, response, delay in seconds, port, mode, recipients accepted, encrypted, authenticated */
export type DeliveredParams = readonly [
  string | undefined,
  string,
  string,
  number,
  number,
  string,
  readonly QueuedRecipient[],
  boolean,
  boolean,
]

/** The queue that Haraka keeps on the disk. */
export interface HarakaQueue {
  readonly directory: string
  /** A file name that tells whose the file is and when it is due. */
  newName(): string
  /** What stands before the message in a file. */
  headOf(todo: Todo): Buffer
  /** Attempts under way, or about to be. */
  underWay(): number
  /** Haraka takes a file up: its hooks, its attempts. */
  handOver(file: { readonly name: string; readonly path: string; readonly notes: Record<string, unknown> }): void
}

export interface Logger {
  loginfo(...what: unknown[]): void
  lognotice(...what: unknown[]): void
  logwarn(...what: unknown[]): void
  logerror(...what: unknown[]): void
  logcrit(...what: unknown[]): void
}

/** Haraka's server, as the hooks of its start get it. */
export interface HarakaServer {
  /** Undefined in a single process. */
  readonly cluster?: unknown
  readonly cfg: { readonly main: Readonly<Record<string, unknown>> }
  /** Ends the process, by way of its work in hand if smtp.ini says so. */
  performShutdown(): void
}

export interface HarakaConfig {
  get(name: string, type?: string | Readonly<Record<string, unknown>>, options?: Readonly<Record<string, unknown>>): unknown
}

/** The object that a plugin's exports become: `this` inside its functions. */
export interface Plugin extends Logger {
  readonly name: string
  readonly config: HarakaConfig
  /** Seconds that a hook may take; 0 for no bound. */
  timeout: number
  register_hook(hook: string, method: string, priority?: number): void
  inherits(name: string): void
  haraka_require(module: string): unknown
}
