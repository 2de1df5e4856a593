/** What a demonstration leaves behind where it is asked to: every message, and what one needs to verify them. */
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KINDS } from '../pec/kinds.js'
import type { Stage } from './stage.js'
import type { Verified } from './verification.js'

const MESSAGE = /^\d\d-[a-z-]+\.eml$/

/** Writes NN-kind.eml, ca.pem, crl.pem and index.ldif into `directory`; messages of an earlier demonstration there go. */
export async function keep(directory: string, letters: readonly Verified[], { authority, a }: Stage): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const name of await readdir(directory)) if (MESSAGE.test(name)) await rm(join(directory, name))
  await copyFile(authority.anchor, join(directory, 'ca.pem'))
  await copyFile(authority.revocationList, join(directory, 'crl.pem'))
  await copyFile(a.indexFile, join(directory, 'index.ldif'))
  for (const [position, { letter, certified }] of distinct(letters).entries()) {
    const number = String(position + 1).padStart(2, '0')
    const kind = certified === undefined ? 'not-certified' : KINDS[certified.kind].value
    await writeFile(join(directory, `${number}-${kind}.eml`), letter.bytes)
  }
}

/** An envelope has a copy in each recipient's mailbox: one of them is enough. */
function distinct(letters: readonly Verified[]): Verified[] {
  return letters.filter(({ letter }, at) => letters.findIndex((other) => other.letter.bytes.equals(letter.bytes)) === at)
}
