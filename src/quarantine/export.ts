/**
 * A message out of quarantine, for whoever must examine it. It comes in a zip file, under a name that no program opens by a double-click,
 * with a note of what it is. A raw .eml would open, with its attachments, in any mail program.
 */
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { isThere, publish, unfinished } from '../archive/place.js'
import { writeZip } from '../archive/zip.js'
import { PecError, reasonOf } from '../errors.js'
import type { QuarantinedMessage } from '../points/ports.js'

/**
 * Writes the zip file to `out`, where no file may be, readable by its owner only. `announce` is awaited before it is there. Rejects with
 * PecError 'quarantine' if the message is missing or not what was kept, 'configuration' if `out` cannot be written.
 */
export async function exportKept(
  directory: string,
  kept: QuarantinedMessage,
  { out, now, announce }: { readonly out: string; readonly now: Date; readonly announce: () => Promise<void> },
): Promise<void> {
  if (await isThere(out)) throw new PecError('configuration', `${out} is there already`)
  const path = join(directory, `${kept.id}.eml`)
  if (!(await isThere(path))) throw new PecError('quarantine', `${path} is not there: it may be on another node`)
  const draft = unfinished(out)
  try {
    const members = [
      { name: `${kept.id}.infected`, bytes: () => createReadStream(path) as AsyncIterable<Buffer> },
      { name: 'README.txt', bytes: () => Readable.from([Buffer.from(noteOn(kept))]) },
    ]
    const [message] = await writeZip(draft, members, now).catch((cause: unknown) => {
      throw new PecError('configuration', `${out} cannot be written: ${reasonOf(cause)}`, { cause })
    })
    if (message?.sha256 !== kept.sha256) throw new PecError('quarantine', `${path} is not what was kept: its SHA-256 differs`)
    await announce()
    await publish(draft, out)
  } finally {
    await rm(draft, { force: true })
  }
}

function noteOn({ id, identifier, signature, sha256, size }: QuarantinedMessage): string {
  return [
    `${id}.infected is a mail message (RFC 5322) WITH A VIRUS: ${signature}.`,
    'Open it only in a place made for that.',
    '',
    `Identifier: ${identifier}`,
    `SHA-256: ${sha256}`,
    `Bytes: ${size}`,
    '',
  ].join('\r\n')
}
