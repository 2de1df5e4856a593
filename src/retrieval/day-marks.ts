/**
 * Which days may hold what is asked for: beside the archive of each day a file of its marks, so that a search reads only the archives
 * of those days (L5). It is made of the archive, proves nothing, and is made again where it is not there or the archive is another one.
 *
 * The file: SHA-256 of the zip file as the manifest tells it, then 4 bytes of a SHA-256 for each mark and each two marks of an event,
 * sorted. A day that has a mark is always found; of those that have it not, some are read in vain: with a million marks, one in four
 * thousand.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readManifest } from '../archive/manifest.js'
import { filesOf, isThere, makeFolder, marksFile, writeWhole } from '../archive/place.js'
import { PecError, reasonOf } from '../errors.js'
import { addressKey, keyOf } from '../ledger/keys.js'
import type { FoundEvent } from '../ledger/search.js'
import { archivedEvents, clientMessageIdOf } from './archived-events.js'
import { MarkList } from './mark-list.js'

const HEAD = 32
const WIDTH = 4

/** Makes the marks of days that have just been archived. Rejects with PecError 'archive' if one cannot be read, or they cannot be written. */
export async function markDays(folder: string, days: readonly string[]): Promise<void> {
  for (const day of days) await writeMarks(folder, day, await marksOf(filesOf(folder, day).zip, await digestOf(folder, day)))
}

/**
 * Whether the archive of a day may have events with all marks of one of these queries. False if it is gone; `onMissing` hears
 * of it before an archive is read for its marks. Rejects like `markDays`.
 */
export async function mayHold(
  folder: string,
  day: string,
  wanted: readonly (readonly number[])[],
  onMissing: () => void,
): Promise<boolean> {
  if (!(await isThere(filesOf(folder, day).zip))) return false
  if (wanted.some((marks) => marks.length === 0)) return true
  const digest = await digestOf(folder, day).catch(() => undefined)
  // Without a manifest there is nothing to know an archive by.
  if (digest === undefined) return true
  const marks = (await knownMarks(folder, day, digest)) ?? (await newMarks(folder, day, digest, onMissing))
  return wanted.some((each) => each.every((mark) => has(marks, mark)))
}

async function digestOf(folder: string, day: string): Promise<Buffer> {
  return Buffer.from(readManifest(await readFile(filesOf(folder, day).manifest)).archive.sha256, 'hex')
}

async function knownMarks(folder: string, day: string, digest: Buffer): Promise<Buffer | undefined> {
  const marks = await readFile(marksFile(folder, day)).catch(() => undefined)
  return marks?.subarray(0, HEAD).equals(digest) === true ? marks : undefined
}

async function newMarks(folder: string, day: string, digest: Buffer, onMissing: () => void): Promise<Buffer> {
  onMissing()
  const marks = await marksOf(filesOf(folder, day).zip, digest)
  // Archives on a medium that can only be read are searched, too: each time from the beginning.
  await writeMarks(folder, day, marks).catch(() => undefined)
  return marks
}

async function writeMarks(folder: string, day: string, marks: Buffer): Promise<void> {
  const path = marksFile(folder, day)
  try {
    await makeFolder(dirname(path))
    await writeWhole(path, marks)
  } catch (cause) {
    throw new PecError('archive', `${path}, for searches, cannot be written: ${reasonOf(cause)}`, { temporary: true, cause })
  }
}

async function marksOf(zip: string, digest: Buffer): Promise<Buffer> {
  const list = new MarkList()
  for await (const { event, proof } of archivedEvents(zip)) {
    for (const mark of marksOfEvent(event)) list.add(mark)
    const clientMessageId = clientMessageIdOf(proof)
    if (clientMessageId !== undefined) list.add(markOf({ clientMessageId }))
  }
  const marks = list.sorted()
  const bytes = Buffer.alloc(HEAD + marks.length * WIDTH)
  digest.copy(bytes)
  marks.forEach((mark, index) => bytes.writeUInt32BE(mark, HEAD + index * WIDTH))
  return bytes
}

function marksOfEvent({ identifier, sender, recipients, provider, type }: FoundEvent): readonly number[] {
  const parts = { sender: addressKey(sender), provider, type }
  const joined =
    recipients.length === 0
      ? joinedMarks(parts)
      : recipients.flatMap((each) => joinedMarks({ ...parts, recipient: addressKey(each) }))
  return [markOf({ identifier }), ...joined]
}

type Marks = Readonly<
  Partial<Record<'identifier' | 'clientMessageId' | 'sender' | 'recipient' | 'provider' | 'type', string | undefined>>
>

/** The marks that a day has if it has an event of the query. */
export function marksOfQuery({ identifier, clientMessageId, sender, recipient, provider, type }: Marks): readonly number[] {
  return [
    ...(identifier === undefined ? [] : [markOf({ identifier: keyOf(identifier) })]),
    ...(clientMessageId === undefined ? [] : [markOf({ clientMessageId })]),
    ...joinedMarks({
      sender: sender === undefined ? undefined : addressKey(sender),
      recipient: recipient === undefined ? undefined : addressKey(recipient),
      ...{ provider, type },
    }),
  ]
}

/** What many events of a day have is asked for with something else: each mark, and each two of them. */
function joinedMarks({ sender, recipient, provider, type }: Marks): readonly number[] {
  const single: readonly Marks[] = [{ sender }, { recipient }, { provider }, { type }]
  const given = single.filter((values) => !Object.values(values).includes(undefined))
  return given.flatMap((one, index) => [markOf(one), ...given.slice(index + 1).map((other) => markOf({ ...one, ...other }))])
}

function markOf(values: Marks): number {
  return createHash('sha256').update(JSON.stringify(values)).digest().readUInt32BE()
}

function has(marks: Buffer, mark: number): boolean {
  let [low, high] = [0, (marks.length - HEAD) / WIDTH]
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = marks.readUInt32BE(HEAD + middle * WIDTH)
    if (found === mark) return true
    if (found < mark) low = middle + 1
    else high = middle
  }
  return false
}
