/** Files put in the place of others in one step, durably: whoever reads the path finds the old one or the new one, whole. */
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pid } from 'node:process'

/** `mode` and `modifiedAt`, if it is not now, are the new file's. Rejects with the system's error, the old file untouched. */
export async function replaceFile(path: string, bytes: Buffer, mode: number, modifiedAt?: Date): Promise<void> {
  const temporary = `${path}.${pid}.new`
  try {
    const file = await open(temporary, 'w', mode)
    try {
      await file.chmod(mode)
      await keepOwner(path, file)
      await file.writeFile(bytes)
      if (modifiedAt !== undefined) await file.utimes(modifiedAt, modifiedAt)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** A change by root must not lock the gateway out of its own file. */
async function keepOwner(path: string, file: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return
  const owner = await stat(path).catch(() => stat(dirname(path)))
  await file.chown(owner.uid, owner.gid)
}
