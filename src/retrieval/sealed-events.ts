/**
 * Whether events are in the archives that their days were sealed with, and the same there: what was altered, added or taken over in a
 * database after its day was sealed does not pass for what was registered. That seals hold is told by `pec archive verify`.
 */
import { dayAfter, dayOf } from '../archive/day.js'
import { readManifest, type Manifest } from '../archive/manifest.js'
import { filesOf, isThere, readIfThere } from '../archive/place.js'
import { LOOK_BACK, type RegisterRow } from '../archive/register.js'
import { jsonLine } from '../archive/rows.js'
import { isPecError } from '../errors.js'
import { digestOf } from '../file-digest.js'
import { archivedEvents } from './archived-events.js'

/** Of an event: the day of the archive, and what that has of it. */
export interface SealedEvent {
  readonly day: string
  readonly as:
    | 'same'
    | 'different'
    | 'only' // the database has it no more
    | 'absent' // it should have it
    | 'altered' // the archive is not the one of its manifest
}

/** A file that seals an archive, with its name. */
export interface SealFile {
  readonly name: string
  readonly bytes: Buffer
}

export interface Seals {
  /** Manifest, signature and time stamp of the archives that have the events, by day. */
  readonly days: ReadonlyMap<string, readonly SealFile[]>
  /** By the event's number; none for those whose day is not sealed, or whose archive is gone. */
  readonly events: ReadonlyMap<number, SealedEvent>
}

/** Looks for events in the archives of their days and in those later ones that have what came late. Rejects if files cannot be read. */
export async function findSeals(rows: readonly RegisterRow[], folder: string): Promise<Seals> {
  const days = new Map<string, readonly SealFile[]>()
  const events = new Map<number, SealedEvent>()
  for (const [day, missing] of byDay(rows)) {
    const own = await sealOf(folder, day)
    if (own === undefined) continue
    days.set(day, own.files)
    const as = await compare(folder, own, missing, events)
    if (as === undefined) continue
    for (let later = dayAfter(day), left = LOOK_BACK; left > 0 && missing.size > 0; later = dayAfter(later), left--) {
      const seal = await sealOf(folder, later)
      if (seal?.manifest?.late[day] === undefined) continue
      days.set(later, seal.files)
      await compare(folder, seal, missing, events)
    }
    for (const id of missing.keys()) events.set(id, { day, as })
  }
  return { days, events }
}

/** The lines of the events of each day, by their numbers. */
function byDay(rows: readonly RegisterRow[]): Map<string, Map<number, string>> {
  const days = new Map<string, Map<number, string>>()
  for (const row of rows) {
    const day = dayOf(row.at)
    const lines = days.get(day) ?? new Map<number, string>()
    days.set(day, lines.set(row.id, jsonLine(row)))
  }
  return days
}

interface Seal {
  readonly day: string
  readonly files: readonly SealFile[]
  /** Undefined if it cannot be read. */
  readonly manifest: Manifest | undefined
}

/** Undefined unless all three files are there. */
async function sealOf(folder: string, day: string): Promise<Seal | undefined> {
  const { manifest, signature, stamp } = filesOf(folder, day)
  const [of, by, at] = await Promise.all([readIfThere(manifest), readIfThere(signature), readIfThere(stamp)])
  if (of === undefined || by === undefined || at === undefined) return undefined
  const files = [
    { name: `${day}.json`, bytes: of },
    { name: `${day}.json.p7s`, bytes: by },
    { name: `${day}.json.p7s.tsr`, bytes: at },
  ]
  return { day, files, manifest: manifestIn(of) }
}

function manifestIn(bytes: Buffer): Manifest | undefined {
  try {
    return readManifest(bytes)
  } catch (error) {
    if (isPecError(error)) return undefined
    throw error
  }
}

/** Takes what it finds out of `missing`; resolves with what the others are then, or undefined where there is no archive to look into. */
async function compare(
  folder: string,
  { day, manifest }: Seal,
  missing: Map<number, string>,
  events: Map<number, SealedEvent>,
): Promise<'absent' | 'altered' | undefined> {
  const { zip } = filesOf(folder, day)
  if (manifest === undefined || !(await isThere(zip))) return undefined
  if ((await digestOf(zip)).sha256 !== manifest.archive.sha256) return 'altered'
  for await (const { event, proof } of archivedEvents(zip)) {
    const line = missing.get(event.id)
    if (line === undefined) continue
    missing.delete(event.id)
    events.set(event.id, { day, as: jsonLine({ ...event, ...proof }) === line ? 'same' : 'different' })
  }
  return 'absent'
}
