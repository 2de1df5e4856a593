/** What is measured: a mail system that takes messages from a client and brings them to a mailbox store by LMTP. */
import type { Instance } from '../lab/instance.js'
import type { SmtpClient } from '../lab/smtp-client.js'
import type { Milestone } from './exchange.js'

export interface System {
  readonly name: 'plain' | 'gateway'
  /** When a message is done with. */
  readonly milestones: readonly Milestone[]
  /** Sets it up in an empty directory and starts it with so many workers, delivering to the LMTP port. */
  start(directory: string, workers: number, lmtpPort: number): Promise<Running>
}

export interface Running {
  readonly instance: Instance
  readonly from: string
  readonly to: string
  /** A session that may submit: greeted, logged in where that is needed. */
  connect(): Promise<SmtpClient>
}

/** config/log.ini of whatever is measured: what an operator would run with, and the same for all. */
export const LOG_INI = '[main]\nlevel=notice\ntimestamps=true\n'
