/** What is different between two indexes of providers. */
import type { ProviderRecord } from '../points/ports.js'

export interface RecordChange {
  readonly change: 'added' | 'removed' | 'changed'
  readonly name: string
  readonly unit: string | undefined
  /** What was added to the record, and what was taken from it: all of it, where the record itself was. */
  readonly domains: Difference
  /** SHA-1 of their DER, hex. */
  readonly certificates: Difference
  /** The new receipts mailbox, where it is another one. */
  readonly mailReceipt: string | undefined
}

export interface Difference {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** More than that are counted, and not named. */
const NAMED = 50

/** A record is the same provider's if name and unit are the same, without case. */
export function changesBetween(before: readonly ProviderRecord[], after: readonly ProviderRecord[]): RecordChange[] {
  const old = byLabel(before)
  const present = byLabel(after)
  const gone = [...old].filter(([label]) => !present.has(label)).map(([, record]) => change('removed', record, undefined))
  const others = [...present].map(([label, record]) =>
    old.has(label) ? change('changed', old.get(label), record) : change('added', undefined, record),
  )
  return [...gone, ...others].flatMap((each) => (each === undefined || isEmpty(each) ? [] : [each]))
}

/** One line of plain English, e.g. `Provider B: domains added: one.example, two.example`. */
export function describeChange(record: RecordChange): string {
  const { change, domains, certificates, mailReceipt } = record
  const parts = [
    ...(change === 'changed' ? [] : [change]),
    ...[listed('domains added', domains.added), listed('domains removed', domains.removed)],
    ...[listed('certificates added', certificates.added), listed('certificates removed', certificates.removed)],
    mailReceipt === undefined ? '' : `receipts to ${mailReceipt}`,
  ]
  return `${labelOf(record)}: ${parts.filter((part) => part !== '').join('; ')}`
}

/** As `describeChange`, of a record of ours as the centre has it. */
export function describeOwnDifference(difference: RecordChange): string {
  if (difference.change === 'removed') return `the centre has no record of ${labelOf(difference)}: hand it ours`
  return `the centre has our own record otherwise, and ours stays as it is: ${describeChange(difference)}`
}

function labelOf({ name, unit }: RecordChange): string {
  return unit === undefined ? name : `${name}, ${unit}`
}

function byLabel(records: readonly ProviderRecord[]): Map<string, ProviderRecord> {
  return new Map(records.map((record) => [JSON.stringify([record.name, record.unit]).toLowerCase(), record]))
}

function change(
  kind: RecordChange['change'],
  before: ProviderRecord | undefined,
  after: ProviderRecord | undefined,
): RecordChange | undefined {
  const record = after ?? before
  if (record === undefined) return undefined
  return {
    ...{ change: kind, name: record.name, unit: record.unit },
    domains: difference(before?.managedDomains, after?.managedDomains),
    certificates: difference(before?.certificateHashes, after?.certificateHashes),
    mailReceipt: after === undefined || after.mailReceipt === before?.mailReceipt ? undefined : after.mailReceipt,
  }
}

function difference(before: ReadonlySet<string> = new Set(), after: ReadonlySet<string> = new Set()): Difference {
  return {
    added: [...after].filter((each) => !before.has(each)).sort(),
    removed: [...before].filter((each) => !after.has(each)).sort(),
  }
}

function isEmpty({ change, domains, certificates, mailReceipt }: RecordChange): boolean {
  const different = [domains, certificates].some(({ added, removed }) => added.length + removed.length > 0)
  return change === 'changed' && !different && mailReceipt === undefined
}

function listed(what: string, items: readonly string[]): string {
  const more = items.length > NAMED ? ` and ${items.length - NAMED} more` : ''
  return items.length === 0 ? '' : `${what}: ${items.slice(0, NAMED).join(', ')}${more}`
}
