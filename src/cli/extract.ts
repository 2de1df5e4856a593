/** Pieces of a PEC message as files, for openssl and other tools. */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PecError, reasonOf } from '../errors.js'
import { fromBuffer, type Source } from '../mail/source.js'
import type { Enclosures } from '../pec/enclosures.js'
import { PART } from '../pec/kinds.js'

/** The bytes that the signature is over. */
export const SIGNED_PART = 'signed-part.eml'

/** Writes what there is into `directory`, over nothing, and gives the paths. Throws PecError 'configuration'. */
export async function writeEnclosures(enclosures: Enclosures, directory: string): Promise<string[]> {
  const { original, certification, signature, signedPart } = enclosures
  const pieces: readonly (readonly [string, Source | undefined])[] = [
    [PART.original, original?.message],
    [PART.certification, certification && fromBuffer(certification)],
    [PART.signature, signature && fromBuffer(signature)],
    [SIGNED_PART, signedPart],
  ]
  const written: string[] = []
  try {
    await mkdir(directory, { recursive: true })
    for (const [name, source] of pieces) {
      if (source === undefined) continue
      const path = join(directory, name)
      await pipeline(source.chunks(), createWriteStream(path, { flags: 'wx' }))
      written.push(path)
    }
  } catch (error) {
    throw new PecError('configuration', `cannot write into ${directory}: ${reasonOf(error)}`, { cause: error })
  }
  return written
}
