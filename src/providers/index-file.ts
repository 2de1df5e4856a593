/**
 * The index of providers as a local file that someone else refreshes. RFC 6109 §4.5 wants a local copy, refreshed daily: a new
 * file is taken over whole, and one that cannot be read leaves the last good copy in place.
 */
import { open, stat } from 'node:fs/promises'
import { PecError, reasonOf } from '../errors.js'
import type { Clock, ProviderIndex, ProviderRecord } from '../points/ports.js'
import { LDIF_LIMITS } from './ldif.js'
import { readIndex, type IndexFault, type IndexReading } from './provider-index.js'

export type IndexEvent =
  | { readonly kind: 'loaded'; readonly records: number; readonly domains: number; readonly faults: readonly IndexFault[] }
  /** The new file was not taken over; `age` is the last good copy's, in milliseconds. */
  | { readonly kind: 'refused'; readonly reason: string; readonly age: number }

export interface IndexFileOptions {
  readonly path: string
  readonly clock: Clock
  readonly onEvent: (event: IndexEvent) => void
  /** Milliseconds between two looks at the file. Default one minute. */
  readonly interval?: number
}

interface Copy {
  readonly reading: IndexReading
  /** When the file was written. */
  readonly modifiedAt: Date
}

interface Contents {
  readonly stamp: string
  readonly modifiedAt: Date
  readonly bytes: Buffer
}

export class IndexFile implements ProviderIndex {
  private readonly options: IndexFileOptions
  private copy: Copy
  /** Of the file last looked at, good or bad, so that a bad one is reported once. */
  private stamp: string
  private running: Promise<boolean> | undefined
  private readonly timer: NodeJS.Timeout

  private constructor(options: IndexFileOptions, copy: Copy, stamp: string) {
    this.options = options
    this.copy = copy
    this.stamp = stamp
    this.timer = setInterval(() => void this.look(), options.interval ?? 60_000).unref()
  }

  /** Loads the file and watches it from then on. Rejects with PecError 'index' if the first load fails. */
  static async open(options: IndexFileOptions): Promise<IndexFile> {
    try {
      const { stamp, modifiedAt, bytes } = await readContents(options.path)
      const file = new IndexFile(options, { reading: readUsable(bytes), modifiedAt }, stamp)
      file.reportLoaded()
      return file
    } catch (error) {
      throw new PecError('index', `the provider index ${options.path} cannot be used: ${reasonOf(error)}`, { cause: error })
    }
  }

  byDomain(domain: string): ProviderRecord | undefined {
    return this.copy.reading.index.byDomain(domain)
  }

  byCertificate(certificate: Buffer): readonly ProviderRecord[] {
    return this.copy.reading.index.byCertificate(certificate)
  }

  get records(): readonly ProviderRecord[] {
    return this.copy.reading.records
  }

  /** Milliseconds since the copy in use was written. */
  get age(): number {
    return this.options.clock().getTime() - this.copy.modifiedAt.getTime()
  }

  /** Reads the file again, changed or not. True if it was taken over, false if the last good copy stays. Never rejects. */
  reload(): Promise<boolean> {
    return this.load(() => true)
  }

  /** Stops watching; the copy stays in use. */
  close(): void {
    clearInterval(this.timer)
  }

  private look(): Promise<boolean> {
    return this.load((stamp) => stamp !== this.stamp)
  }

  /** One at a time: a second caller waits for the first and then has its own turn. */
  private async load(wanted: (stamp: string) => boolean): Promise<boolean> {
    while (this.running !== undefined) await this.running
    this.running = this.take(wanted)
    try {
      return await this.running
    } finally {
      this.running = undefined
    }
  }

  private async take(wanted: (stamp: string) => boolean): Promise<boolean> {
    const stamp = await readStamp(this.options.path)
    if (!wanted(stamp)) return false
    this.stamp = stamp
    try {
      const contents = await readContents(this.options.path)
      this.copy = { reading: readUsable(contents.bytes), modifiedAt: contents.modifiedAt }
      this.stamp = contents.stamp
      this.reportLoaded()
      return true
    } catch (error) {
      this.options.onEvent({ kind: 'refused', reason: reasonOf(error), age: this.age })
      return false
    }
  }

  private reportLoaded(): void {
    const { records, domains, faults } = this.copy.reading
    this.options.onEvent({ kind: 'loaded', records: records.length, domains, faults })
  }
}

/** An index without providers would turn all certified mail into ordinary mail, so it counts as broken. */
function readUsable(bytes: Buffer): IndexReading {
  const reading = readIndex(bytes)
  if (reading.records.length === 0) throw new PecError('malformed', 'the index lists no provider')
  return reading
}

/** Tells one state of the file from another; that it cannot be looked at is a state too. */
async function readStamp(path: string): Promise<string> {
  try {
    return stampOf(await stat(path))
  } catch (error) {
    return reasonOf(error)
  }
}

async function readContents(path: string): Promise<Contents> {
  const file = await open(path, 'r')
  try {
    const facts = await file.stat()
    if (facts.size > LDIF_LIMITS.size) throw new PecError('malformed', `${facts.size} bytes are more than ${LDIF_LIMITS.size}`)
    return { stamp: stampOf(facts), modifiedAt: facts.mtime, bytes: await file.readFile() }
  } finally {
    await file.close()
  }
}

function stampOf(facts: { readonly ino: number; readonly size: number; readonly mtimeMs: number }): string {
  return `${facts.ino}/${facts.size}/${facts.mtimeMs}`
}
