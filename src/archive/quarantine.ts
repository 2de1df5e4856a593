/** What a day's export tells of messages that came into quarantine (A3): facts about them, never the messages. README.md lists the columns. */
import { Readable } from 'node:stream'
import type { ArchiveRegister, RecordedQuarantine, RegisterRow } from './register.js'
import { tableOf } from './rows.js'
import type { NewMember } from './zip.js'

const COLUMNS = ['id', 'since', 'identifier', 'reason', 'signature', 'sha256', 'size', 'until', 'provider', 'sender']

/** `late` are the events of earlier days that came after those were exported. No members where nothing came into quarantine. */
export async function quarantineMembers(
  register: Pick<ArchiveRegister, 'quarantinedOn'>,
  day: string,
  late: { readonly rows: readonly RegisterRow[]; readonly counts: ReadonlyMap<string, number> },
): Promise<readonly NewMember[]> {
  const kept = [...(await register.quarantinedOn(day))]
  const identifiers = new Set(late.rows.map(({ identifier }) => identifier))
  for (const earlier of late.counts.keys())
    kept.push(...(await register.quarantinedOn(earlier)).filter(({ identifier }) => identifiers.has(identifier)))
  if (kept.length === 0) return []
  return [
    member('quarantine.jsonl', kept.map((row) => `${JSON.stringify(factsOf(row))}\n`).join('')),
    member('quarantine.csv', tableOf([COLUMNS, ...kept.map((row) => Object.values(factsOf(row)).map(String))])),
  ]
}

function factsOf({ id, since, identifier, reason, signature, sha256, size, until, provider, sender }: RecordedQuarantine) {
  return {
    ...{ id, since: since.toISOString(), identifier, reason, signature, sha256, size, until: until.toISOString() },
    ...{ provider, sender },
  }
}

function member(name: string, content: string): NewMember {
  return { name, bytes: () => Readable.from([Buffer.from(content)]) }
}
