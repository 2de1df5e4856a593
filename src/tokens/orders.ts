/** What passes between the gateway and the process that holds a token. */

export interface TokenSettings {
  /** Path of the PKCS#11 library. */
  readonly module: string
  /** `serial:` and the serial number of the token, or its label, which may follow `label:`. */
  readonly token: string
  /** CKA_LABEL of the private key; '' for any. */
  readonly keyLabel: string
  /** CKA_ID of the private key, hex; '' for any. */
  readonly keyId: string
  readonly pin: string
  /** Operations at a time. */
  readonly sessions: number
}

/**
 * Why a token cannot sign. pin: its PIN is wrong, and another attempt may lock it. fault: it is there, but something about it must be
 * set right. away: it may come back by itself.
 */
export type FailureKind = 'pin' | 'fault' | 'away'

/** Number 0 is the opening, each signature has a number of its own. */
export type Order = { readonly number: 0; readonly open: TokenSettings } | { readonly number: number; readonly data: Uint8Array }

export type Report =
  | { readonly number: number; /** Empty for the opening. */ readonly signature: Uint8Array }
  | { readonly number: number; readonly failure: FailureKind; readonly reason: string }

export class TokenFailure extends Error {
  readonly kind: FailureKind

  constructor(kind: FailureKind, message: string) {
    super(message)
    this.name = 'TokenFailure'
    this.kind = kind
  }
}
