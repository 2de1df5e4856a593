/** The spool: messages too large for memory, while they are worked on. What a process that died has left there is nobody's. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Removes the files last written before a time, which must lie further back than any session lasts. Resolves with their number. */
export async function clearSpool(directory: string, before: Date): Promise<number> {
  let removed = 0
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    // Sessions end meanwhile, and take their files with them.
    const file = await stat(path).catch(() => undefined)
    if (file?.isFile() !== true || file.mtime >= before) continue
    await rm(path, { force: true })
    removed++
  }
  return removed
}
