/** Archived days sealed: the manifest signed with the provider's key, the signature stamped by an authority. */
import { readFile } from 'node:fs/promises'
import { PecError } from '../errors.js'
import { fromBuffer } from '../mail/source.js'
import { signDetached } from '../smime/sign.js'
import { stampDigest } from '../timestamp/client.js'
import { periodOf } from './day.js'
import type { ArchiveHouse } from './house.js'
import { filesOf, sha256, writeWhole } from './place.js'

/** Signs the manifests that are not. Resolves with their days; rejects with PecError 'signer', or 'archive' for one that was altered. */
export async function sealDays({ register, folder, issuer, clock }: ArchiveHouse): Promise<readonly string[]> {
  const days = await register.daysIn(['exported'])
  for (const { day, manifest } of days) {
    const files = filesOf(folder, day)
    const bytes = await readFile(files.manifest)
    if (sha256(bytes).toString('hex') !== manifest)
      throw new PecError('archive', `${files.manifest} was altered before it was signed`)
    await writeWhole(files.signature, await signDetached(fromBuffer(bytes), issuer.signer, clock()))
    await register.setState(day, 'sealed')
  }
  return days.map(({ day }) => day)
}

/** Has the signatures stamped that are not. Resolves with their days; rejects with PecError 'timestamp'. */
export async function stampDays({ register, folder, timestamp }: ArchiveHouse): Promise<readonly string[]> {
  const days = await register.daysIn(['sealed'])
  for (const { day } of days) {
    const files = filesOf(folder, day)
    const { response, stamp } = await stampDigest(sha256(await readFile(files.signature)), timestamp)
    if (stamp.time < periodOf(day).to)
      throw new PecError(
        'timestamp',
        `${day} is not over by the clock of ${stamp.authority}, ${stamp.time.toISOString()}: ours is wrong`,
        { temporary: true },
      )
    await writeWhole(files.stamp, response)
    await register.setState(day, 'stamped')
  }
  return days.map(({ day }) => day)
}
