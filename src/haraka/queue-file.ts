/**
 * Files of Haraka's outbound queue, written by ourselves: a message that we deliver at the first attempt then never passes through
 * Haraka, and one that we do not is taken up by Haraka from the same file, now or after a restart. The form is Haraka's own.
 */
import { randomUUID } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { dotStuffed } from '../mail/dots.js'
import type { Dispatch } from '../points/ports.js'
import { pathOf } from './address.js'
import { notesWith } from './note.js'
import type { HarakaQueue, Todo } from './types.js'

/** One file: a dispatch, or its part for one domain. */
export interface QueueFile {
  readonly name: string
  readonly path: string
  readonly notes: Record<string, unknown>
  /** With the recipients of this file. */
  readonly dispatch: Dispatch
}

/** Bytes gathered before they are written. */
const GATHERED = 1024 * 1024

/** The files that a dispatch needs: peers get one envelope for all their recipients of a domain. */
export function filesOf(step: string, dispatch: Dispatch, queue: HarakaQueue): QueueFile[] {
  const notes = notesWith({ step, errand: dispatch.errand })
  const domains = new Map<string, string[]>()
  for (const address of dispatch.to) {
    const { host } = pathOf(address)
    const known = domains.get(host)
    if (known === undefined) domains.set(host, [address])
    else known.push(address)
  }
  return [...domains.values()].map((to) => {
    const name = queue.newName()
    return { name, path: join(queue.directory, name), notes, dispatch: { ...dispatch, to } }
  })
}

/**
 * Writes a file durably, but for its name in the directory. It begins elsewhere: Haraka removes what it takes for unfinished
 * files in its directory whenever a worker starts.
 */
export async function writeQueueFile(file: QueueFile, queue: HarakaQueue, spool: string): Promise<void> {
  const unfinished = join(spool, file.name)
  const handle = await open(unfinished, 'wx', 0o600)
  try {
    await writeMessage(handle, queue.headOf(todoOf(file)), file.dispatch)
    await handle.sync()
  } catch (error) {
    await handle.close()
    await rm(unfinished, { force: true })
    throw error
  }
  await handle.close()
  await rename(unfinished, file.path)
}

function todoOf({ notes, dispatch }: QueueFile): Todo {
  const recipients = dispatch.to.map(pathOf)
  const transaction = { mail_from: pathOf(dispatch.from), notes, uuid: `${randomUUID().toUpperCase()}.1` }
  return { queue_time: Date.now(), domain: recipients[0]?.host ?? '', rcpt_to: recipients, force_tls: false, ...transaction }
}

/** What Haraka puts first, and the message as it goes over the wire. */
async function writeMessage(handle: FileHandle, head: Buffer, { message }: Dispatch): Promise<void> {
  let gathered: Buffer[] = [head]
  let size = head.length
  for await (const chunk of dotStuffed(message.chunks())) {
    gathered.push(chunk)
    size += chunk.length
    if (size < GATHERED) continue
    await writeWhole(handle, gathered)
    gathered = []
    size = 0
  }
  if (gathered.length > 0) await writeWhole(handle, gathered)
}

/** A disk that is nearly full takes a part, without a word; the rest then fails. */
async function writeWhole(handle: FileHandle, pieces: Buffer[]): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces)
  const whole = pieces.reduce((sum, { length }) => sum + length, 0)
  if (bytesWritten < whole) await handle.appendFile(Buffer.concat(pieces).subarray(bytesWritten))
}
