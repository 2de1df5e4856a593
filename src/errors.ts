/**
 * Operational failures: something that should have worked did not. What a message is like is never an error but a verdict.
 * `temporary` decides between a 4xx and a 5xx answer; the text is for the log, never for the peer.
 */

export type ErrorCode =
  | 'configuration' // a setting, file or key that stops the start
  | 'malformed' // input outside the bounds we read
  | 'signer' // the key cannot sign now
  | 'clock' // the time is known to be wrong
  | 'ledger' // the database is away or refused
  | 'store' // the mailbox store does not answer
  | 'queue' // the queue could not take the messages
  | 'crl' // a revocation list cannot be read
  | 'index' // the provider index cannot be read
  | 'directory' // users and mailboxes cannot be looked up
  | 'antivirus' // nothing can be scanned now, or this message cannot
  | 'quarantine' // what must be kept cannot be written
  | 'copies' // a copy for an archive cannot be written
  | 'timestamp' // no authority gave a time stamp that holds
  | 'archive' // a day of the register cannot be archived, or an archive cannot be read
  | 'dns' // the name servers do not tell
  | 'descriptors' // none are left for another client
  | 'log' // a log cannot be written
  | 'disk' // a folder is about to be full
  | 'alarm' // an operator could not be told
  | 'spam-filter' // ordinary mail cannot be rated now
  | 'interoperability' // another provider did not answer a test message as it should
  | 'conflict' // another transaction certified this first

const brand = Symbol.for('haraka-pec.error')

export class PecError extends Error {
  readonly code: ErrorCode
  readonly temporary: boolean
  /** It is certain that nothing was done; else some of it may have been. */
  readonly undone: boolean
  readonly [brand] = true

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly temporary?: boolean; readonly undone?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PecError'
    this.code = code
    this.temporary = options.temporary ?? false
    this.undone = options.undone ?? false
  }
}

/** Recognises our errors by their brand: `instanceof` fails for errors that crossed a realm. */
export function isPecError(error: unknown): error is PecError {
  return typeof error === 'object' && error !== null && brand in error
}

/** The message of anything that was thrown, for a log line. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether the system or a library has given an error one of these codes, such as ENOENT. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
