/** The message in a file of Haraka's queue, as it was prepared: without the wire's dots, in memory or in a file. */
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fromBuffer, fromFile, indexOf, slice, type Source } from '../mail/source.js'
import type { ArrivalSettings } from './arrival.js'
import { dotUnstuffed } from '../mail/dots.js'
import type { QueuedMail } from './types.js'

const STUFFED_LINE = Buffer.from('\n.')

/** Gives the message to `use`, and takes down afterwards what it needed for it. */
export async function withQueuedMessage<T>(
  mail: QueuedMail,
  settings: ArrivalSettings,
  use: (message: Source) => Promise<T>,
): Promise<T> {
  const wire = slice(await fromFile(mail.path), mail.data_start, mail.file_size)
  if (wire.size <= settings.memory) {
    const pieces: Buffer[] = []
    for await (const chunk of dotUnstuffed(wire.chunks())) pieces.push(chunk)
    return use(fromBuffer(Buffer.concat(pieces)))
  }
  const first = await wire.read(0, 1)
  if (first[0] !== STUFFED_LINE[1] && (await indexOf(wire, STUFFED_LINE)) === -1) return use(wire)
  const path = join(settings.directory, `${mail.todo.uuid.replace(/[^\w.-]/g, '_')}.queued`)
  try {
    await pipeline(Readable.from(dotUnstuffed(wire.chunks())), createWriteStream(path, { mode: 0o600 }))
    return await use(await fromFile(path))
  } finally {
    await rm(path, { force: true })
  }
}
