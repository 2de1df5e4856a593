/** The file that an extract is handed over in: all that is presented, in one zip. */
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { isThere, publish, unfinished } from '../archive/place.js'
import { digestOf, type FileDigest } from '../file-digest.js'
import { CSV_COLUMNS, csvRow, jsonLine, tableOf } from '../archive/rows.js'
import { writeZip, type NewMember } from '../archive/zip.js'
import { PecError, reasonOf } from '../errors.js'
import type { Extraction } from './extraction.js'
import { pdfOf } from './summary-pdf.js'
import { summaryOf, textOf } from './summary.js'

/**
 * Writes the extract to `path`, where no file may be, readable by its owner only. `announce` gets what it turned out to be before it
 * is there. Rejects with PecError 'configuration' if it cannot be written, or with what `announce` rejects with; nothing is there then.
 */
export async function packExtract(
  extraction: Extraction,
  path: string,
  announce: (facts: FileDigest) => Promise<void>,
): Promise<FileDigest> {
  if (await isThere(path)) throw new PecError('configuration', `${path} is there already`)
  const members = await membersOf(extraction)
  const draft = unfinished(path)
  const naming = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      throw new PecError('configuration', `${path} cannot be written: ${reasonOf(cause)}`, { cause })
    })
  try {
    await naming(writeZip(draft, members, extraction.request.at))
    const facts = await digestOf(draft)
    await announce(facts)
    await naming(publish(draft, path))
    return facts
  } finally {
    await rm(draft, { force: true })
  }
}

async function membersOf(extraction: Extraction): Promise<readonly NewMember[]> {
  const { events, request, seals } = extraction
  const summary = summaryOf(extraction)
  const rows = events.map(({ event, proof }) => ({ ...event, ...proof }))
  return [
    member('riepilogo.txt', textOf(summary)),
    member('riepilogo.pdf', await pdfOf(summary, request.at)),
    member('registro.jsonl', rows.map(jsonLine).join('')),
    member('registro.csv', tableOf([CSV_COLUMNS, ...rows.map(csvRow)])),
    ...events.flatMap(({ proof, files }) => [
      ...(files.daticert === undefined || proof.daticert === undefined ? [] : [member(files.daticert, proof.daticert)]),
      ...(files.signature === undefined || proof.signature === undefined ? [] : [member(files.signature, proof.signature)]),
    ]),
    ...[...seals.values()].flat().map(({ name, bytes }) => member(`archivio/${name}`, bytes)),
  ]
}

function member(name: string, content: string | Buffer): NewMember {
  return { name, bytes: () => Readable.from([Buffer.from(content)]) }
}
