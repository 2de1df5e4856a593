/** A day of the register and its flat logs packed into a zip file, with the manifest of it. */
import { createReadStream } from 'node:fs'
import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { PecError } from '../errors.js'
import { dayAfter, monthsAfter, periodOf } from './day.js'
import type { ArchiveHouse } from './house.js'
import { handedInFor, logsFolder } from './logs.js'
import { FORMAT, writeManifest, type Manifest } from './manifest.js'
import { digestOf } from '../file-digest.js'
import { daysIn, filesOf, makeFolder, publish, readIfThere, sha256, unfinished, writeWhole } from './place.js'
import { LOOK_BACK, type ArchivedDay, type RegisterRow } from './register.js'
import { quarantineMembers } from './quarantine.js'
import { CSV_COLUMNS, csvRow, jsonLine, tableOf } from './rows.js'
import { readZip, writeZip, type NewMember } from './zip.js'

/** Rows held in memory: with the signatures of long messages some megabytes. */
const PAGE = 200

/**
 * Exports every day that is over, and over for so long that none of its events can still come, up to yesterday: also those on which
 * nothing happened, so that the chain has no holes. `stillOurs` renews the right to do so. Resolves with the days.
 */
export async function exportDays(house: ArchiveHouse, stillOurs: () => Promise<boolean>): Promise<readonly string[]> {
  const done: string[] = []
  for (;;) {
    const recent = await house.register.lastDays(LOOK_BACK)
    const last = recent[0]
    const day = last === undefined ? await house.register.firstDay() : dayAfter(last.day)
    if (day === undefined || house.clock().getTime() < periodOf(day).to.getTime() + house.margin) return done
    await exportDay(house, day, recent, stillOurs)
    done.push(day)
  }
}

async function exportDay(
  house: ArchiveHouse,
  day: string,
  recent: readonly ArchivedDay[],
  stillOurs: () => Promise<boolean>,
): Promise<void> {
  const { folder, register } = house
  await makeFolder(folder)
  const previous = recent[0]
  if (previous !== undefined) await checkPrevious(folder, previous)
  const files = filesOf(folder, day)
  const zip = unfinished(files.zip)
  const csv = unfinished(`${files.zip}.csv`)
  try {
    const late = await findLate(house, recent)
    const events: Record<string, number> = {}
    const logs = await handedInFor(folder, day, house.clock())
    const members: NewMember[] = [
      { name: 'register.jsonl', bytes: () => registerLines(house, day, csv, events) },
      { name: 'register.csv', bytes: () => createReadStream(csv) as AsyncIterable<Buffer> },
      ...(late.rows.length === 0 ? [] : [{ name: 'late.jsonl', bytes: () => Readable.from(late.rows.map(lineOf)) }]),
      ...(await quarantineMembers(register, day, late)),
      ...logs.map((name) => ({ name: `logs/${name}`, bytes: () => logBytes(folder, name) })),
    ]
    const closed = house.clock()
    const written = await writeZip(zip, members, closed)
    const { from, to } = periodOf(day)
    const manifest: Manifest = {
      format: FORMAT,
      provider: house.provider,
      day,
      period: { from: from.toISOString(), to: to.toISOString() },
      closed: closed.toISOString(),
      keep: monthsAfter(day, house.months),
      versions: house.versions,
      previous: previous === undefined ? null : { day: previous.day, sha256: previous.manifest },
      events,
      late: Object.fromEntries(late.counts),
      archive: { name: `${day}.zip`, ...(await digestOf(zip)) },
      members: written,
    }
    if (!(await stillOurs())) throw new PecError('archive', `another node took over the archive of ${day}`, { temporary: true })
    const bytes = writeManifest(manifest)
    // What a process that died has left: no day is registered with it.
    await rm(files.zip, { force: true })
    await publish(zip, files.zip)
    await writeWhole(files.manifest, bytes)
    const count = Object.values(events).reduce((sum, number) => sum + number, 0)
    await register.addDay({ day, state: 'exported', manifest: sha256(bytes).toString('hex'), events: count }, late.counts)
    for (const name of logs) await rm(join(logsFolder(folder), name), { force: true })
    for (const [earlier, number] of late.counts)
      house.alarm(`${number} events of ${earlier} were committed after that day was archived: they are in the archive of ${day}`)
  } finally {
    await rm(zip, { force: true })
    await rm(csv, { force: true })
  }
}

/** The last day archived must be here as it was: a folder of another node's own would begin a second chain. */
async function checkPrevious(folder: string, { day, manifest }: ArchivedDay): Promise<void> {
  const bytes = await readIfThere(filesOf(folder, day).manifest)
  if (bytes !== undefined && sha256(bytes).toString('hex') === manifest) return
  const fault = bytes === undefined ? 'is not' : 'is not what was archived'
  throw new PecError(
    'archive',
    `${filesOf(folder, day).manifest} ${fault} there: all nodes must have the same folder in [archive] directory; if a file was lost or altered, bring it back`,
  )
}

/** The events as lines; on the way they are counted and written to the table. */
async function* registerLines(
  house: ArchiveHouse,
  day: string,
  csv: string,
  events: Record<string, number>,
): AsyncGenerator<Buffer> {
  await appendFile(csv, tableOf([CSV_COLUMNS]), { mode: 0o600 })
  for await (const page of pagesOf(house, day)) {
    for (const { type } of page) events[type] = (events[type] ?? 0) + 1
    await appendFile(csv, tableOf(page.map(csvRow)))
    for (const row of page) yield lineOf(row)
  }
}

async function* pagesOf({ register }: ArchiveHouse, day: string): AsyncGenerator<readonly RegisterRow[]> {
  for (let after: RegisterRow | undefined; ;) {
    const page = await register.eventsOfDay(day, PAGE, after)
    if (page.length > 0) yield page
    if (page.length < PAGE) return
    after = page.at(-1)
  }
}

function lineOf(row: RegisterRow): Buffer {
  return Buffer.from(jsonLine(row))
}

function logBytes(folder: string, name: string): AsyncIterable<Buffer> {
  return createReadStream(join(logsFolder(folder), name)) as AsyncIterable<Buffer>
}

interface Late {
  readonly rows: readonly RegisterRow[]
  /** By the day of the events. */
  readonly counts: ReadonlyMap<string, number>
}

/** Events of days archived that are in no archive: the clock of a node was behind, or its database took longer than the margin. */
async function findLate(house: ArchiveHouse, recent: readonly ArchivedDay[]): Promise<Late> {
  const rows: RegisterRow[] = []
  const counts = new Map<string, number>()
  for (const { day, events } of recent) {
    const present = Object.values(await house.register.countDay(day)).reduce((sum, number) => sum + number, 0)
    if (present <= events) continue
    const known = await knownEvents(house.folder, day)
    const before = rows.length
    for await (const page of pagesOf(house, day)) rows.push(...page.filter(({ id }) => !known.has(id)))
    counts.set(day, rows.length - before)
  }
  return { rows, counts }
}

/** The numbers of the events in the archives of a day and of those after it. */
async function knownEvents(folder: string, day: string): Promise<ReadonlySet<number>> {
  const known = new Set<number>()
  const later = (await daysIn(folder)).filter((name) => name >= day)
  for (const each of later) {
    const wanted = each === day ? 'register.jsonl' : 'late.jsonl'
    for await (const { name, bytes } of readZip(filesOf(folder, each).zip)) {
      if (name !== wanted && name !== 'late.jsonl') continue
      for await (const line of createInterface({ input: Readable.from(bytes), crlfDelay: Infinity }))
        known.add(Number(/^\{"id":(\d+),/.exec(line)?.[1]))
    }
  }
  return known
}
