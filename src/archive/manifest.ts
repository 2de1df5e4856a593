/** The manifest of a day: what its archive holds, and the day before. It is what is signed and stamped. README.md here. */
import { PecError } from '../errors.js'
import { isDay } from './day.js'
import type { FileDigest } from '../file-digest.js'

export const FORMAT = 'haraka-pec archive 1'

export interface Member extends FileDigest {
  readonly name: string
}

export interface Manifest {
  readonly format: typeof FORMAT
  readonly provider: { readonly name: string; readonly domain: string }
  readonly day: string
  /** From (included) to (excluded), ISO 8601. */
  readonly period: { readonly from: string; readonly to: string }
  /** When the archive was closed, ISO 8601. */
  readonly closed: string
  /** From this day on the archive itself may be missing. */
  readonly keep: string
  readonly versions: Readonly<Record<string, string>>
  /** The day before, by the SHA-256 of its manifest; null for the first. */
  readonly previous: { readonly day: string; readonly sha256: string } | null
  /** Events of each type. */
  readonly events: Readonly<Record<string, number>>
  /** Events of earlier days, committed after these were archived. */
  readonly late: Readonly<Record<string, number>>
  /** The zip file, and what is in it. */
  readonly archive: Member
  readonly members: readonly Member[]
}

/** A value to a line, so that other tools find it. */
export function writeManifest(manifest: Manifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`)
}

/** Throws PecError 'archive' for what is no manifest. */
export function readManifest(bytes: Buffer): Manifest {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new PecError('archive', 'the manifest is not JSON', { cause })
  }
  const fault = faultOf(value)
  if (fault !== undefined) throw new PecError('archive', `the manifest ${fault}`)
  return value as Manifest
}

function faultOf(value: unknown): string | undefined {
  if (!isRecord(value) || value['format'] !== FORMAT) return `is not of the form "${FORMAT}"`
  const { provider, day, period, closed, keep, previous, events, late, archive, members } = value
  if (typeof day !== 'string' || !isDay(day)) return 'names no day'
  if (typeof keep !== 'string' || !isDay(keep)) return 'does not say until when it is kept'
  if (!isRecord(provider) || !hasTexts(provider, 'name', 'domain')) return 'names no provider'
  if (!isRecord(period) || !hasTexts(period, 'from', 'to') || typeof closed !== 'string') return 'names no period'
  if (previous !== null && !(isRecord(previous) && hasTexts(previous, 'day', 'sha256'))) return 'does not tell the day before'
  if (!isRecord(events) || !isRecord(late)) return 'counts no events'
  if (!isMember(archive) || !Array.isArray(members) || !members.every(isMember)) return 'lists no members'
  return undefined
}

function isMember(value: unknown): boolean {
  return isRecord(value) && hasTexts(value, 'name', 'sha256') && typeof value['size'] === 'number'
}

function hasTexts(value: Readonly<Record<string, unknown>>, ...keys: readonly string[]): boolean {
  return keys.every((key) => typeof value[key] === 'string')
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
