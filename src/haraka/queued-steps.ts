/** The steps that the files of Haraka's queue name: the ledger must not forget them. */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../errors.js'
import { noteOf } from './note.js'

/** Listings of a queue that changes: a file that is gone when it is to be read may be there under another name. */
const LISTINGS = 20
/** Before the JSON with which Haraka begins a file: the number of its bytes. */
const LENGTH_BYTES = 4

/** Reads every file. Rejects if one cannot be read, or if the queue never holds still. */
export async function stepsInQueue(directory: string): Promise<ReadonlySet<string>> {
  const steps = new Set<string>()
  const read = new Set<string>()
  for (let listing = 0; listing < LISTINGS; listing++) {
    let isWhole = true
    for (const name of await readdir(directory)) {
      if (read.has(name) || !isQueued(name)) continue
      const notes = await notesIn(join(directory, name))
      if (notes === undefined) {
        isWhole = false
        continue
      }
      read.add(name)
      const step = noteOf(notes)?.step
      if (step !== undefined) steps.add(step)
    }
    if (isWhole) return steps
  }
  throw new Error('the queue changes too fast to be read')
}

/** Not a file that Haraka is writing, nor one that it has put aside. */
function isQueued(name: string): boolean {
  return /^\d+_\d+_/.test(name)
}

/** Undefined if the file is not there. */
async function notesIn(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { buffer } = await file.read(Buffer.alloc(LENGTH_BYTES), 0, LENGTH_BYTES, 0)
      const length = Math.min(buffer.readUInt32BE(), (await file.stat()).size)
      const head = await file.read(Buffer.alloc(length), 0, length, LENGTH_BYTES)
      const { notes } = JSON.parse(head.buffer.toString()) as { readonly notes: Readonly<Record<string, unknown>> }
      return notes
    } finally {
      await file.close()
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
