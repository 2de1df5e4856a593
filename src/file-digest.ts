/** A file's size and digest. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

export interface FileDigest {
  /** Bytes. */
  readonly size: number
  /** Hex. */
  readonly sha256: string
}

/** Reads the file piece by piece. Rejects with the system's error. */
export async function digestOf(path: string): Promise<FileDigest> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') }
}
