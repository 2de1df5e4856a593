/** The events in the archive of a day, as its lines tell them. Whether it is what was sealed is told by `pec archive verify`. */
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { readZip } from '../archive/zip.js'
import { PecError, reasonOf } from '../errors.js'
import type { FoundEvent } from '../ledger/search.js'
import { readCertification } from '../pec/certification.js'
import { eventTypeOf } from './event-types.js'
import type { Proof } from './source.js'

const REGISTERS = ['register.jsonl', 'late.jsonl']

export interface ArchivedEvent {
  readonly event: FoundEvent
  readonly proof: Proof
}

/** Reads a zip file through. Rejects with PecError 'archive' if that cannot be done. */
export async function* archivedEvents(zip: string): AsyncGenerator<ArchivedEvent> {
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

/** What the user's client called the message, by the certification data of the event. */
export function clientMessageIdOf({ daticert }: Proof): string | undefined {
  const verdict = daticert === undefined ? undefined : readCertification(daticert)
  return verdict?.ok === true ? verdict.data.clientMessageId : undefined
}

function archivedOf(line: string): ArchivedEvent {
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
