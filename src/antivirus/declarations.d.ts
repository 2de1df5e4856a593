/** The members of clamscan 2.4.0 that we use: it ships no types. */
declare module 'clamscan' {
  import type { Socket } from 'node:net'
  import type { Readable } from 'node:stream'

  interface ScanResult {
    readonly isInfected: boolean | null
    readonly viruses: readonly string[]
    /** What clamd said. */
    readonly resultString: string
  }

  export default class NodeClam {
    init(options: Readonly<Record<string, unknown>>): Promise<this>
    scanStream(stream: Readable): Promise<ScanResult>
    /** Opens a connection to clamd. */
    protected _initSocket(): Promise<Socket>
  }
}
