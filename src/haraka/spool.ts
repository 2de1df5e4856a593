/** Folders of files that are worked on, messages too large for memory and others. What a process that died has left there is nobody's. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../errors.js'

/**
 * Removes the files last written before a time, which must lie further back than any session lasts. Resolves with their number: 0 where there
 * is no such folder.
 */
export async function clearSpool(directory: string, before: Date): Promise<number> {
  let removed = 0
  for (const name of await readdir(directory).catch(noFolder)) {
    const path = join(directory, name)
    // Sessions end meanwhile, and take their files with them.
    const file = await stat(path).catch(() => undefined)
    if (file?.isFile() !== true || file.mtime >= before) continue
    await rm(path, { force: true })
    removed++
  }
  return removed
}

function noFolder(error: unknown): string[] {
  if (hasCode(error, 'ENOENT')) return []
  throw error
}
