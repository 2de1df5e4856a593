/** Files that the operator names. */
import { readFile, writeFile } from 'node:fs/promises'
import { PecError } from '../errors.js'

/** Copies a file that the operator named, telling by its name what is wrong with it. */
export async function takeFile(from: string, to: string, mode: number): Promise<void> {
  const bytes = await readFile(from).catch((cause: unknown) => {
    throw new PecError('configuration', `${from} cannot be read`, { cause })
  })
  await writeFile(to, bytes, { mode })
}
