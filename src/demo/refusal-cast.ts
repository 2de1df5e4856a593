/** Who and what is in the scenario of refusals. */
import type { Play } from './scenario.js'
import { SILENT_DOMAIN, type SilentProvider } from './silent-provider.js'
import { DOMAINS } from './stage.js'

export interface Setting extends Play {
  /** The provider that never answers. */
  readonly c: SilentProvider
}

export const SENDER = `mario@${DOMAINS.a}`
export const RECIPIENT = `giulia@${DOMAINS.b}`
/** Nobody's mailbox. */
export const UNKNOWN = `nessuno@${DOMAINS.b}`
export const CLOSED = `chiusa@${DOMAINS.b}`
export const FULL = `piena@${DOMAINS.b}`
export const ORDINARY = `anna@${DOMAINS.ordinary}`
export const SILENT_RECIPIENT = `luca@${SILENT_DOMAIN}`

/** Of messages to Provider A: recipients for a notice, and for none any more; bytes. */
export const LIMITS = { recipients: 3, ceiling: 4, bytes: 1_000_000 } as const

/** Of Provider B, in seconds. */
export const TIME_LIMITS = { first: 3, second: 7 } as const
