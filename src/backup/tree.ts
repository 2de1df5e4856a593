/** Folders copied file by file, privately and durably, with a digest of each. */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../errors.js'

export interface CopiedFile {
  /** Below the folder that was copied to, with slashes. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Hex, lower case. */
  readonly sha256: string
}

/**
 * Copies what is below a folder; files 0600, folders 0700. `isWanted` is asked with the path below `from`, of folders too. A file
 * that goes away meanwhile, as in a queue, is left out, and one that is there already is left as it is. Links are not followed.
 */
export async function copyTree(
  from: string,
  to: string,
  isWanted: (path: string) => boolean = () => true,
): Promise<CopiedFile[]> {
  const copied: CopiedFile[] = []
  const visit = async (below: string): Promise<void> => {
    await mkdir(join(to, below), { recursive: true, mode: 0o700 })
    const entries = await readdir(join(from, below), { withFileTypes: true }).catch(noneIfGone)
    for (const entry of entries) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (!isWanted(path)) continue
      if (entry.isDirectory()) await visit(path)
      else if (entry.isFile()) {
        const file = await copyFile(join(from, path), join(to, path))
        if (file !== undefined) copied.push({ path, ...file })
      }
    }
  }
  await visit('')
  return copied
}

/** Undefined if it is gone, or was copied before. Rejects with what the file system says otherwise. */
async function copyFile(from: string, to: string): Promise<Omit<CopiedFile, 'path'> | undefined> {
  try {
    const source = await open(from, 'r')
    try {
      const target = await open(to, 'wx', 0o600)
      try {
        const hash = createHash('sha256')
        let size = 0
        for await (const chunk of source.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
          hash.update(chunk)
          await target.writeFile(chunk)
          size += chunk.length
        }
        await target.sync()
        return { size, sha256: hash.digest('hex') }
      } finally {
        await target.close()
      }
    } finally {
      await source.close()
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EEXIST')) return undefined
    throw error
  }
}

function noneIfGone(error: unknown): [] {
  if (hasCode(error, 'ENOENT')) return []
  throw error
}
