/** The archive's folder: the files of each day, and how they come to be there whole or not at all. */
import { createHash, randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { hasCode } from '../errors.js'
import { isDay } from './day.js'
import { syncFolder } from '../write-source.js'

/** The files of a day, by what they are. */
export interface DayFiles {
  /** The register and the flat logs. */
  readonly zip: string
  readonly manifest: string
  /** CMS, detached, over the manifest. */
  readonly signature: string
  /** RFC 3161, over the signature. */
  readonly stamp: string
}

export function filesOf(folder: string, day: string): DayFiles {
  const path = join(folder, day)
  return { zip: `${path}.zip`, manifest: `${path}.json`, signature: `${path}.json.p7s`, stamp: `${path}.json.p7s.tsr` }
}

/** Which events are in the archive of a day, for a search to know (`retrieval/day-marks`). No part of what is sealed. */
export function marksFile(folder: string, day: string): string {
  return join(folder, 'search', `${day}.marks`)
}

/** Days that have any file in the folder, in order. */
export async function daysIn(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  return [...new Set(names.map((name) => name.slice(0, 10)).filter(isDay))].sort()
}

export function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** The bytes of a small file; undefined if there is none. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** A private folder, made if it is not there. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

/** A name beside a file, for what is not finished. */
export function unfinished(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}`)
}

/** Puts a file in its place, durable when it resolves; whatever was there goes. */
export async function writeWhole(path: string, bytes: Buffer | string): Promise<void> {
  const draft = unfinished(path)
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
    await syncFolder(dirname(path))
  } finally {
    await rm(draft, { force: true })
  }
}

/** Gives a finished file its name, unless another has it; durable when it resolves. */
export async function publish(draft: string, path: string): Promise<void> {
  const file = await open(draft, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  await link(draft, path)
  await syncFolder(dirname(path))
}
