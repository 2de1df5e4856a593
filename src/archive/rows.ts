/** The rows of an export: one JSON object to a line, and one line of a table. README.md here lists the columns. */
import { stringify } from 'csv-stringify/sync'
import type { RegisterRow } from './register.js'
import { sha256 } from './place.js'

/** Everything, the certification data and the signature as base64. */
export function jsonLine(row: RegisterRow): string {
  const { id, at, type, identifier, messageId, sender, recipients, subject, provider, outcome, daticert, signature } = row
  return `${JSON.stringify({
    ...{ id, at: at.toISOString(), type, identifier, messageId, sender, recipients, subject: subject ?? null, provider, outcome },
    daticert: daticert?.toString('base64') ?? null,
    signature: signature?.toString('base64') ?? null,
  })}\n`
}

export const CSV_COLUMNS = [
  ...['id', 'at', 'type', 'identifier', 'message_id', 'sender', 'recipients', 'subject', 'provider', 'outcome'],
  ...['daticert_sha256', 'signature_sha256'],
]

export function csvRow(row: RegisterRow): string[] {
  const { id, at, type, identifier, messageId, sender, recipients, subject, provider, outcome, daticert, signature } = row
  return [
    ...[String(id), at.toISOString(), type, identifier, messageId, sender, recipients.join(' '), subject ?? '', provider],
    ...[outcome, digestOf(daticert), digestOf(signature)],
  ]
}

/** A value that a spreadsheet would take for a formula gets an apostrophe before it. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  return stringify(
    rows.map((row) => [...row]),
    { escape_formulas: true, record_delimiter: '\r\n' },
  )
}

function digestOf(bytes: Buffer | undefined): string {
  return bytes === undefined ? '' : sha256(bytes).toString('hex')
}
