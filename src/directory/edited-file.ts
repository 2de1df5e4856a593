/** A directory file that is changed: the new one replaces the old one in one step, and a lock keeps two edits from undoing each other. */
import { open, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { PecError, hasCode } from '../errors.js'
import { replaceFile } from '../replace-file.js'
import { formatDirectory, parseDirectory, type DirectoryContents } from './directory-contents.js'
import { readDirectoryFile } from './file-directory.js'

/** Tries, and milliseconds between them, to get the lock. */
const LOCK_TRIES = 100
const LOCK_PAUSE = 50

/** Replaces the file by one with this change, if a gateway would take it over. Rejects with PecError 'directory' if it cannot be. */
export async function edit(path: string, change: (contents: DirectoryContents) => DirectoryContents): Promise<void> {
  const lock = `${path}.lock`
  await acquire(lock)
  try {
    const text = formatDirectory(change(readOrEmpty(path)))
    // Nothing is written that the gateway would not take over.
    const reading = parseDirectory(text)
    if (!reading.ok) throw refused(reading.faults.join('; '))
    await replaceFile(path, Buffer.from(text), 0o600).catch((error: unknown) => {
      throw refused(`cannot write ${path}`, error)
    })
  } finally {
    await unlink(lock)
  }
}

/** A lock left by a process that died is not broken by guesswork: the message tells the administrator what to do. */
async function acquire(lock: string): Promise<void> {
  for (let left = LOCK_TRIES; ; left -= 1) {
    try {
      const file = await open(lock, 'wx', 0o600)
      await file.writeFile(`${process.pid}\n`)
      await file.close()
      return
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw refused(`cannot make ${lock}`, error)
      if (left <= 1) throw refused(`another edit is at work; if none is, remove ${lock}`, error)
      await sleep(LOCK_PAUSE)
    }
  }
}

function readOrEmpty(path: string): DirectoryContents {
  try {
    return readDirectoryFile(path).contents
  } catch (error) {
    if (hasCode(error, 'ENOENT'))
      return { domains: new Set(), ordinaryMail: new Map(), mailboxes: new Map(), administrators: new Map() }
    throw error
  }
}

export function refused(message: string, cause?: unknown): PecError {
  return new PecError('directory', message, { cause })
}
