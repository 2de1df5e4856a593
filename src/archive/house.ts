/** What the archive works with. */
import type { Clock } from '../points/ports.js'
import type { Signer } from '../smime/signer.js'
import type { TimestampSettings } from '../timestamp/client.js'
import type { ArchiveRegister } from './register.js'

export interface ArchiveHouse {
  readonly register: ArchiveRegister
  readonly provider: { readonly name: string; readonly domain: string }
  /** Its signer may be another one tomorrow (K4). */
  readonly issuer: { readonly signer: Signer }
  readonly timestamp: TimestampSettings
  /** One for all nodes. */
  readonly folder: string
  /** Where the preservation system takes its sets from; undefined if there is none. */
  readonly handOver: HandOver | undefined
  /** Milliseconds after the end of a day. */
  readonly margin: number
  /** For how long archives are kept. */
  readonly months: number
  /** Of the software, by name. */
  readonly versions: Readonly<Record<string, string>>
  readonly clock: Clock
  /** Hears in one line of what an operator must look at. */
  readonly alarm: (line: string) => void
}

export interface HandOver {
  readonly folder: string
  /** The log-security officer, to whom the sets are addressed. */
  readonly addressee: string
}
