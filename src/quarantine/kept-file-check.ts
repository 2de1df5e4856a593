/** Whether the file of an infected message is still what was put there. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PecError, reasonOf } from '../errors.js'
import type { KeptFile } from '../points/ports.js'

export type KeptFileState = 'intact' | 'missing' | 'altered'

/** Reads the file whole, in pieces. Rejects with PecError 'quarantine', temporary, if it is there and cannot be read. */
export async function stateOfKeptFile(
  directory: string,
  { id, sha256, size }: Pick<KeptFile, 'id' | 'sha256' | 'size'>,
): Promise<KeptFileState> {
  const path = join(directory, `${id}.eml`)
  try {
    if ((await stat(path)).size !== size) return 'altered'
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    return hash.digest('hex') === sha256 ? 'intact' : 'altered'
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return 'missing'
    throw new PecError('quarantine', `the quarantine's ${path} cannot be read: ${reasonOf(cause)}`, { temporary: true, cause })
  }
}
