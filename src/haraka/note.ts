/** The note that a message of ours carries in its queue file, so that it is known for what it is after a restart too. */
import type { Errand } from '../points/ports.js'

export interface Note {
  readonly step: string
  readonly errand: Errand
}

/** Haraka reads `skip_plugins` of any notes it is given. */
export function notesWith(note: Note): Record<string, unknown> {
  return { skip_plugins: [], pec: note }
}

/** The note of a queued message; undefined if the gateway did not make it. */
export function noteOf(notes: Readonly<Record<string, unknown>>): Note | undefined {
  const note = notes['pec']
  return typeof note === 'object' && note !== null && 'step' in note && 'errand' in note ? (note as Note) : undefined
}
