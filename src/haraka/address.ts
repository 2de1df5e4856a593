/** Haraka's addresses. The package's types are those of its ES module; Haraka and we load its CommonJS one. */
import { createRequire } from 'node:module'

/** A path of an SMTP transaction. */
export interface Address {
  /** `user@host` with the case it came in; '' for the null path. */
  readonly address: string
  /** Lower case. */
  readonly host: string
  isNull(): boolean
}

const loaded = createRequire(__filename)('@haraka/email-address') as { readonly Address: new (path: string) => Address }

/** The address of a path without its angle brackets; '' is the null path. Throws if it is none. */
export function pathOf(address: string): Address {
  return new loaded.Address(`<${address}>`)
}
