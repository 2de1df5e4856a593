/**
 * The synchronisation of our copy of the index with the centre's. RFC 6109 §4.5
 *
 * Our own record stays as we have it: the centre takes it from us, and what we have added goes to it first. Everything else becomes
 * what the centre says, whole or not at all. The file as it came is kept beside the index, `.received`: what proves later what we
 * went by, whose age is that of the last synchronisation, and which an older one must not undo.
 */
import { readFile, stat } from 'node:fs/promises'
import { PecError } from '../errors.js'
import type { Clock, ProviderRecord } from '../points/ports.js'
import { replaceFile } from '../replace-file.js'
import { changesBetween, type RecordChange } from './index-changes.js'
import type { IndexSource } from './index-source.js'
import { parseLdif, writeLdif, type LdifEntry } from './ldif.js'
import { ownEntries } from './own-record.js'
import { readIndex, type IndexFault } from './provider-index.js'
import { certificateHash, readRecord } from './record.js'

export interface SynchroniserOptions {
  readonly source: IndexSource
  /** The index of providers. */
  readonly file: string
  /** Ours, DER: whose record is our own. */
  readonly certificate: () => Buffer
  /** How much of the providers, or of their domains, may be gone in the next index, in percent. */
  readonly shrink: number
  /** Writes down what changes, before it does. What it is told twice in a day it writes once. */
  readonly register: (changes: readonly RecordChange[], at: Date) => Promise<void>
  readonly clock: Clock
}

export interface Synchronised {
  readonly records: number
  readonly domains: number
  readonly changes: readonly RecordChange[]
  /** What the centre has otherwise about ourselves: our record there is old, or ours is wrong. */
  readonly ownDifferences: readonly RecordChange[]
  readonly faults: readonly IndexFault[]
}

/** Two indexes beside each other. */
export interface Comparison extends Synchronised {
  readonly ldif: Buffer
  readonly before: readonly ProviderRecord[]
  readonly after: readonly ProviderRecord[]
}

const DAY_MS = 86_400_000

export class Synchroniser {
  readonly url: string
  private readonly options: SynchroniserOptions
  private readonly received: string

  constructor(options: SynchroniserOptions) {
    this.options = options
    this.url = options.source.url
    this.received = `${options.file}.received`
  }

  /** When the index was last synchronised; undefined if it never was. */
  async lastAt(): Promise<Date | undefined> {
    const file = await stat(this.received).catch(() => undefined)
    return file?.mtime
  }

  /**
   * Fetches the index, and puts it in the place of our copy. Rejects with PecError 'index' if there is none (temporary) or if it is
   * refused: not signed as it should be, older than what we have, unreadable, much smaller (unless `mayShrink`); our copy stays.
   */
  async run(mayShrink = false): Promise<Synchronised> {
    const { source, file, certificate, shrink, register, clock } = this.options
    const received = await source.fetch()
    const ldif = await source.open(received)
    await this.refuseOlder(received)
    const comparison = compareIndexes(await readFile(file), ldif, certificate())
    if (!mayShrink) refuseShrunk(comparison.before, comparison.after, shrink)
    if (comparison.changes.length > 0) await register(comparison.changes, clock())
    await replaceFile(file, comparison.ldif, 0o644)
    await replaceFile(this.received, received, 0o644)
    return comparison
  }

  private async refuseOlder(received: Buffer): Promise<void> {
    const { source, clock } = this.options
    const kept = await readFile(this.received).catch(() => undefined)
    // What came from another source before says nothing about this one.
    const known = kept === undefined ? undefined : await source.signedAt(kept).catch(() => undefined)
    const signedAt = await source.signedAt(received)
    if (signedAt !== undefined && signedAt.getTime() > clock().getTime() + DAY_MS)
      throw refused(`it was signed at ${signedAt.toISOString()}, which is still to come`)
    if (known !== undefined && signedAt !== undefined && signedAt < known)
      throw refused(`it was signed at ${signedAt.toISOString()}, before the one that we have, at ${known.toISOString()}`)
  }
}

/** What taking over an index (LDIF) would change in the present one (LDIF); `certificate` is ours. Throws PecError 'index' if it is no index for us. */
export function compareIndexes(present: Buffer, fetched: Buffer, certificate: Buffer): Comparison {
  const entries = parseLdif(present)
  const own = ownEntries(entries, certificate)
  const isOwn = ownTest(own, certificate)
  const fetchedEntries = parseLdif(fetched)
  const others = fetchedEntries.filter((entry) => !isOwn(entry))
  const ldif = writeLdif([...own, ...others])
  const { records, domains, faults } = readIndex(ldif)
  const before = recordsOf(entries.filter((entry) => !isOwn(entry)))
  const after = recordsOf(others)
  if (after.length === 0) throw refused('it lists no other provider')
  return {
    ...{ ldif, before, after, domains, faults, records: records.length },
    changes: changesBetween(before, after),
    ownDifferences: changesBetween(recordsOf(own), recordsOf(fetchedEntries.filter(isOwn))),
  }
}

function ownTest(own: readonly LdifEntry[], certificate: Buffer): (entry: LdifEntry) => boolean {
  const names = new Set(own.map(({ dn }) => plain(dn)))
  const hash = certificateHash(certificate)
  return (entry) => names.has(plain(entry.dn)) || readRecord(entry).record?.certificateHashes.has(hash) === true
}

function plain(dn: string): string {
  return dn
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .join(',')
}

function recordsOf(entries: readonly LdifEntry[]): readonly ProviderRecord[] {
  return readIndex(writeLdif(entries)).records
}

/** An index that was cut, or emptied by mistake, would turn certified mail into anomalies. */
function refuseShrunk(before: readonly ProviderRecord[], after: readonly ProviderRecord[], most: number): void {
  const gone = (what: string, old: ReadonlySet<string>, present: ReadonlySet<string>): void => {
    const missing = [...old].filter((each) => !present.has(each)).length
    if (missing * 100 > old.size * most)
      throw refused(
        `${missing} of ${old.size} ${what} are gone, more than ${most} percent ([index] shrink); ` +
          'if that is right, take it over with: pec index sync --may-shrink',
      )
  }
  const names = (records: readonly ProviderRecord[]) => new Set(records.map(({ name, unit }) => JSON.stringify([name, unit])))
  const domains = (records: readonly ProviderRecord[]) => new Set(records.flatMap(({ managedDomains }) => [...managedDomains]))
  gone('providers', names(before), names(after))
  gone('domains', domains(before), domains(after))
}

function refused(reason: string): PecError {
  return new PecError('index', `the index is refused: ${reason}`)
}
