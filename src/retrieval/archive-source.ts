/**
 * Events out of the archives of their days (L5), for what has left the database or a database that is away. Each archive of the period
 * is read through: give a period where there is one. Whether an archive is what was sealed is told by `pec archive verify`.
 */
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { dayOf } from '../archive/day.js'
import { daysIn, filesOf, isThere } from '../archive/place.js'
import { readZip } from '../archive/zip.js'
import { PecError, reasonOf } from '../errors.js'
import { isMeant, type FoundEvent, type RegisterQuery } from '../ledger/search.js'
import { readCertification } from '../pec/certification.js'
import { eventTypeOf } from './event-types.js'
import type { EventSource, Proof } from './source.js'

/** Events that were committed late are in the archive of a later day, this many days later at most. */
const LATE_DAYS = 7
const DAY_MS = 86_400_000
const REGISTERS = ['register.jsonl', 'late.jsonl']

interface Archived {
  readonly event: FoundEvent
  readonly proof: Proof
}

/** Rejects with PecError 'archive' for an archive that cannot be read. */
export function archiveSource(folder: string): EventSource {
  return {
    name: 'archives',
    async *search(query) {
      const identifiers = new Set<string>()
      for (const day of await daysOf(folder, query))
        for await (const { event, proof } of eventsOfDay(folder, day)) {
          if (query.clientMessageId !== undefined && clientMessageIdOf(proof) === query.clientMessageId)
            identifiers.add(event.identifier)
          if (fits(event, query, identifiers)) yield { ...event, evidence: () => Promise.resolve(proof) }
        }
    },
  }
}

async function daysOf(folder: string, { from, to }: RegisterQuery): Promise<readonly string[]> {
  const first = from === undefined ? '' : dayOf(from)
  const last = to === undefined ? '9999-12-31' : dayOf(new Date(to.getTime() + LATE_DAYS * DAY_MS))
  return (await daysIn(folder)).filter((day) => day >= first && day <= last)
}

/** The events of a message follow the first one, whose daticert.xml has what its user's client called it. */
function fits(event: FoundEvent, query: RegisterQuery, identifiers: ReadonlySet<string>): boolean {
  const { clientMessageId, from, to } = query
  if (clientMessageId !== undefined && !identifiers.has(event.identifier)) return false
  return isMeant(event, query) && (from === undefined || event.at >= from) && (to === undefined || event.at < to)
}

function clientMessageIdOf({ daticert }: Proof): string | undefined {
  const verdict = daticert === undefined ? undefined : readCertification(daticert)
  return verdict?.ok === true ? verdict.data.clientMessageId : undefined
}

async function* eventsOfDay(folder: string, day: string): AsyncGenerator<Archived> {
  const { zip } = filesOf(folder, day)
  if (!(await isThere(zip))) return
  try {
    for await (const { name, bytes } of readZip(zip)) {
      if (!REGISTERS.includes(name)) continue
      const lines = createInterface({ input: Readable.from(bytes, { objectMode: false }), crlfDelay: Infinity })
      for await (const line of lines) yield archivedOf(line)
    }
  } catch (cause) {
    throw new PecError('archive', `${zip} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

function archivedOf(line: string): Archived {
  const row = rowOf(line)
  const type = eventTypeOf(text(row, 'type'))
  const [at, recipients, subject] = [new Date(text(row, 'at')), row?.['recipients'], row?.['subject']]
  if (row === undefined || type === undefined || Number.isNaN(at.getTime()) || !Array.isArray(recipients))
    throw new PecError('archive', 'a line of it is no event of the register')
  const event = {
    ...{ id: Number(row['id']), at, type, identifier: text(row, 'identifier'), messageId: text(row, 'messageId') },
    ...{ sender: text(row, 'sender'), recipients: recipients.map(String), provider: text(row, 'provider') },
    ...{ subject: typeof subject === 'string' ? subject : undefined, outcome: text(row, 'outcome') },
  }
  return { event, proof: { daticert: bytesOf(row, 'daticert'), signature: bytesOf(row, 'signature') } }
}

type Row = Readonly<Record<string, unknown>>

function rowOf(line: string): Row | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Row) : undefined
  } catch {
    return undefined
  }
}

function text(row: Row | undefined, key: string): string {
  const value = row?.[key]
  return typeof value === 'string' ? value : ''
}

function bytesOf(row: Row, key: string): Buffer | undefined {
  const value = row[key]
  return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
}
