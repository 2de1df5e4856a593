/** Whether an archive is what was sealed: all that can be said offline, from its files and the authorities' certificates. */
import { createHash } from 'node:crypto'
import { isPecError, reasonOf } from '../errors.js'
import { fromBuffer } from '../mail/source.js'
import { parseCertificate } from '../smime/certificate.js'
import type { TrustStore } from '../smime/trust.js'
import { verifyDetached } from '../smime/verify.js'
import { verifyResponse, type TimeStamp } from '../timestamp/response.js'
import { dayAfter, dayOf, periodOf } from './day.js'
import { readManifest, type Manifest, type Member } from './manifest.js'
import { digestOf } from '../file-digest.js'
import { daysIn, filesOf, isThere, readIfThere, sha256 } from './place.js'
import { readZip } from './zip.js'

export type FaultCode =
  | 'manifest' // missing, or no manifest of that day
  | 'zip' // missing, altered or not to be read
  | 'member' // missing, altered, or not in the manifest
  | 'signature' // missing, or not over this manifest
  | 'signer' // not to be trusted, or not the provider
  | 'stamp' // missing, not over this signature, or of a time at which the day was not over
  | 'chain' // the day before is another one than the manifest says
  | 'gap' // days are missing

export interface ArchiveFault {
  readonly day: string
  readonly code: FaultCode
  /** One sentence in English. */
  readonly text: string
}

export interface DayReport {
  readonly day: string
  readonly manifest: Manifest | undefined
  readonly stamp: TimeStamp | undefined
  /** The archive itself is gone, as it may be after its time. */
  readonly purged: boolean
  readonly faults: readonly ArchiveFault[]
}

export interface ArchiveTrust {
  /** Authorities of the provider's certificate. */
  readonly signers: TrustStore
  /** Authorities of time-stamping certificates. */
  readonly stamps: TrustStore
  readonly now: Date
}

/** Verifies every day in a folder, each as it is read, and that each follows the one before. */
export async function* verifyArchive(folder: string, trust: ArchiveTrust): AsyncGenerator<DayReport> {
  let before: string | undefined
  for (const day of await daysIn(folder)) {
    const report = await verifyDay(folder, day, trust)
    const gap =
      before === undefined || dayAfter(before) === day
        ? []
        : [{ day, code: 'gap' as const, text: `the days from ${dayAfter(before)} until this one are missing` }]
    yield { ...report, faults: [...gap, ...report.faults] }
    before = day
  }
}

/** Verifies one day, and its link to the day before if that is there. Rejects only if files cannot be read. */
export async function verifyDay(folder: string, day: string, trust: ArchiveTrust): Promise<DayReport> {
  const files = filesOf(folder, day)
  const faults: ArchiveFault[] = []
  const fault = (code: FaultCode, text: string): void => void faults.push({ day, code, text })
  const bytes = await readIfThere(files.manifest)
  const manifest = bytes === undefined ? undefined : attempt(() => readManifest(bytes), fault)
  if (bytes === undefined) fault('manifest', 'the manifest is missing')
  if (manifest !== undefined && manifest.day !== day) fault('manifest', `the manifest is that of ${manifest.day}`)
  const signature = await readIfThere(files.signature)
  const stamp = signature === undefined ? undefined : await checkStamp(files.stamp, signature, trust, fault)
  if (stamp !== undefined && stamp.time < periodOf(day).to)
    fault('stamp', `it was stamped at ${stamp.time.toISOString()}, before its day was over`)
  if (signature === undefined) fault('signature', 'the signature is missing')
  else if (bytes !== undefined) await checkSignature(bytes, signature, { manifest, stamp, trust }, fault)
  const isZipThere = await isThere(files.zip)
  const purged = !isZipThere && manifest !== undefined && manifest.keep <= dayOf(trust.now)
  if (!isZipThere && !purged) fault('zip', 'the zip file is missing')
  if (isZipThere && manifest !== undefined) await checkZip(files.zip, manifest, fault)
  if (manifest !== undefined) await checkLink(folder, manifest, fault)
  return { day, manifest, stamp, purged, faults }
}

type Tell = (code: FaultCode, text: string) => void

function attempt(read: () => Manifest, fault: Tell): Manifest | undefined {
  try {
    return read()
  } catch (error) {
    if (!isPecError(error)) throw error
    fault('manifest', error.message)
    return undefined
  }
}

async function checkStamp(
  path: string,
  signature: Buffer,
  { stamps }: ArchiveTrust,
  fault: Tell,
): Promise<TimeStamp | undefined> {
  const response = await readIfThere(path)
  if (response === undefined) {
    fault('stamp', 'the time stamp is missing')
    return undefined
  }
  const verdict = await verifyResponse(response, { digest: sha256(signature), trust: stamps })
  if (verdict.valid) return verdict.stamp
  fault('stamp', `the time stamp does not hold: ${verdict.reason}`)
  return undefined
}

interface Sealed {
  readonly manifest: Manifest | undefined
  readonly stamp: TimeStamp | undefined
  readonly trust: ArchiveTrust
}

/** Judged as of the time stamp: what becomes of the certificate later changes nothing. */
async function checkSignature(bytes: Buffer, signature: Buffer, { manifest, stamp, trust }: Sealed, fault: Tell): Promise<void> {
  const verdict = await verifyDetached(fromBuffer(bytes), signature)
  if (!verdict.valid) {
    fault('signature', `the signature does not hold over the manifest: ${verdict.fault}`)
    return
  }
  const at = stamp?.time ?? verdict.signingTime ?? trust.now
  const judged = await trust.signers.judge(verdict.certificate, verdict.chain, at)
  if (!judged.trusted) fault('signer', `the signer's certificate is not to be trusted: ${judged.reason}`)
  const address = manifest === undefined ? undefined : `posta-certificata@${manifest.provider.domain}`.toLowerCase()
  const { emails } = parseCertificate(verdict.certificate)
  if (address !== undefined && !emails.some((email) => email.toLowerCase() === address))
    fault('signer', `it is signed by ${emails.join(', ')}, not by ${address}`)
}

async function checkZip(path: string, { archive, members }: Manifest, fault: Tell): Promise<void> {
  const { size, sha256: digest } = await digestOf(path)
  if (size !== archive.size || digest !== archive.sha256) fault('zip', `the zip file is altered: its SHA-256 is ${digest}`)
  const missing = new Map(members.map((member) => [member.name, member]))
  try {
    for await (const { name, bytes } of readZip(path)) {
      const member = missing.get(name)
      missing.delete(name)
      if (member === undefined) fault('member', `${name} is not in the manifest`)
      else if (!(await isMember(bytes, member))) fault('member', `${name} is altered`)
    }
  } catch (error) {
    fault('zip', `the zip file cannot be read to its end: ${reasonOf(error)}`)
  }
  for (const name of missing.keys()) fault('member', `${name} is missing, or stands after what cannot be read`)
}

/** No more of it is read than there may be. */
async function isMember(bytes: AsyncIterable<Buffer>, { size, sha256: digest }: Member): Promise<boolean> {
  const hash = createHash('sha256')
  let read = 0
  for await (const chunk of bytes) {
    read += chunk.length
    if (read > size) return false
    hash.update(chunk)
  }
  return read === size && hash.digest('hex') === digest
}

async function checkLink(folder: string, { day, previous }: Manifest, fault: Tell): Promise<void> {
  if (previous === null) return
  if (dayAfter(previous.day) !== day) fault('chain', `the manifest names ${previous.day} as the day before`)
  const before = await readIfThere(filesOf(folder, previous.day).manifest)
  if (before !== undefined && sha256(before).toString('hex') !== previous.sha256)
    fault('chain', `the manifest of ${previous.day} is not the one that this day follows`)
}
